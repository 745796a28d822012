"""Compressed frames out of their fragments (DICOM PS3.5 A.4)."""

from __future__ import annotations

from struct import Struct, unpack

from biolake.core.errors import SourceUnreadable
from biolake.readers._dicom import tags
from biolake.readers._dicom.header import Header

_ITEM = Struct("<HHI").unpack_from
# How a frame may begin: JPEG and JPEG-LS, a JPEG 2000 codestream, a JP2 file.
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")


def frames(header: Header, count: int) -> list[bytes]:
    """Return the compressed bytes of each frame; refused when the frames cannot be told apart."""
    table, fragments = _fragments(header)
    filled = [(at, part) for at, part in fragments if part]
    if not filled:
        raise SourceUnreadable("the pixel data are empty", where=tags.name(tags.PIXELS))
    if count == 1:
        return [b"".join(part for _, part in filled)]
    if len(filled) == count:
        return [part for _, part in filled]
    wide = header.values.get(tags.EXTENDED_OFFSETS, b"")
    for starts in (_numbers(wide, "Q", 8), _numbers(table, "I", 4), _marked(filled)):
        if len(starts) == count:
            found = _cut(filled, starts)
            if found:
                return found
    raise SourceUnreadable(
        f"{count} frames are named, {len(filled)} fragments found, and no offset table tells"
        " which are whose",
        where=tags.name(tags.PIXELS),
    )


def _fragments(header: Header) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the basic offset table, and each fragment with where its item starts."""
    element, data = header.pixels, header.data
    if element is None:
        raise SourceUnreadable("there are no pixel data", where=tags.name(tags.PIXELS))
    at, found = element.start, []
    while at + 8 <= len(data):
        group, item, length = _ITEM(data, at)
        if (group, item) == (0xFFFE, 0xE0DD):
            break
        if (group, item) != (0xFFFE, 0xE000) or at + 8 + length > len(data):
            raise SourceUnreadable(
                "a fragment is cut short or damaged", where=tags.name(tags.PIXELS)
            )
        found.append((at, data[at + 8 : at + 8 + length]))
        at += 8 + length
    if not found:
        return b"", []
    first = found[1][0] if len(found) > 1 else 0
    return found[0][1], [(start - first, part) for start, part in found[1:]]


def _numbers(table: bytes, letter: str, size: int) -> tuple[int, ...]:
    count = len(table) // size
    return unpack(f"<{count}{letter}", table[: count * size])


def _marked(fragments: list[tuple[int, bytes]]) -> tuple[int, ...]:
    return tuple(at for at, part in fragments if part.startswith(_BEGINNINGS))


def _cut(fragments: list[tuple[int, bytes]], starts: tuple[int, ...]) -> list[bytes]:
    """Join fragments from each start to the next; nothing when the starts are not theirs."""
    known = {at for at, _ in fragments}
    if starts[0] != 0 or not known.issuperset(starts) or list(starts) != sorted(set(starts)):
        return []
    ends = (*starts[1:], fragments[-1][0] + 1)
    return [
        b"".join(part for at, part in fragments if start <= at < end)
        for start, end in zip(starts, ends, strict=True)
    ]
