"""Plain pictures (PNG, JPEG, TIFF, BMP) as pixels, and what may be said of them."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from biolake.core.assets import Facts, FoundAsset
from biolake.core.errors import SetupMissing, SourceUnreadable
from biolake.core.reading import SourceFile

if TYPE_CHECKING:
    from PIL import Image as Pillow

MOST_PIXELS = 100_000_000
# Deflate packs at most 1,032 bytes into one, and a byte holds at most 8 one-bit pixels.
MOST_PIXELS_A_BYTE = 8 * 1_032
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_DEEP_GREY = ("I", "F")
_ALPHA = ("LA", "PA", "La", "RGBA", "RGBa")
_BITS, _PHOTOMETRIC, _TILE_WIDTH, _WHITE_IS_ZERO = 258, 262, 322, 0
_HEAD = 4_096
_EXIF, _TAKEN, _TAKEN_OFFSET = 0x8769, 36867, 36881
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)\Z")
_OFFSET = re.compile(r"[+-]\d\d:\d\d\Z")


@dataclass(frozen=True)
class Picture:
    """A decoded picture: `pixels` is rows × columns (× 3), upright, high values bright.

    Of several pages these are the first one's. `start` is when it was taken, in microseconds
    since 1970 as the camera writes it, `utc_offset` its clock's minutes east of UTC where told.
    """

    pixels: np.ndarray
    file_format: str
    mode: str  # as stored, in pillow's words
    bits: int  # a sample, as stored
    frames: int
    start: int | None = None
    utc_offset: int | None = None


def perhaps_slide(head: bytes) -> bool:
    """Say whether a TIFF's first bytes show tiles, or leave open whether it has them."""
    tiles = tiled(io.BytesIO(head))
    if tiles is None:
        # Shorter than a head and still without its directory: damaged, so no slide.
        return head[:2] in (b"II", b"MM") and len(head) >= _HEAD
    return tiles


def tiled(stream: BinaryIO) -> bool | None:
    """Say whether the first image of a TIFF or BigTIFF is in tiles; None when it cannot be seen.

    Source: TIFF 6.0, sections 2 and 15.
    """
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    big = struct.unpack_from(f"{order}H", head, 2)[0] == 43
    (at,) = struct.unpack_from(*((f"{order}Q", head, 8) if big else (f"{order}I", head, 4)))
    stream.seek(min(at, end))
    count = stream.read(8 if big else 2)
    if len(count) < (8 if big else 2):
        return None
    entries = min(struct.unpack(f"{order}{'Q' if big else 'H'}", count)[0], 4_096)
    size = 20 if big else 12
    table = stream.read(size * entries)
    if len(table) < size * entries:
        return None
    tags = {struct.unpack_from(f"{order}H", table, size * i)[0] for i in range(entries)}
    return _TILE_WIDTH in tags


def decode(path: Path, name: str, install: str = "imaging") -> Picture:
    """Decode a picture; `name` is what an error calls it, `install` the extra that has pillow.

    Palettes, CMYK and YCbCr become RGB, one-bit pictures 0 and 255; transparency is laid on white;
    the EXIF orientation is applied. Pixels keep their depth, except colours of 16 bits, which
    pillow gives in 8. Raises `SourceUnreadable` for a damaged, cut, foreign or too large file.
    """
    try:
        from PIL import Image
    except ImportError:
        raise SetupMissing(
            "pictures need pillow", where=name, next=f"pip install 'biolake[{install}]'"
        ) from None
    with _refused(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata and of size, which is checked below
        # By its name, pillow would map an uncompressed TIFF and garble orientations 5 to 8.
        with path.open("rb") as stream, Image.open(stream, formats=_FORMATS) as image:
            _check_size(image, path.stat().st_size, name)
            return _decoded(image, path, name)


def found(file: SourceFile, picture: Picture) -> FoundAsset:
    """Say of a decoded picture what the index may hold."""
    shape = picture.pixels.shape
    notes = []
    if picture.frames > 1:
        notes.append(f"{picture.frames} pages: the first is opened")
    if picture.bits > 8 and len(shape) == 3:
        notes.append(f"colours of {picture.bits} bits are opened with 8")
    attributes = {
        "file_format": picture.file_format,
        "mode": picture.mode,
        "bits": picture.bits,
        "frames": picture.frames,
        "bytes": file.size or file.path.stat().st_size,
    }
    return FoundAsset(
        "photograph",
        (file,),
        Facts("frames" if picture.frames > 1 else "picture", shape=shape, attributes=attributes),
        start=picture.start,
        utc_offset=picture.utc_offset,
        notes=tuple(notes),
    )


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """Let a damaged file end in one kind of error, whatever pillow stumbled over."""
    try:
        yield
    except (SourceUnreadable, SetupMissing):
        raise
    except Exception as error:
        raise SourceUnreadable(
            f"the picture is damaged, cut short or not what its name says ({type(error).__name__})",
            where=name,
            next="Export it again.",
        ) from None


def _check_size(image: Pillow.Image, size: int, name: str) -> None:
    columns, rows = image.size
    if columns * rows > min(MOST_PIXELS, size * MOST_PIXELS_A_BYTE) or not columns * rows:
        raise SourceUnreadable(
            f"the picture says it is {columns} × {rows} pixels, which is not to be had from"
            f" {size} bytes or is over {MOST_PIXELS:,}",
            where=name,
            next="Store large scans as tiled whole-slide images.",
        )


def _decoded(image: Pillow.Image, path: Path, name: str) -> Picture:
    from PIL import ImageOps

    mode, bits, file_format = image.mode, _bits(image, path), image.format or ""
    # The second picture inside a phone's JPEG is a preview or a depth map.
    frames = 1 if file_format in ("MPO", "JPEG") else int(getattr(image, "n_frames", 1))
    start, offset = _taken(image)
    white_is_zero = file_format == "TIFF" and _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    image.seek(0)
    image.load()
    pixels = _pixels(ImageOps.exif_transpose(image), name)
    if white_is_zero and bits > 8:  # pillow turns only the shallow ones
        pixels = _turned(pixels, bits, name)
    file_format = "JPEG" if file_format == "MPO" else file_format
    return Picture(pixels, file_format, mode, bits, frames, start, offset)


def _pixels(image: Pillow.Image, name: str) -> np.ndarray:
    """Return grey as it is stored, and everything else as RGB on white."""
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "L" and "transparency" not in image.info:
        return np.array(image)
    if image.mode.startswith("I;16"):
        return np.array(image).astype(np.uint16)
    if image.mode in _DEEP_GREY:
        return _deep(np.array(image), name)
    if image.mode in _ALPHA or "transparency" in image.info:
        return _on_white(image)
    return np.array(image.convert("RGB"))


def _deep(pixels: np.ndarray, name: str) -> np.ndarray:
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise SourceUnreadable("pixels are not finite numbers", where=name)
    if pixels.dtype.kind == "i" and pixels.min() >= 0 and pixels.max() <= 0xFFFF:
        return pixels.astype(np.uint16)
    return pixels


def _turned(pixels: np.ndarray, bits: int, name: str) -> np.ndarray:
    if pixels.dtype != np.uint16 or bits > 16:
        raise SourceUnreadable(
            f"white is stored as zero in {bits}-bit pixels, whose brightest value is not known",
            where=name,
        )
    return np.asarray(np.uint16((1 << bits) - 1) - pixels)


def _on_white(image: Pillow.Image) -> np.ndarray:
    from PIL import Image

    grey = image.mode in ("L", "LA", "La")
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return np.array(Image.alpha_composite(white, rgba).convert("L" if grey else "RGB"))


def _tag(image: Pillow.Image, tag: int) -> object:
    value = getattr(image, "tag_v2", {}).get(tag)
    return value[0] if isinstance(value, tuple) and value else value


def _bits(image: Pillow.Image, path: Path) -> int:
    """Return the bits of one stored sample; pillow hides the depth of 16-bit colours."""
    if image.format == "TIFF":
        bits = _tag(image, _BITS)
        return bits if isinstance(bits, int) else 1
    if image.format == "PNG":
        with path.open("rb") as stream:
            return stream.read(25)[24]  # the header's own words
    return {"1": 1, "I": 32, "F": 32}.get(image.mode, 8)


def _taken(image: Pillow.Image) -> tuple[int | None, int | None]:
    """Return when the camera says the picture was taken; a file's writing time is not that."""
    exif = image.getexif().get_ifd(_EXIF)
    match = _TIME.match(str(exif.get(_TAKEN, "")).strip("\0 "))
    if not match:
        return None, None
    offset = str(exif.get(_TAKEN_OFFSET, "")).strip("\0 ")
    year, month, day, hour, minute, second = map(int, match.groups())
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    try:
        taken = datetime.fromisoformat(f"{text}+00:00")
    except ValueError:  # cameras without a set clock write 0000:00:00
        return None, None
    at = round(taken.timestamp() * 1_000_000)
    if not _OFFSET.match(offset):
        return at, None
    return at, (1 if offset[0] == "+" else -1) * (int(offset[1:3]) * 60 + int(offset[4:6]))
