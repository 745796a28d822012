"""Write whole slides: tiled, deflated TIFF with a pyramid and its resolution (TIFF 6.0, 2, 15)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

TILE = 256
SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2
_FORMS = {SHORT: "H", LONG: "I", ASCII: "s"}
_DEFLATE, _RGB, _CENTIMETRE = 8, 2, 3


@dataclass(frozen=True)
class _Field:
    tag: int
    kind: int
    values: tuple[int, ...] | bytes

    @property
    def count(self) -> int:
        return len(self.values) // (2 if self.kind == RATIONAL else 1)

    @property
    def content(self) -> bytes:
        if isinstance(self.values, bytes):
            return self.values
        form = "I" if self.kind == RATIONAL else _FORMS[self.kind]
        return struct.pack(f"<{len(self.values)}{form}", *self.values)


def slide_file(levels: tuple[np.ndarray, ...], mpp: float, description: str) -> bytes:
    """Return a TIFF of these levels (rows × columns × 3 uint8), the finest first.

    Directories come first, so that a reader sees the tiles without looking far.
    """
    tiles = [_tiles(level) for level in levels]
    fields = [
        _fields(level, found, mpp * levels[0].shape[1] / level.shape[1], description, number)
        for number, (level, found) in enumerate(zip(levels, tiles, strict=True))
    ]
    sizes = [_size(one) for one in fields]
    at = 8 + sum(sizes)
    for found, entries in zip(tiles, fields, strict=True):
        places = at + np.cumsum([0, *(len(tile) for tile in found)])
        entries.append(_Field(324, LONG, tuple(places[:-1].tolist())))
        at = int(places[-1])
    starts = (8 + np.cumsum([0, *sizes])).tolist()
    out = [struct.pack("<2sHI", b"II", 42, 8)]
    for number, entries in enumerate(fields):
        following = starts[number + 1] if number + 1 < len(fields) else 0
        out.append(_directory(entries, starts[number], following))
    return b"".join([*out, *(tile for found in tiles for tile in found)])


def _tiles(level: np.ndarray) -> list[bytes]:
    """Cut a level into deflated tiles, row by row; the last ones are filled up with white."""
    rows, columns = (-(-side // TILE) for side in level.shape[:2])
    full = np.full((rows * TILE, columns * TILE, 3), 255, np.uint8)
    full[: level.shape[0], : level.shape[1]] = level
    cut = full.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2)
    return [zlib.compress(tile.tobytes(), 6) for row in cut for tile in row]


def _fields(
    level: np.ndarray, tiles: list[bytes], mpp: float, description: str, number: int
) -> list[_Field]:
    per_centimetre = (round(10_000_000 / mpp), 1000)
    return [
        _Field(254, LONG, (int(number > 0),)),
        _Field(256, LONG, (level.shape[1],)),
        _Field(257, LONG, (level.shape[0],)),
        _Field(258, SHORT, (8, 8, 8)),
        _Field(259, SHORT, (_DEFLATE,)),
        _Field(262, SHORT, (_RGB,)),
        _Field(270, ASCII, description.encode("ascii") + b"\0"),
        _Field(277, SHORT, (3,)),
        _Field(282, RATIONAL, per_centimetre),
        _Field(283, RATIONAL, per_centimetre),
        _Field(284, SHORT, (1,)),
        _Field(296, SHORT, (_CENTIMETRE,)),
        _Field(322, LONG, (TILE,)),
        _Field(323, LONG, (TILE,)),
        _Field(325, LONG, tuple(len(tile) for tile in tiles)),
    ]


def _size(fields: list[_Field]) -> int:
    """Return the bytes of a directory to which the tiles' places are still to come."""
    tiles = next(field.count for field in fields if field.tag == 325)
    whole = [*fields, _Field(324, LONG, (0,) * tiles)]
    return 2 + 12 * len(whole) + 4 + sum(_outside(field) for field in whole)


def _outside(field: _Field) -> int:
    """Return how many bytes of a field do not fit into its entry; places are even."""
    size = len(field.content)
    return size + size % 2 if size > 4 else 0


def _directory(fields: list[_Field], start: int, following: int) -> bytes:
    entries, beyond = b"", b""
    after = start + 2 + 12 * len(fields) + 4
    for field in sorted(fields, key=lambda one: one.tag):
        content = field.content
        if len(content) > 4:
            place = struct.pack("<I", after + len(beyond))
            beyond += content + b"\0" * (len(content) % 2)
        else:
            place = content.ljust(4, b"\0")
        entries += struct.pack("<HHI", field.tag, field.kind, field.count) + place
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following) + beyond
