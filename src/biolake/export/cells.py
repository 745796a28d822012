"""Matrices of cells as files that other tools open: AnnData, or a 10x folder of Matrix Market."""

from __future__ import annotations

import gzip
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from biolake.core.errors import DataRefused, WrongUse
from biolake.core.folders import fresh_folder
from biolake.core.installed import require
from biolake.core.media import Cells
from biolake.omics.cells.blocks import blocks, whole

if TYPE_CHECKING:
    import pandas as pd

H5AD = ".h5ad"
_LEVEL = 4  # of gzip
_LEFT_OUT = (
    "Layers, embeddings and what else the original file holds are not in it:"
    " biolake assets get writes the original."
)
_POSITIONS = "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n"


@dataclass(frozen=True)
class Written:
    """What was written: its files, its extent, and what must be known of it."""

    files: tuple[Path, ...]
    shape: tuple[int, int]
    notes: tuple[str, ...]


def write_cells(cells: Cells, to: Path) -> Written:
    """Write a matrix with its cells and features: AnnData for a name in .h5ad, else a 10x folder.

    Values, their type, names and columns are those of the file; nothing is written over.
    """
    require("omics", "anndata", "h5py", "scipy", to="write cells")
    files = _write_h5ad(cells, to) if to.suffix.lower() == H5AD else _write_folder(cells, to)
    counts: Any = cells.counts
    return Written(tuple(files), tuple(counts.shape), (_LEFT_OUT, *cells.notes))


@contextmanager
def _fresh_file(path: Path) -> Iterator[Path]:
    """Lend a name beside `path` that becomes it when the block ends without an error."""
    path = path.expanduser().absolute()
    if path.exists():
        raise WrongUse(
            "there is a file of this name", where=str(path), next="Nothing is overwritten."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_h5ad(cells: Cells, path: Path) -> list[Path]:
    import anndata

    obs, var = (_frame(table) for table in _tables(cells))
    made = anndata.AnnData(whole(cells.counts), obs, var)
    if cells.coordinates is not None:
        made.obsm["spatial"] = cells.coordinates
    with _fresh_file(path) as part:
        made.write_h5ad(part, compression="gzip", convert_strings_to_categoricals=False)
    return [path]


def _tables(cells: Cells) -> tuple[pa.Table, pa.Table]:
    """Return what is known of cells and of features; opened cells of our readers have both."""
    if cells.obs is None or cells.var is None:
        raise DataRefused("its reader does not tell the names of cells and features")
    return cells.obs, cells.var


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as AnnData wants it: names as the index, categories as they were."""
    import pandas as pd

    first, *others = table.column_names
    index = pd.Index(
        table[first].to_pylist(), dtype=object, name=None if first == "_index" else first
    )
    columns = {name: _series(table[name].combine_chunks()) for name in others}
    return pd.DataFrame({n: pd.Series(v, index=index) for n, v in columns.items()}, index=index)


def _series(column: pa.Array) -> Any:
    import pandas as pd

    if isinstance(column, pa.DictionaryArray):
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return pd.Categorical.from_codes(
            codes, column.dictionary.to_pylist(), ordered=column.type.ordered
        )
    if not column.null_count:
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        kind = "boolean" if pa.types.is_boolean(column.type) else "Int64"
        return pd.array(column.to_pylist(), dtype=kind)
    if pa.types.is_string(column.type):  # HDF5 has no text that is missing; a category can be
        return pd.Categorical(column.to_pylist())
    return column.to_numpy(zero_copy_only=False)


def _write_folder(cells: Cells, to: Path) -> list[Path]:
    """Write what 10x writes, and beside it all that is known of cells and features."""
    obs, var = _tables(cells)
    names = [str(name) for name in obs[0].to_pylist()]
    ids = [str(i or name) for i, name in zip(cells.feature_ids, var[0].to_pylist(), strict=True)]
    symbols = [str(name) for name in cells.features]
    kinds = _kinds(var)
    _plain("cell", names)
    for each in (ids, symbols, kinds):
        _plain("feature", each)
    with fresh_folder(to) as folder:
        with _packed(folder / "matrix.mtx.gz") as stream:
            _write_matrix(cells, stream)
        with _packed(folder / "barcodes.tsv.gz") as stream:
            stream.write("".join(f"{name}\n" for name in names).encode())
        with _packed(folder / "features.tsv.gz") as stream:
            rows = zip(ids, symbols, kinds, strict=True)
            stream.write("".join("\t".join(row) + "\n" for row in rows).encode())
        for name, table in (("obs.arrow", obs), ("var.arrow", var)):
            with (
                pa.OSFile(str(folder / name), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as writer,
            ):
                writer.write_table(table)
        if cells.coordinates is not None:
            _write_positions(names, cells.coordinates, folder / "spatial")
        made = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return [to / name for name in made]


def _kinds(var: pa.Table) -> list[str]:
    for name in ("feature_type", "feature_types"):
        if name in var.column_names:
            return [str(kind or "") for kind in var[name].to_pylist()]
    return ["Gene Expression"] * len(var)


def _plain(what: str, names: list[str]) -> None:
    """Refuse names that a table of text cannot hold."""
    for number, name in enumerate(names, start=1):
        if not name.strip() or name != name.strip() or any(mark in name for mark in "\t\n\r"):
            raise DataRefused(
                f"the name of {what} {number:,} is empty, or has blanks around or tabs in it",
                next="Write an .h5ad file instead.",
            )


@contextmanager
def _packed(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as stream:
        yield stream  # type: ignore[misc]


def _write_matrix(cells: Cells, stream: BinaryIO) -> None:
    """Write features × cells in the order of cells; numbers are read back exactly."""
    from scipy.sparse import csr_matrix

    counts: Any = cells.counts
    parts = [(start, csr_matrix(block)) for start, block in blocks(counts)]
    kind = np.dtype(counts.dtype)
    exact = kind.kind in "biu" or (cells.raw and all(_small(part.data) for _, part in parts))
    field = "integer" if exact else "real"
    entries = sum(part.nnz for _, part in parts)
    rows, columns = counts.shape
    head = f"%%MatrixMarket matrix coordinate {field} general\n"
    head += f'%metadata_json: {{"format_version": 2, "dtype": "{kind.name}"}}\n'
    stream.write(f"{head}{columns} {rows} {entries}\n".encode())
    for start, part in parts:
        _write_entries(start, part, pa.int64() if field == "integer" else pa.float64(), stream)


def _small(values: np.ndarray) -> bool:
    """Say whether whole numbers are the same as 64-bit integers."""
    return bool((np.abs(values) < 2**53).all())


def _write_entries(start: int, part: Any, kind: pa.DataType, stream: BinaryIO) -> None:
    from pyarrow import csv

    cells = np.repeat(np.arange(start + 1, start + part.shape[0] + 1), np.diff(part.indptr))
    values = part.data.astype(kind.to_pandas_dtype())
    table = pa.table({"f": part.indices.astype(np.int64) + 1, "c": cells, "v": values})
    options = csv.WriteOptions(include_header=False, delimiter=" ", quoting_style="none")
    csv.write_csv(table, pa.PythonFile(stream, "w"), options)


def _write_positions(names: list[str], places: np.ndarray, folder: Path) -> None:
    """Write coordinates as Visium's positions: column is x, row is y, and the rest is empty."""
    folder.mkdir()
    rows = (
        f"{name},1,,,{float(y)!r},{float(x)!r}\n"
        for name, (x, y) in zip(names, places, strict=True)
    )
    (folder / "tissue_positions.csv").write_text(_POSITIONS + "".join(rows), encoding="utf-8")
