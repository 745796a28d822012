"""Loom files (HDF5): genes × cells, with attributes of rows and columns; read without loompy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.readers._cells.assembling import Candidate, Read, Sheet, assembled, numbered
from biolake.readers._cells.frames import column_of, table_of
from biolake.readers._cells.hdf5 import as_text, attribute, dataset, guarded, needs_hdf5, opened
from biolake.readers._cells.matrices import dense

# The usual names, most usual first (loom specification 3.0.0; velocyto; SCENIC; HCA).
_CELLS = ("CellID", "cell_id", "obs_names", "Barcode", "barcode", "cell_names", "CellName")
_GENES = (
    "Gene",
    "gene",
    "Symbol",
    "gene_name",
    "GeneName",
    "gene_names",
    "var_names",
    "featurekey",
)
_IDS = ("Accession", "ensembl_ids", "EnsemblID", "gene_id", "GeneID", "ID")
_LAYERS = ("counts", "raw_counts", "raw")


@needs_hdf5
def read_loom(path: Path) -> Read:
    """Read a file; raises `SourceUnreadable`."""
    with opened(path) as file:
        sheet = guarded(_sheet, path, file)
    return guarded(assembled, sheet)


def _sheet(path: Path, file: Any) -> Sheet:
    lacking = [name for name in ("matrix", "row_attrs", "col_attrs") if name not in file]
    if lacking:
        raise SourceUnreadable(f"it is no loom file: it has no {', '.join(lacking)}")
    main = dense(path, dataset(file, "matrix", dimensions=2), turned=True)
    obs = _table(file["col_attrs"], main.shape[0], "cell", _CELLS)
    var = _table(file["row_attrs"], main.shape[1], "gene", _GENES, _IDS)
    candidates = [Candidate("matrix", main, var)]
    for name in _LAYERS:
        if f"layers/{name}" in file:
            found = dense(path, dataset(file["layers"], name, dimensions=2), turned=True)
            candidates.append(Candidate(f"layers['{name}']", found, var))
    version = attribute(file, "LOOM_SPEC_VERSION") or attribute(
        file.get("attrs", file), "LOOM_SPEC_VERSION"
    )
    attributes = {"format": f"loom {version}" if isinstance(version, str) else "loom"}
    return Sheet(candidates, obs, attributes=attributes)


def _table(
    group: Any, count: int, what: str, first: tuple[str, ...], ids: tuple[str, ...] = ()
) -> pa.Table:
    """Return the attributes of rows or columns; those of two dimensions are left out."""
    import h5py

    columns: dict[str, pa.Array] = {}
    for name in sorted(group):
        found = group[name]
        if not isinstance(found, h5py.Dataset) or found.ndim != 1:
            continue
        if len(found) != count:
            raise SourceUnreadable(
                f"the attribute '{name}' has {len(found):,} values, the matrix {count:,} {what}s"
            )
        columns[name] = _column(dataset(group, name), name)
    index = next((name for name in (*first, *ids) if name in columns), None)
    if index is None:
        return table_of(
            {**dict(zip(["index"], numbered(what, count).columns, strict=True)), **columns}
        )
    names = columns.pop(index).cast(pa.string())
    return table_of({index: names, **columns})


def _column(found: Any, name: str) -> pa.Array:
    import h5py

    if h5py.check_string_dtype(found.dtype) is not None:
        return pa.array(as_text(found, name).tolist(), pa.string())
    if found.dtype.kind not in "biuf":
        raise SourceUnreadable(f"the attribute '{name}' holds neither text nor numbers")
    return column_of(np.asarray(found[()]))
