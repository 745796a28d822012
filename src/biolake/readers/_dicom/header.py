"""One file's header: the values of the index, decoded when asked for."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

from biolake.core.errors import SourceUnreadable
from biolake.readers._dicom import tags
from biolake.readers._dicom.scan import (
    DEFLATED,
    UNDEFINED,
    Doubt,
    PixelElement,
    Scanned,
    Short,
    scan,
)

FIRST_READ = 16 * 1024
_FREE_TEXT = tuple(tag for tag, vr in tags.VRS.items() if vr in (b"LO", b"SH"))
_ENCODINGS = {b"ISO_IR 192": "utf-8", b"ISO_IR 100": "latin-1"}


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; text is UTF-8 whatever the file's own character set."""

    values: dict[int, bytes]
    syntax: str
    big: bool = False
    pixels: PixelElement | None = None
    data: bytes = b""  # what `pixels` counts in
    cut: bool = False  # the file ends before its pixels do
    lacks_pixels: bool = False
    odd: bool = False  # pydicom had to read it

    def __contains__(self, tag: int) -> bool:
        return tag in self.values

    def text(self, tag: int) -> str:
        """Return a text value without its padding; empty when there is none."""
        return self.values.get(tag, b"").strip(b"\0 ").decode("utf-8", "replace").strip()

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the several values of a text."""
        value = self.text(tag)
        return tuple(part.strip() for part in value.split("\\")) if value else ()

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return finite numbers; none at all when one of them is no number."""
        try:
            found = tuple(float(part) for part in self.values.get(tag, b"").split(b"\\"))
        except ValueError:
            return ()
        return found if all(map(math.isfinite, found)) else ()

    def number(self, tag: int) -> float | None:
        """Return the first number."""
        found = self.numbers(tag)
        return found[0] if found else None

    def integer(self, tag: int) -> int | None:
        """Return the first whole number (IS)."""
        found = self.number(tag)
        return int(found) if found is not None and found == int(found) else None

    def short(self, tag: int) -> int | None:
        """Return an unsigned 16-bit number (US)."""
        value = self.values.get(tag, b"")
        return int.from_bytes(value[:2], "big" if self.big else "little") if value[1:] else None


def read_header(path: Path) -> Header:
    """Read the header of a file on disk, no more of it than needed.

    Raises `SourceUnreadable` when neither the scanner nor pydicom can make sense of it.
    """
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(FIRST_READ) or b""
        while True:
            try:
                found = _finished(scan(data, len(data) >= size), size)
                return replace(found, data=b"")
            except Short as short:
                want = max(4 * len(data), short.need)
            except Doubt as doubt:
                file.seek(0)
                return replace(_asked(file.read(size), False, doubt), data=b"")
            file.seek(0)
            data = file.read(min(want, size)) or b""
            if len(data) < min(want, size):
                raise SourceUnreadable("the file shrinks while it is read")


def parse(data: bytes) -> Header:
    """Read a whole file's header and find its pixels; errors as `read_header`."""
    try:
        return _finished(scan(data, True, True), len(data))
    except Doubt as doubt:
        return _asked(data, True, doubt)


def _finished(found: Scanned, size: int) -> Header:
    """Check what the scanner found; text of a rare character set is left to pydicom."""
    values, at = found.values, found.pixels
    for tag in _FREE_TEXT:
        value = values.get(tag)
        if value and (not value.isascii() or 0x1B in value):
            values[tag] = _utf8(value, values.get(tags.CHARACTER_SET, b""))
    # Of a deflated file only the start may have been inflated.
    total = size if found.syntax != DEFLATED else UNDEFINED
    cut = at is not None and at.length != UNDEFINED and at.start + at.length > total
    lacks = found.ended and at is None
    return Header(values, found.syntax, found.big, at, found.data, cut, lacks)


def _utf8(value: bytes, character_set: bytes) -> bytes:
    known = _ENCODINGS.get(character_set.strip(b"\0 "))
    if known is None or 0x1B in value:
        raise Doubt("text in a rare character set")
    try:
        return value.decode(known).encode()
    except UnicodeDecodeError:
        raise Doubt("text that is not in its character set") from None


def _asked(data: bytes, to_pixels: bool, doubt: Doubt) -> Header:
    """Let pydicom read what the scanner doubts."""
    from biolake.readers._dicom.fallback import read_with_pydicom

    found = read_with_pydicom(data, to_pixels, str(doubt))
    at = found.pixels
    cut = at is not None and at.length != UNDEFINED and at.start + at.length > len(found.data)
    return Header(found.values, found.syntax, False, at, found.data, cut, found.ended, True)
