"""Text files, plain or gzipped, with damage told by the line."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from biolake.core.errors import SourceUnreadable

_GZIP = b"\x1f\x8b"
_MOST = 1 << 31  # bytes of a table of names


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file, gunzipped where it is gzipped; a cut or damaged one is told."""
    with path.open("rb") as raw:
        head = raw.read(2)
        raw.seek(0)
        if not head:
            raise SourceUnreadable(f"{_kind(path)} is empty")
        stream = gzip.GzipFile(fileobj=raw) if head == _GZIP else raw
        try:
            yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise SourceUnreadable(f"{_kind(path)} is cut short: its gzip data end early") from None


def rows_of(path: Path, separator: str | None = "\t") -> list[list[str]]:
    """Return the lines of a small table as fields; empty lines at its end are none."""
    with unpacked(path) as stream:
        content = stream.read(_MOST + 1)
    if len(content) > _MOST:
        raise SourceUnreadable(f"{_kind(path)} is too large for a table of names")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceUnreadable(f"{_kind(path)}, line {line:,}: it is not UTF-8") from None
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.split(separator) for line in lines]


def _kind(path: Path) -> str:
    """Say which file it is, without what a person may have put before its usual name."""
    name = path.name.lower()
    for word in ("matrix", "barcodes", "features", "genes", "positions", "coordinates",
                 "expression", "metadata"):  # fmt: skip
        if word in name:
            return f"the file of {word}"
    return "a file beside it"
