"""Write cells as an h5ad file, in the layout of AnnData 0.8 and later, by h5py alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.installed import require
from biolake.testing.hospital.omics_people import CELL_TYPES, GENES, DrawnCells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_h5ad(path: Path, drawn: DrawnCells, donors: Sequence[str]) -> None:
    """Write counts (CSR), `donor` and `cell_type` of each cell, and the genes."""
    require("omics", "h5py", to="write cells")
    import h5py

    used = sorted(set(drawn.donor.tolist()))
    with h5py.File(path, "w", libver="earliest", track_order=False) as file:
        _told(file, "anndata", "0.1.0")
        _csr(file.create_group("X"), drawn.counts)
        cells = [f"CELL{n:05d}" for n in range(len(drawn.counts))]
        obs = _frame(file.create_group("obs"), cells, ["donor", "cell_type"])
        codes = np.searchsorted(used, drawn.donor)
        _categorical(obs.create_group("donor"), codes, [donors[n] for n in used])
        _categorical(obs.create_group("cell_type"), drawn.kind, CELL_TYPES)
        _frame(file.create_group("var"), GENES, [])
        for name in ("obsm", "varm", "obsp", "varp", "layers", "uns"):
            _told(file.create_group(name), "dict", "0.1.0")


def _told(group: Any, kind: str, version: str) -> None:
    group.attrs["encoding-type"] = kind
    group.attrs["encoding-version"] = version


def _csr(group: Any, counts: np.ndarray) -> None:
    rows, columns = np.nonzero(counts)
    _told(group, "csr_matrix", "0.1.0")
    group.attrs["shape"] = np.array(counts.shape, np.int64)
    starts = np.searchsorted(rows, np.arange(len(counts) + 1))
    _array(group, "data", counts[rows, columns].astype(np.float32))
    _array(group, "indices", columns.astype(np.int32))
    _array(group, "indptr", starts.astype(np.int32))


def _array(group: Any, name: str, values: np.ndarray) -> None:
    group.create_dataset(name, data=values, track_times=False)


def _frame(group: Any, index: Sequence[str], columns: list[str]) -> Any:
    import h5py

    _told(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    names = np.array(columns, dtype=object) if columns else np.empty(0, dtype="S1")
    kind = h5py.string_dtype() if columns else None
    group.attrs.create("column-order", names, dtype=kind)
    _strings(group, "_index", index)
    return group


def _categorical(group: Any, codes: np.ndarray, categories: Sequence[str]) -> None:
    _told(group, "categorical", "0.2.0")
    group.attrs["ordered"] = False
    dataset = group.create_dataset("codes", data=codes.astype(np.int8), track_times=False)
    _told(dataset, "array", "0.2.0")
    _strings(group, "categories", categories)


def _strings(group: Any, name: str, values: Sequence[str]) -> None:
    import h5py

    dataset = group.create_dataset(
        name, data=np.array(values, dtype=object), dtype=h5py.string_dtype(), track_times=False
    )
    _told(dataset, "string-array", "0.2.0")
