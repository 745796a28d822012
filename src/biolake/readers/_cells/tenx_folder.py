"""A 10x folder: matrix.mtx with its barcodes and features, and where Visium spots lie."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require
from biolake.readers._cells.assembling import Candidate, Read, Sheet, assembled
from biolake.readers._cells.frames import table_of
from biolake.readers._cells.hdf5 import guarded
from biolake.readers._cells.mtx import read_matrix
from biolake.readers._cells.tenx_h5 import barcodes_in_order, sheet_of
from biolake.readers._cells.text_files import rows_of

BARCODES = ("barcodes.tsv", "barcodes.tsv.gz")
FEATURES = ("features.tsv", "features.tsv.gz", "genes.tsv", "genes.tsv.gz")
TABLES = ("obs.arrow", "var.arrow")  # written by our own export, beside what 10x has
POSITIONS = (
    "tissue_positions.csv", "tissue_positions_list.csv", "tissue_positions.parquet",
)  # fmt: skip
FACTORS = "scalefactors_json.json"
_POSITION_COLUMNS = (
    "barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres",
)  # fmt: skip

Named = Callable[[Iterable[str]], Path | None]


def read_tenx(names: tuple[str, ...], path: Callable[[str], Path]) -> Read:
    """Read the files of one asset, the first of which is the matrix."""
    require("omics", "h5py", "numba", "scipy", to="read cells")

    def named(endings: Iterable[str]) -> Path | None:
        for ending in endings:
            for name in names:
                if PurePosixPath(name).name.lower().endswith(ending):
                    return path(name)
        return None

    return guarded(_read, path(names[0]), named)


def _read(first: Path, named: Named) -> Read:
    mtx = first.name.lower().endswith((".mtx", ".mtx.gz"))
    sheet = _folder(first, named) if mtx else sheet_of(first)
    positions, factors = named(POSITIONS), named((FACTORS,))
    if positions is not None:
        sheet = _placed(sheet, positions, factors)
    return assembled(sheet)


def _folder(matrix: Path, named: Named) -> Sheet:
    barcodes, features = named(BARCODES), named(FEATURES)
    if barcodes is None or features is None:
        lacking = "barcodes.tsv" if barcodes is None else "features.tsv (or genes.tsv)"
        raise SourceUnreadable(f"there is no {lacking} beside the matrix")
    heading, counts = read_matrix(matrix)
    obs, var = _cells(barcodes), _features(features)
    _fit("cells", "barcodes", heading.cells, len(obs))
    _fit("features", "features", heading.features, len(var))
    fuller = [named((name,)) for name in TABLES]
    obs, var = (_fuller(table, at) for table, at in zip((obs, var), fuller, strict=True))
    return Sheet((Candidate("matrix", counts, var),), obs, attributes={"format": "10x MTX"})


def _fit(what: str, beside: str, count: int, named: int) -> None:
    if count != named:
        raise SourceUnreadable(
            f"the matrix has {count:,} {what}, the file of {beside} {named:,}: they do not fit"
        )


def _cells(path: Path) -> pa.Table:
    rows = rows_of(path)
    empty = next((n for n, row in enumerate(rows) if not row[0].strip()), None)
    if empty is not None:
        raise SourceUnreadable(f"the file of barcodes, line {empty + 1:,}: it is empty")
    return table_of({"barcode": pa.array([row[0].strip() for row in rows], pa.string())})


def _features(path: Path) -> pa.Table:
    """Read id, name and kind; a file of one column has names alone."""
    rows = rows_of(path)
    fields = len(rows[0]) if rows else 0
    for number, row in enumerate(rows, start=1):
        if len(row) != fields or not row[0].strip():
            raise SourceUnreadable(f"the file of features, line {number:,}: fields are missing")
    columns = [[row[n].strip() for row in rows] for n in range(min(fields, 3))]
    if not columns:
        raise SourceUnreadable("the file of features is empty")
    if fields == 1:
        return table_of({"name": pa.array(columns[0], pa.string())})
    names = ("id", "name", "feature_type")
    told = {n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=False)}
    return table_of({n: told[n] for n in ("name", "id", "feature_type") if n in told})


def _fuller(table: pa.Table, path: Path | None) -> pa.Table:
    """Return the table that our own export wrote beside, where its names are the same."""
    if path is None:
        return table
    try:
        with pa.ipc.open_file(path) as file:
            found = file.read_all()
    except (pa.ArrowInvalid, OSError, NotImplementedError):
        raise SourceUnreadable(f"{path.name} beside the matrix is damaged") from None
    if found.num_columns and len(found) == len(table):
        theirs = found[0].cast(pa.string()).to_pylist()
        if any(table[name].to_pylist() == theirs for name in table.column_names[:2]):
            return found
    raise SourceUnreadable(f"{path.name} beside the matrix is of other names than it")


def _placed(sheet: Sheet, positions: Path, factors: Path | None) -> Sheet:
    """Add where each spot lies on the slide: pixels of the full picture, column and row."""
    from dataclasses import replace

    from biolake.readers._cells.assembling import with_coordinates

    rows = _parquet(positions) if positions.suffix == ".parquet" else _positions(positions)
    places: dict[str, tuple[float, float]] = {}
    for number, (barcode, x, y) in enumerate(rows, start=1):
        if barcode in places:
            raise SourceUnreadable(f"the file of positions, row {number:,}: a barcode comes again")
        places[barcode] = (x, y)
    found = barcodes_in_order(places, sheet.obs)
    lost = np.isnan(found).any(axis=1)
    if lost.any():
        raise SourceUnreadable(
            f"spot {int(lost.argmax()) + 1:,} has no place in the file of positions"
        )
    attributes = {**sheet.attributes, **_factors(factors), "positions": len(places)}
    return replace(with_coordinates(sheet, found), attributes=attributes)


def _positions(path: Path) -> list[tuple[str, float, float]]:
    """Read tissue_positions.csv, with a heading or (before Space Ranger 2) without."""
    rows = rows_of(path, ",")
    header = rows and rows[0][0].strip().lower() == "barcode"
    names = [name.strip() for name in rows[0]] if header else list(_POSITION_COLUMNS)
    try:
        at = [names.index(name) for name in ("barcode", *_POSITION_COLUMNS[:-3:-1])]
    except ValueError:
        raise SourceUnreadable("the file of positions has not the columns of Visium") from None
    found = []
    for number, row in enumerate(rows[bool(header) :], start=1 + bool(header)):
        try:
            place = (row[at[0]].strip(), float(row[at[1]]), float(row[at[2]]))
        except (ValueError, IndexError):
            place = ("", math.nan, math.nan)
        if len(row) != len(names) or not all(map(math.isfinite, place[1:])):
            raise SourceUnreadable(f"the file of positions, line {number:,}: no place of a spot")
        found.append(place)
    return found


def _parquet(path: Path) -> list[tuple[str, float, float]]:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["barcode", *_POSITION_COLUMNS[:-3:-1]])
        columns = [table[n].to_pylist() for n in ("barcode", *_POSITION_COLUMNS[:-3:-1])]
    except (pa.ArrowInvalid, OSError, KeyError):
        raise SourceUnreadable("the file of positions is damaged") from None
    return [(str(b), float(x), float(y)) for b, x, y in zip(*columns, strict=True)]


def _factors(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        told = json.loads(path.read_bytes())
        numbers = {str(n): float(v) for n, v in told.items() if isinstance(v, int | float)}
    except (ValueError, AttributeError, RecursionError):
        raise SourceUnreadable("scalefactors_json.json beside it is damaged") from None
    return {"scale_factors": {n: v for n, v in numbers.items() if math.isfinite(v)}}
