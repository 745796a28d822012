"""The stored pixels of a file: every frame, whole numbers as written, colour as RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.readers._dicom import codecs, encapsulation, tags
from biolake.readers._dicom.header import Header
from biolake.readers._dicom.scan import UNDEFINED

_LARGEST_FRAME = 1 << 30  # bytes decoded
_LARGEST = 1 << 33


@dataclass(frozen=True)
class Picture:
    """How the pixels of one file are written (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str
    syntax: str
    floating: bool = False

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.samples * max(self.allocated, 8) // 8


def picture_of(header: Header) -> Picture:
    """Read how the pixels are written; refuse by name what contradicts itself."""
    floating = header.pixels is not None and header.pixels.tag != tags.PIXELS
    bits = {tags.FLOAT_PIXELS: 32, tags.DOUBLE_PIXELS: 64}
    given = bits.get(header.pixels.tag) if header.pixels is not None else None
    allocated = given or _needed(header, tags.BITS_ALLOCATED)
    stored = allocated if floating else header.short(tags.BITS_STORED) or allocated
    high = header.short(tags.HIGH_BIT)
    frames = header.integer(tags.FRAMES) if header.text(tags.FRAMES) else 1
    found = Picture(
        rows=_needed(header, tags.ROWS),
        columns=_needed(header, tags.COLUMNS),
        samples=header.short(tags.SAMPLES) or 1,
        frames=frames or 0,
        allocated=allocated,
        stored=stored,
        high=stored - 1 if high is None or floating else high,
        signed=header.short(tags.SIGNED) == 1,
        planar=header.short(tags.PLANAR) == 1,
        photometric=header.text(tags.PHOTOMETRIC) or "MONOCHROME2",
        syntax=header.syntax,
        floating=floating,
    )
    _check(found)
    return found


def _needed(header: Header, tag: int) -> int:
    value = header.short(tag)
    if not value:
        raise SourceUnreadable("missing or zero, and pixels need it", where=tags.name(tag))
    return value


def _check(found: Picture) -> None:
    if found.allocated not in (1, 8, 16, 32, 64):
        raise _bad(tags.BITS_ALLOCATED, f"{found.allocated} bits allocated is not known")
    if not found.stored <= found.high + 1 <= found.allocated:
        raise _bad(tags.BITS_STORED, "bits stored and high bit do not fit the bits allocated")
    if found.samples not in (1, 3):
        raise _bad(tags.SAMPLES, f"{found.samples} samples a pixel")
    if not found.frames >= 1:
        raise _bad(tags.FRAMES, f"{found.frames} frames")
    if found.frame_bytes > _LARGEST_FRAME or found.frame_bytes * found.frames > _LARGEST:
        raise _bad(tags.ROWS, "the size named is more than Biolake opens at once")


def _bad(tag: int, why: str) -> SourceUnreadable:
    return SourceUnreadable(why, where=tags.name(tag))


def stored_pixels(header: Header) -> np.ndarray:
    """Return frames × rows × columns (× 3) of whole numbers as stored, or floats.

    Bits above the highest stored one (overlays) are cleared, signs extended, planes
    interleaved, and luminance-chrominance made RGB.
    """
    if header.pixels is None:
        raise _bad(tags.PIXELS, "there are no pixel data")
    how = picture_of(header)
    if header.pixels.length == UNDEFINED:
        return _encapsulated(header, how)
    if header.cut:
        raise _bad(tags.PIXELS, "the file ends before its pixel data do")
    return _native(header, how)


def _encapsulated(header: Header, how: Picture) -> np.ndarray:
    parts = encapsulation.frames(header, how.frames)
    shape = (how.rows, how.columns) if how.samples == 1 else (how.rows, how.columns, 3)
    found = np.empty((how.frames, *shape), _type(how))
    for at, part in enumerate(parts):
        frame = codecs.decode(part, how)
        if frame.dtype.kind == "i":
            frame = frame.view(f"u{frame.dtype.itemsize}")
        wide = frame.astype(f"u{max(how.allocated // 8, 1)}")
        found[at] = _masked(wide, how) if how.allocated > 1 else wide
    if how.syntax not in (*codecs.JPEG, *codecs.JPEG_LOSSLESS, *codecs.JPEG_2000, *codecs.HTJ2K):
        return _rgb(found, how)
    return found


def _native(header: Header, how: Picture) -> np.ndarray:
    """Read uncompressed pixels straight from the bytes."""
    element = header.pixels
    assert element is not None  # noqa: S101 - asked before
    subsampled = how.photometric == "YBR_FULL_422" and how.samples == 3
    values = how.rows * how.columns * (2 if subsampled else how.samples) * how.frames
    size = -(-values * how.allocated // 8)
    if element.length < size:
        raise _bad(tags.PIXELS, f"{element.length} bytes of pixels where {size} are needed")
    raw = memoryview(header.data)[element.start : element.start + size]
    if len(raw) < size:
        raise _bad(tags.PIXELS, "the pixel data end early")
    if how.allocated == 1:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=values, bitorder="little")
        return bits.reshape(how.frames, how.rows, how.columns)
    order = ">" if element.big else "<"
    if how.floating:
        floats = np.frombuffer(raw, f"{order}f{how.allocated // 8}")
        return _shaped(floats.astype(floats.dtype.newbyteorder("=")), how)
    words = np.frombuffer(raw, f"{order}u{how.allocated // 8}")
    if element.big and how.allocated == 8 and element.vr == b"OW":
        words = _swapped(memoryview(header.data)[element.start :], values)
    words = words.astype(words.dtype.newbyteorder("="))
    if subsampled:
        return _rgb(_upsampled(words, how), how)
    return _rgb(_masked(_shaped(words, how), how), how)


def _swapped(raw: memoryview, values: int) -> np.ndarray:
    """Return bytes that were written two by two, the second first."""
    even = values + values % 2
    if len(raw) < even:
        raise _bad(tags.PIXELS, "the pixel data end within a word")
    return np.frombuffer(raw[:even], ">u2").astype("<u2").view(np.uint8)[:values]


def _shaped(words: np.ndarray, how: Picture) -> np.ndarray:
    if how.samples == 1:
        return words.reshape(how.frames, how.rows, how.columns)
    if how.planar:
        planes = words.reshape(how.frames, how.samples, how.rows, how.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 1, -1))
    return words.reshape(how.frames, how.rows, how.columns, how.samples)


def _upsampled(words: np.ndarray, how: Picture) -> np.ndarray:
    """Give each of two neighbours the chrominance they share (PS3.3 C.7.6.3.1.2)."""
    if how.columns % 2:
        raise _bad(tags.COLUMNS, "an odd number of columns cannot share chrominance in pairs")
    pairs = words.reshape(how.frames, how.rows, how.columns // 2, 4)
    first, second = pairs[..., [0, 2, 3]], pairs[..., [1, 2, 3]]
    return np.stack((first, second), axis=3).reshape(how.frames, how.rows, how.columns, 3)


def _type(how: Picture) -> np.dtype:
    return np.dtype(f"{'i' if how.signed else 'u'}{max(how.allocated // 8, 1)}")


def _masked(words: np.ndarray, how: Picture) -> np.ndarray:
    """Keep the stored bits alone, with their sign."""
    bits = words.dtype.itemsize * 8
    if how.signed:
        found = words.view(f"i{words.dtype.itemsize}")
        left, right = bits - how.high - 1, bits - how.stored
        return (found << left) >> right if right else found
    shift = how.high + 1 - how.stored
    if how.stored == bits:
        return words
    return np.asarray((words >> shift) & words.dtype.type((1 << how.stored) - 1))


def _rgb(pixels: np.ndarray, how: Picture) -> np.ndarray:
    """Turn luminance and chrominance into RGB (PS3.3 C.7.6.3.1.2); other pixels stay."""
    if how.samples != 3 or not how.photometric.startswith("YBR"):
        return pixels
    if how.photometric not in ("YBR_FULL", "YBR_FULL_422") or pixels.dtype != np.uint8:
        raise _bad(tags.PHOTOMETRIC, f"{how.photometric} of {how.allocated} bits is not decoded")
    light, blue, red = (pixels[..., part].astype(np.float32) for part in range(3))
    blue, red = blue - 128.0, red - 128.0
    parts = (light + 1.402 * red, light - 0.344136 * blue - 0.714136 * red, light + 1.772 * blue)
    return np.stack([np.clip(np.rint(part), 0, 255).astype(np.uint8) for part in parts], axis=-1)
