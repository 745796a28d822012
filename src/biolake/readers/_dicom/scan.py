"""Find the elements the index needs in a file's bytes, without building a data set.

Follows DICOM PS3.5 section 7 and PS3.10. Anything unusual raises `Doubt`: pydicom then decides.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import NoReturn

from biolake.readers._dicom import tags

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
UNDEFINED = 0xFFFFFFFF
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_IN_ITEMS = frozenset((b"SQ", b"OB", b"OW"))
_EXPLICIT = {False: Struct("<HH2sH").unpack_from, True: Struct(">HH2sH").unpack_from}
_LENGTH = {False: Struct("<I").unpack_from, True: Struct(">I").unpack_from}
_PLAIN = Struct("<HHI").unpack_from
_ITEM = {False: _PLAIN, True: Struct(">HHI").unpack_from}
_DEEPEST = 32
_MOST_INFLATED = 1 << 32
_KEPT = {**dict.fromkeys(tags.NOTED, b""), **tags.VRS}
_KEPT |= {tags.EXTENDED_OFFSETS: b"OV", tags.EXTENDED_LENGTHS: b"OV"}


class Doubt(Exception):
    """The bytes are not what the scanner knows."""


class Short(Doubt):
    """The bytes end early: more of the file is needed, at least up to `need`."""

    def __init__(self, need: int) -> None:
        super().__init__("the bytes end early")
        self.need = need


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in `data`; `length` is UNDEFINED when they are encapsulated."""

    tag: int
    vr: bytes
    start: int
    length: int
    big: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """The raw values found, the syntax they are written in, and where the pixels start."""

    values: dict[int, bytes]
    syntax: str
    big: bool
    pixels: PixelElement | None
    data: bytes  # what `pixels` counts in: the file, or what was deflated
    ended: bool = False  # the file has no more elements than these


def scan(data: bytes, whole: bool, to_pixels: bool = False) -> Scanned:
    """Scan the start of a file, or a whole one; with `to_pixels` up to the pixel data.

    Raises `Short` when a longer start is needed and `Doubt` when pydicom should look.
    """
    at, syntax = _meta(data, whole)
    if syntax == DEFLATED:
        data, whole, at = _inflated(data[at:], whole, to_pixels), True, 0
    if syntax == IMPLICIT:
        return _Run(data, whole, to_pixels).implicit(at, syntax)
    return _Run(data, whole, to_pixels).explicit(at, syntax, syntax == BIG_ENDIAN)


def _meta(data: bytes, whole: bool) -> tuple[int, str]:
    """Return where the data set starts and its transfer syntax."""
    at = 132 if data[128:132] == b"DICM" else 0
    start = data[at : at + 8]
    if start[:2] != b"\x02\x00":
        return at, _guess(start)
    syntax = b""
    while True:
        if at + 12 > len(data):
            raise Doubt("the meta header is cut short") if whole else Short(at + 4096)
        group, element, vr, length = _EXPLICIT[False](data, at)
        if group != 2:
            return at, _known(syntax)
        if vr not in _SHORT_VRS:
            if vr not in _LONG_VRS:
                raise Doubt("the meta header has no VRs")
            length, at = _LENGTH[False](data, at + 8)[0], at + 4
        if element == 0x10:
            syntax = data[at + 8 : at + 8 + length]
        at += 8 + length


def _known(syntax: bytes) -> str:
    """Return a transfer syntax of the standard; private ones have rules of their own."""
    name = syntax.rstrip(b"\0 ").decode("latin-1")
    if name != IMPLICIT and not name.startswith(IMPLICIT + "."):
        raise Doubt("no transfer syntax of the standard")
    return name


def _guess(start: bytes) -> str:
    """Tell the syntax of a data set without meta header by its first element."""
    if len(start) == 8 and start[:2] == b"\x08\x00" and start[2:4] <= b"\xff\x10":
        return EXPLICIT if start[4:6] in _SHORT_VRS else IMPLICIT
    raise Doubt("no DICOM element at the start")


def _inflated(data: bytes, whole: bool, to_pixels: bool) -> bytes:
    """Inflate a data set; deflate packs at most 1,032 : 1, so the file bounds what comes out."""
    if not whole:
        raise Short(1 << 62)
    try:
        return zlib.decompressobj(-15).decompress(data, _MOST_INFLATED if to_pixels else 1 << 20)
    except zlib.error:
        raise Doubt("the deflated part is damaged") from None


class _Run:
    """One pass over one file."""

    def __init__(self, data: bytes, whole: bool, to_pixels: bool) -> None:
        self.data, self.whole = data, whole
        self.stop = tags.FLOAT_PIXELS if to_pixels else tags.LAST_GROUP << 16
        self.values: dict[int, bytes] = {}

    def explicit(self, at: int, syntax: str, big: bool) -> Scanned:
        """Read elements that name their VR."""
        data, stop = self.data, self.stop
        unpack, last, size = _EXPLICIT[big], 0, len(data)
        while at + 8 <= size:
            group, element, vr, length = unpack(data, at)
            tag = group << 16 | element
            if tag <= last:
                raise Doubt("elements are out of order")
            if tag >= stop:
                return self._stopped(tag, vr, at, syntax, big)
            last, start = tag, at + 8
            if vr not in _SHORT_VRS:
                length, start = self._long(vr, at, big)
                if length == UNDEFINED:
                    at = self._items(tag, vr, start, big)
                    continue
            at = start + length
            if at > size:
                self._short(at)
            if tag in _KEPT:
                self._keep(tag, vr, data[start:at])
        return self._end(at, syntax, big)

    def _keep(self, tag: int, vr: bytes, value: bytes) -> None:
        if vr != _KEPT[tag] and _KEPT[tag]:
            raise Doubt("an unexpected VR")
        self.values[tag] = value

    def _stopped(self, tag: int, vr: bytes, at: int, syntax: str, big: bool) -> Scanned:
        """Note the pixels, if it is they that the scan stopped at."""
        if tag not in tags.PIXEL_TAGS:
            return self._done(syntax, big)
        length, start = self._long(vr, at, big)
        return self._done(syntax, big, PixelElement(tag, vr, start, length, big))

    def implicit(self, at: int, syntax: str) -> Scanned:
        """Read elements whose VR only the standard knows."""
        data, values, stop = self.data, self.values, self.stop
        last, size = 0, len(data)
        while at + 8 <= size:
            group, element, length = _PLAIN(data, at)
            tag = group << 16 | element
            if tag <= last:
                raise Doubt("elements are out of order")
            if tag >= stop:
                at += 8
                there = tag in tags.PIXEL_TAGS
                pixels = PixelElement(tag, b"OW", at, length) if there else None
                return self._done(syntax, False, pixels)
            last, start = tag, at + 8
            if length == UNDEFINED:
                at = self._items(tag, b"SQ", start, False, explicit=False)
                continue
            at = start + length
            if at > size:
                self._short(at)
            if tag in _KEPT:
                values[tag] = data[start:at]
        return self._end(at, syntax, False)

    def _long(self, vr: bytes, at: int, big: bool) -> tuple[int, int]:
        """Return length and start of a value whose length has four bytes."""
        if vr not in _LONG_VRS:
            raise Doubt("no VR where one should be")
        if at + 12 > len(self.data):
            self._short(at + 12)
        return _LENGTH[big](self.data, at + 8)[0], at + 12

    def _items(self, tag: int, vr: bytes, at: int, big: bool, explicit: bool = True) -> int:
        if vr not in _IN_ITEMS:
            raise Doubt("a value of undefined length")
        if tag in tags.NOTED:
            self.values[tag] = b""
        return self._skip_items(at, explicit, big, 0)

    def _skip_items(self, at: int, explicit: bool, big: bool, depth: int) -> int:
        """Return where a sequence of undefined length ends."""
        if depth > _DEEPEST:
            raise Doubt("sequences nest too deep")
        while True:
            group, element, length = self._header(at, big)
            at += 8
            if group != 0xFFFE or element not in (0xE000, 0xE0DD):
                raise Doubt("no item where one should be")
            if element == 0xE0DD:
                return at
            at = (
                self._skip_elements(at, explicit, big, depth)
                if length == UNDEFINED
                else at + length
            )

    def _skip_elements(self, at: int, explicit: bool, big: bool, depth: int) -> int:
        """Return where an item of undefined length ends."""
        while True:
            group, element, length = self._header(at, big)
            if group == 0xFFFE:
                if element != 0xE00D:
                    raise Doubt("no end where an item should end")
                return at + 8
            start, vr = at + 8, b"SQ"
            if explicit:
                _, _, vr, length = _EXPLICIT[big](self.data, at)
                if vr not in _SHORT_VRS:
                    length, start = self._long(vr, at, big)
            if length == UNDEFINED:
                if vr not in _IN_ITEMS:
                    raise Doubt("a value of undefined length")
                at = self._skip_items(start, explicit, big, depth + 1)
            else:
                at = start + length

    def _header(self, at: int, big: bool) -> tuple[int, int, int]:
        if at + 8 > len(self.data):
            self._short(at + 8)
        group, element, length = _ITEM[big](self.data, at)
        return group, element, length

    def _short(self, need: int) -> NoReturn:
        raise Doubt("the file is cut short") if self.whole else Short(need)

    def _end(self, at: int, syntax: str, big: bool) -> Scanned:
        if not self.whole:
            raise Short(at + 4096)
        if at != len(self.data):
            raise Doubt("bytes after the last element")
        return Scanned(self.values, syntax, big, None, self.data, ended=True)

    def _done(self, syntax: str, big: bool, pixels: PixelElement | None = None) -> Scanned:
        return Scanned(self.values, syntax, big, pixels, self.data)
