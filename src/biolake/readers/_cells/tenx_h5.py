"""Cell Ranger's and Space Ranger's HDF5 matrices: version 2 (a group a genome), 3, and probes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.readers._cells.assembling import Candidate, Sheet
from biolake.readers._cells.frames import column_of, table_of
from biolake.readers._cells.hdf5 import attribute, guarded, numbers, opened, texts
from biolake.readers._cells.matrices import sparse

_CSC = {"data", "indices", "indptr", "shape", "barcodes"}


def sheet_of(path: Path) -> Sheet:
    """Describe a file; raises `SourceUnreadable` for an HDF5 file of another kind."""
    with opened(path) as file:
        return guarded(_sheet, path, file)


def _sheet(path: Path, file: Any) -> Sheet:
    import h5py

    group = file.get("matrix")
    if isinstance(group, h5py.Group) and "features" in group:
        var = _features(group["features"])
        version = "10x H5 v3"
    else:
        group = _genome(file)
        ids, names = texts(group, "genes"), texts(group, "gene_names")
        var = table_of({"name": pa.array(names.tolist()), "id": pa.array(ids.tolist())})
        version = "10x H5 v2"
    shape = numbers(group, "shape")
    stored = sparse(path, group, "csc", shape, turned=True)
    obs = table_of({"barcode": pa.array(texts(group, "barcodes").tolist(), pa.string())})
    if "filtered_barcodes" in group:
        kept = numbers(group, "filtered_barcodes")
        obs = table_of({"barcode": obs[0].combine_chunks(), "filtered_barcodes": column_of(kept)})
    attributes = {"format": version, **_told(file, group, var)}
    return Sheet((Candidate("matrix", stored, var),), obs, attributes=attributes)


def _features(group: Any) -> pa.Table:
    """Return the table of features: names first, then ids and all else that is one a feature."""
    import h5py

    columns = {name: column_of(texts(group, name)) for name in ("name", "id")}
    count = len(columns["id"])
    for name in sorted(group):
        found = group[name]
        one_each = isinstance(found, h5py.Dataset) and found.shape == (count,)
        if name in columns or name.startswith("_") or not one_each:
            continue
        whole = found.dtype.kind in "biuf"
        columns[name] = column_of(numbers(group, name) if whole else texts(group, name))
    return table_of(columns)


def _genome(file: Any) -> Any:
    """Return the one group of a version 2 file; several genomes, or none, are refused."""
    import h5py

    found = [g for g in file.values() if isinstance(g, h5py.Group) and set(g) >= _CSC]
    if len(found) == 1 and {"genes", "gene_names"} <= set(found[0]):
        return found[0]
    if len(found) > 1:
        raise SourceUnreadable(f"it holds matrices of {len(found)} genomes: write each by itself")
    raise SourceUnreadable(_other(set(file)))


def _other(groups: set[str]) -> str:
    if {"X", "obs", "var"} <= groups:
        return "it is an AnnData file: give it the ending .h5ad"
    if {"matrix", "row_attrs", "col_attrs"} <= groups:
        return "it is a loom file: give it the ending .loom"
    if "barcode_idx" in groups or "molecule_info" in groups:
        return "it holds molecules, not a matrix of cells: give the filtered_feature_bc_matrix.h5"
    return "an HDF5 file of another kind: it holds no 10x matrix"


def _told(file: Any, group: Any, var: pa.Table) -> dict[str, Any]:
    """Return genome and chemistry, as the file says."""
    genomes = var["genome"].unique().to_pylist() if "genome" in var.column_names else []
    if not genomes and "features" not in group:
        genomes = [group.name.strip("/")]
    kinds = var["feature_type"].unique().to_pylist() if "feature_type" in var.column_names else []
    chemistry = attribute(file, "chemistry_description")
    chemistry = chemistry[0] if isinstance(chemistry, list) and chemistry else chemistry
    told = {
        "genome": ", ".join(sorted(str(each) for each in genomes if each)),
        "chemistry": str(chemistry or ""),
        "feature_types": sorted(str(each) for each in kinds if each),
    }
    return {name: value for name, value in told.items() if value}


def barcodes_in_order(positions: dict[str, tuple[float, float]], obs: pa.Table) -> np.ndarray:
    """Return the place of each barcode; NaN where it has none."""
    names = obs[0].to_pylist()
    return np.array([positions.get(name, (np.nan, np.nan)) for name in names], dtype=np.float64)
