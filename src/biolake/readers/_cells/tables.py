"""Plain tables of imaging-based spatial assays: counts of cells × genes (or turned), and places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require
from biolake.readers._cells.assembling import (
    Candidate,
    Read,
    Sheet,
    assembled,
    first_missing,
    with_coordinates,
)
from biolake.readers._cells.frames import column_of, table_of
from biolake.readers._cells.hdf5 import guarded
from biolake.readers._cells.text_files import rows_of, unpacked

X = ("x", "center_x", "centroid_x", "x_centroid", "sdimx")
Y = ("y", "center_y", "centroid_y", "y_centroid", "sdimy")
_BLOCK = 16 << 20
_LONGEST = 1 << 28  # bytes of a line


@dataclass(frozen=True)
class Counts:
    """A table of numbers: the names of its rows and columns, and the values as CSR."""

    rows: list[str]
    columns: list[str]
    values: Any


def read_tables(counts: Path, places: Path, metadata: Path | None) -> Read:
    """Read counts, and where the cells lie; the cells of both must be the same ones."""
    require("omics", "h5py", "numba", "scipy", to="read cells")
    return guarded(_read, counts, places, metadata)


def _read(counts: Path, places: Path, metadata: Path | None) -> Read:
    table = _counts(counts)
    ids, at, extra = _places(places)
    turned = _turned(table, ids)
    cells, genes = (table.columns, table.rows) if turned else (table.rows, table.columns)
    matrix = table.values.T.tocsr() if turned else table.values
    missing = first_missing(cells, ids)
    if missing >= 0:
        raise SourceUnreadable(f"cell {missing + 1:,} of the counts has no place")
    order = np.array([ids[name] for name in cells])
    columns = {"cell": pa.array(cells, pa.string())}
    columns |= {name: values.take(pa.array(order)) for name, values in extra.items()}
    notes: list[str] = []
    if metadata is not None:
        columns |= _metadata(metadata, cells, notes)
    if len(ids) > len(cells):
        notes.append(f"{len(ids) - len(cells):,} cells have a place and no counts: left out")
    var = table_of({"gene": pa.array(genes, pa.string())})
    sheet = Sheet(
        (Candidate("counts", matrix, var),),
        table_of(columns),
        attributes={"format": "tables of counts and coordinates"},
        notes=tuple(notes),
    )
    return assembled(with_coordinates(sheet, at[order]))


def _turned(table: Counts, ids: dict[str, int]) -> bool:
    """Say whether the columns are the cells: those that have places."""
    known = [sum(name in ids for name in names[:100]) for names in (table.rows, table.columns)]
    if max(known) == 0:
        raise SourceUnreadable("neither rows nor columns of the counts are cells with places")
    return known[1] > known[0]


def _separator(line: bytes) -> str:
    return max("\t", ",", ";", " ", key=lambda mark: line.count(mark.encode()))


def _counts(path: Path) -> Counts:
    with unpacked(path) as stream:
        first = _line(stream)
        mark = _separator(first)
        columns = [name.strip().strip('"') for name in first.decode().rstrip("\r\n").split(mark)]
        second = _line(stream)
        fields = second.count(mark.encode()) + 1
        if fields == len(columns):
            columns = columns[1:]
        elif fields != len(columns) + 1:
            raise SourceUnreadable(f"the counts, line 2: {fields:,} fields, and the first line has"
                                   f" {len(columns):,}")  # fmt: skip
        rows: list[str] = []
        parts = list(_parts(stream, second, mark, len(columns), rows))
    from scipy.sparse import vstack

    for what, names in (("row", rows), ("column", columns)):
        _unique(what, names)
    return Counts(rows, columns, vstack(parts, format="csr"))


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST)
    if not line.endswith(b"\n") and len(line) == _LONGEST:
        raise SourceUnreadable("the counts have a line too long to be a table's")
    return line


def _unique(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name or name in seen:
            raise SourceUnreadable(f"the counts, {what} {number:,}: no name, or one that was there")
        seen.add(name)


def _parts(
    stream: BinaryIO, second: bytes, mark: str, width: int, rows: list[str]
) -> Iterator[Any]:
    """Yield the values of some megabytes of lines as CSR, and keep the names of the rows."""
    from scipy.sparse import csr_matrix

    rest, line = second, 2
    while True:
        block = stream.read(_BLOCK)
        text, cut, rest = (rest + block).rpartition(b"\n") if block else (rest, b"", b"")
        if len(rest) > _LONGEST:
            raise SourceUnreadable(f"the counts, after line {line:,}: a line is too long")
        if text.strip():
            names, values = _parsed(text + cut, mark, width, line)
            rows += names
            yield csr_matrix(values)
            line += text.count(b"\n") + len(cut)
        if not block:
            break


def _parsed(text: bytes, mark: str, width: int, line: int) -> tuple[list[str], np.ndarray]:
    from pyarrow import csv

    names = [str(n) for n in range(width + 1)]
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(use_threads=False, column_names=names, block_size=1 << 28),
            parse_options=csv.ParseOptions(delimiter=mark),
            convert_options=csv.ConvertOptions(
                column_types={"0": pa.string()}, null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        raise _fault(text, mark, width, line) from None
    columns = table.columns[1:]
    if not all(pa.types.is_integer(c.type) or pa.types.is_floating(c.type) for c in columns):
        raise _fault(text, mark, width, line)
    kind = np.int64 if all(pa.types.is_integer(c.type) for c in columns) else np.float64
    values = np.empty((len(table), width), dtype=kind)
    for number, column in enumerate(columns):
        values[:, number] = column.to_numpy()
    return [str(name).strip() for name in table[0].to_pylist()], values


def _fault(text: bytes, mark: str, width: int, line: int) -> SourceUnreadable:
    """Say at which line and field a table is none."""
    for place, row in enumerate(text.decode("utf-8", "replace").split("\n")):
        fields = row.rstrip("\r").split(mark)
        if len(fields) != width + 1 and row.strip():
            return SourceUnreadable(
                f"the counts, line {line + place:,}: {len(fields):,} fields, not {width + 1:,}"
            )
        for number, word in enumerate(fields[1:], start=2):
            if not _is_number(word):
                return SourceUnreadable(
                    f"the counts, line {line + place:,}, field {number:,}: it is no number"
                )
    return SourceUnreadable(f"the counts, after line {line:,}: no table of numbers")


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _table(path: Path, what: str) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the rows of a small table, all of one width."""
    with unpacked(path) as stream:
        mark = _separator(_line(stream))
    heading, *rows = rows_of(path, mark) or [[]]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(heading):
            raise SourceUnreadable(
                f"the {what}, line {number:,}: {len(row):,} fields, not {len(heading):,}"
            )
    return [name.strip().strip('"') for name in heading], rows


def _places(path: Path) -> tuple[dict[str, int], np.ndarray, dict[str, pa.Array]]:
    """Return the row of each cell, where each lies, and the other columns of the file."""
    heading, rows = _table(path, "coordinates")
    low = [name.lower() for name in heading]
    at = [next((low.index(n) for n in names if n in low), -1) for names in (X, Y)]
    if min(at) < 0:
        raise SourceUnreadable("the coordinates have no columns x and y")
    places = np.empty((len(rows), 2))
    ids: dict[str, int] = {}
    for number, row in enumerate(rows):
        name = row[0].strip()
        if name in ids or not name:
            raise SourceUnreadable(f"the coordinates, line {number + 2:,}: no cell, or one again")
        if not (_is_number(row[at[0]]) and _is_number(row[at[1]])):
            raise SourceUnreadable(f"the coordinates, line {number + 2:,}: the place is no number")
        ids[name] = number
        places[number] = float(row[at[0]]), float(row[at[1]])
    extra = {
        name: _column([row[n] for row in rows])
        for n, name in enumerate(heading)
        if n not in (0, *at)
    }
    return ids, places, extra


def _metadata(path: Path, cells: list[str], notes: list[str]) -> dict[str, pa.Array]:
    """Return what a table says of each cell; cells it does not name have nothing."""
    heading, rows = _table(path, "metadata")
    place: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row[0].strip() in place:
            raise SourceUnreadable(f"the metadata, line {number + 2:,}: a cell comes again")
        place[row[0].strip()] = number
    absent = sum(name not in place for name in cells)
    if absent:
        notes.append(f"{absent:,} cells are not in the table of metadata")
    wanted = pa.array([place.get(name) for name in cells], pa.int64())
    return {
        name: _column([row[n] for row in rows]).take(wanted)
        for n, name in enumerate(heading)
        if n and name
    }


def _column(words: list[str]) -> pa.Array:
    """Make a column of whole numbers, numbers or text: what all of its words are."""
    plain = [word.strip() for word in words]
    for kind in (int, float):
        try:
            numbers = np.array([kind(word) for word in plain])
        except (ValueError, OverflowError):
            continue
        if numbers.dtype.kind in "if":
            return column_of(numbers)
    return pa.array(plain, pa.string())
