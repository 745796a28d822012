"""Matrix Market files of 10x folders: features × cells, checked to the last line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.readers._cells.matrices import checked
from biolake.readers._cells.text_files import unpacked

BANNER = b"%%MatrixMarket"
_BLOCK = 16 << 20
_DEFLATE_MOST = 1032
_SHORTEST = 4  # bytes of an entry, less its value: "1 1\n"
_METADATA = b"%metadata_json:"
_LOOKED = 5_000_000  # lines of a block looked at one by one to name the faulty one


@dataclass(frozen=True)
class Heading:
    """What the first lines say; `line` is the number of the last of them."""

    field: str  # integer, real
    features: int
    cells: int
    entries: int
    line: int
    dtype: str = ""  # of the values before they were written, where the file says


def read_matrix(path: Path) -> tuple[Heading, Any]:
    """Return a matrix as cells × features CSR; raises `SourceUnreadable` with the line."""
    with unpacked(path) as stream:
        heading = _heading(stream)
        most = path.stat().st_size * _DEFLATE_MOST // _SHORTEST
        if heading.entries > most:
            raise SourceUnreadable(
                f"its heading announces {heading.entries:,} entries: more than the file can hold"
            )
        parts = list(_blocks(stream, heading))
    features, cells, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return heading, _by_cell(heading, features, cells, values)


def _heading(stream: BinaryIO) -> Heading:
    banner = stream.readline(1000)
    words = banner.decode("latin-1").lower().split()
    if not banner.startswith(BANNER) or len(words) != 5:
        raise SourceUnreadable("its first line is not that of a Matrix Market file")
    if words[1:3] != ["matrix", "coordinate"] or words[4] != "general":
        raise SourceUnreadable("it is no sparse general matrix (coordinate, general)")
    if words[3] not in ("integer", "real"):
        raise SourceUnreadable(f"its entries are of kind '{words[3][:20]}', not counts")
    number, kind = 1, ""
    while True:
        line = stream.readline(1 << 16)
        number += 1
        if line.startswith(_METADATA):
            kind = _dtype(line.removeprefix(_METADATA))
        if line and (line.startswith(b"%") or not line.strip()):
            continue
        sizes = line.split()
        if len(sizes) != 3 or not all(size.isdigit() and len(size) < 13 for size in sizes):
            raise SourceUnreadable(f"line {number:,}: it should say rows, columns and entries")
        features, cells, entries = map(int, sizes)
        return Heading(words[3], features, cells, entries, number, kind)


def _dtype(text: bytes) -> str:
    try:
        return str(json.loads(text).get("dtype", ""))
    except (ValueError, AttributeError):
        return ""


def _blocks(stream: BinaryIO, heading: Heading) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield features, cells (both from 0) and values, some megabytes of lines at a time."""
    line, entries, rest = heading.line + 1, 0, b""
    yield _parsed(b"", heading, line)
    while True:
        block = stream.read(_BLOCK)
        text, cut, rest = (rest + block).rpartition(b"\n") if block else (rest, b"", b"")
        if not block and not text.strip():
            break
        if len(rest) > _BLOCK:
            raise SourceUnreadable(f"a line after line {line:,} is too long to be an entry")
        part = _parsed(text + cut, heading, line)
        entries += len(part[0])
        if entries > heading.entries:
            raise SourceUnreadable(
                f"it has more entries than the {heading.entries:,} that its heading says"
            )
        line += text.count(b"\n") + len(cut)
        yield part
    if entries < heading.entries:
        raise SourceUnreadable(
            f"it has {entries:,} entries, and its heading says {heading.entries:,}: it is cut short"
        )


def _parsed(text: bytes, heading: Heading, line: int) -> tuple[np.ndarray, ...]:
    kind = pa.int64() if heading.field == "integer" else pa.float64()
    columns = _quickly(text, kind)
    if columns is None:
        columns = _slowly(text, kind, line)
    features, cells, values = columns
    for what, places, most in (("feature", features, heading.features),
                               ("cell", cells, heading.cells)):  # fmt: skip
        wrong = (places < 1) | (places > most)
        if wrong.any():
            raise SourceUnreadable(
                f"line {line + int(wrong.argmax()):,}: there is no such {what};"
                f" the heading says {most:,}"
            )
    return features.astype(np.int32) - 1, cells.astype(np.int32) - 1, values


def _quickly(text: bytes, kind: pa.DataType) -> tuple[np.ndarray, ...] | None:
    """Parse lines of three fields parted by one blank; None where some are otherwise."""
    from pyarrow import csv

    if not text.strip():
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, kind.to_pandas_dtype())
    names = ["feature", "cell", "value"]
    types = {"feature": pa.int64(), "cell": pa.int64(), "value": kind}
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(use_threads=False, column_names=names, block_size=1 << 26),
            parse_options=csv.ParseOptions(
                delimiter=" ", quote_char=False, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return tuple(table[name].to_numpy() for name in names)


def _slowly(text: bytes, kind: pa.DataType, first: int) -> tuple[np.ndarray, ...]:
    """Parse lines parted by any blanks, and name the first that is none."""
    number = int if kind == pa.int64() else float
    rows: list[tuple[int, int, float]] = []
    lines = text.split(b"\n")
    if len(lines) > _LOOKED:
        raise SourceUnreadable(f"a line after line {first:,} is not three numbers")
    for place, line in enumerate(lines):
        fields = line.split()
        if not fields and place == len(lines) - 1:
            break
        try:
            feature, cell, value = fields
            rows.append((int(feature), int(cell), number(value)))
        except (ValueError, OverflowError):
            raise SourceUnreadable(f"line {first + place:,} is not three numbers") from None
    try:
        columns = [np.array(c) for c in zip(*rows, strict=True)] or [np.zeros(0)] * 3
        places = [column.astype(np.int64) for column in columns[:2]]
        return places[0], places[1], columns[2].astype(kind.to_pandas_dtype())
    except (OverflowError, TypeError, ValueError):
        raise SourceUnreadable(f"a number after line {first:,} is too large") from None


def _by_cell(heading: Heading, features: np.ndarray, cells: np.ndarray, values: np.ndarray) -> Any:
    from scipy.sparse import csr_matrix

    order = np.lexsort((features, cells)) if _unsorted(features, cells) else slice(None)
    pointers = np.zeros(heading.cells + 1, dtype=np.int64)
    np.cumsum(np.bincount(cells, minlength=heading.cells), out=pointers[1:])
    places = checked(features[order], pointers, heading.features)
    kept = _as_before(values[order], heading.dtype)
    shape = (heading.cells, heading.features)
    return csr_matrix((kept, places, pointers.astype(np.int32)), shape=shape)


def _unsorted(features: np.ndarray, cells: np.ndarray) -> bool:
    later = np.diff(cells)
    return bool(((later < 0) | ((later == 0) & (np.diff(features) <= 0))).any())


def _as_before(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values in the type they had, where the file tells one that holds them all."""
    if dtype in ("float32", "float64", "int32", "uint8", "uint16", "uint32", "int16", "bool"):
        with np.errstate(over="ignore", invalid="ignore"):
            kept = values.astype(dtype)
        if np.array_equal(kept.astype(values.dtype), values, equal_nan=values.dtype.kind == "f"):
            return kept
    return values
