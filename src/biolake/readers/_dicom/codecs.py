"""Decode one compressed frame: imagecodecs first, pylibjpeg second, RLE also by itself."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import SetupMissing, SourceUnreadable
from biolake.readers._dicom.codestream import Codestream, describe
from biolake.readers._dicom.fallback import quiet

if TYPE_CHECKING:
    from biolake.readers._dicom.picture import Picture

_INSTALL = "pip install 'biolake[imaging]'"
_ROOT = "1.2.840.10008.1.2."
RLE, DEFLATED_FRAMES = _ROOT + "5", _ROOT + "8.1"
JPEG, JPEG_LOSSLESS = (_ROOT + "4.50", _ROOT + "4.51"), (_ROOT + "4.57", _ROOT + "4.70")
JPEG_LS = (_ROOT + "4.80", _ROOT + "4.81")
JPEG_2000 = tuple(_ROOT + f"4.{last}" for last in (90, 91, 92, 93))
HTJ2K = tuple(_ROOT + f"4.{last}" for last in (201, 202, 203))
# A flat picture shrinks enormously, yet no codec of the standard packs more than this.
_MOST_PACKED = 100_000
_ALWAYS_FINE = 1 << 24


def decode(frame: bytes, picture: Picture) -> np.ndarray:
    """Return rows × columns (× samples) as the codec gives them; colour already as RGB.

    Raises `SourceUnreadable` for damaged frames and sizes that differ from the header's,
    `SetupMissing` when no codec for the syntax is installed.
    """
    if picture.frame_bytes > max(_ALWAYS_FINE, _MOST_PACKED * len(frame)):
        raise SourceUnreadable(f"{len(frame)} bytes cannot hold a frame of the size named")
    if picture.syntax == RLE:
        return rle(frame, picture)
    if picture.syntax == DEFLATED_FRAMES:
        return deflated(frame, picture)
    told = describe(frame)
    named = (picture.rows, picture.columns, picture.samples)
    if (told.rows, told.columns, told.samples) != named:
        raise SourceUnreadable(
            f"the frame is {told.rows} × {told.columns} × {told.samples},"
            f" the header says {named[0]} × {named[1]} × {named[2]}"
        )
    found = _decoded(frame, told, picture)
    shape = named[:2] if told.samples == 1 else named
    if found.shape != shape and found.shape == (told.samples, told.rows, told.columns):
        found = np.moveaxis(found, 0, -1)
    if found.shape != shape:
        raise SourceUnreadable("the codec gave a picture of another shape than the header's")
    return found


def _decoded(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    """Try each codec of the syntax in turn."""
    tries = _codecs(picture.syntax)
    missing = 0
    for attempt in tries:
        try:
            with quiet():
                return np.asarray(attempt(frame, told, picture))
        except ImportError:
            missing += 1
        except MemoryError:
            raise
        except Exception:  # noqa: S112 - the next codec may know it
            continue
    if tries and missing == len(tries):
        raise SetupMissing(f"no codec for transfer syntax {picture.syntax}", next=_INSTALL)
    raise SourceUnreadable("a compressed frame is damaged, or of a kind no codec here decodes")


def _codecs(syntax: str) -> list[Any]:
    if syntax in JPEG:
        return [_jpeg]
    if syntax in JPEG_LOSSLESS:
        return [_jpeg, _lossless]
    if syntax in JPEG_LS:
        return [_jpeg_ls]
    if syntax in JPEG_2000:
        return [_jpeg_2000, _openjpeg]
    if syntax in HTJ2K:
        return [_htj2k, _jpeg_2000, _openjpeg]
    raise SourceUnreadable(
        f"transfer syntax {syntax} is not one Biolake decodes",
        next="Video and private syntaxes are kept, not opened.",
    )


def _jpeg(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    import imagecodecs

    if told.samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(frame))
    space = "YCBCR" if _is_ybr(told, picture) else "RGB"
    return np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace="RGB"))


def _is_ybr(told: Codestream, picture: Picture) -> bool:
    """Say whether a colour JPEG holds luminance and chrominance; its own marker knows best."""
    if told.adobe is not None:
        return told.adobe == 1
    return picture.photometric.startswith("YBR") and told.components != b"RGB"


def _lossless(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.ljpeg_decode(frame))


def _jpeg_ls(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.jpegls_decode(frame))


def _jpeg_2000(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.jpeg2k_decode(frame))


def _htj2k(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    import imagecodecs

    return np.asarray(imagecodecs.htj2k_decode(frame))


def _openjpeg(frame: bytes, told: Codestream, picture: Picture) -> np.ndarray:
    from openjpeg.utils import decode as decode_jpeg_2000

    return np.asarray(decode_jpeg_2000(frame))


def rle(frame: bytes, picture: Picture) -> np.ndarray:
    """Decode RLE (PS3.5 annex G): one PackBits segment a byte of a sample, highest first."""
    starts = np.frombuffer(frame[:64], "<u4") if len(frame) >= 64 else np.zeros(1, "<u4")
    wide = max(picture.allocated // 8, 1)
    count = picture.samples * wide
    if int(starts[0]) != count or count > 15:
        raise SourceUnreadable("the RLE header does not fit the samples and bits named")
    bounds = [*(int(start) for start in starts[1 : count + 1]), len(frame)]
    if bounds != sorted(bounds) or bounds[0] < 64:
        raise SourceUnreadable("the RLE segments are out of order")
    size = picture.rows * picture.columns
    if picture.allocated == 1:
        return _bits(unpack_bits(frame[bounds[0] :], -(-size // 8)), picture)
    planes = np.empty((picture.samples, wide, size), np.uint8)
    for segment in range(count):
        packed = frame[bounds[segment] : bounds[segment + 1]]
        plain = unpack_bits(packed, size)
        # Segments go from the highest byte down; ours are little endian.
        planes[segment // wide, wide - 1 - segment % wide] = plain
    words = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(f"<u{wide}")
    words = words.reshape(picture.rows, picture.columns, picture.samples)
    return words[:, :, 0] if picture.samples == 1 else words


def deflated(frame: bytes, picture: Picture) -> np.ndarray:
    """Inflate one uncompressed frame (PS3.5 A.4.12)."""
    size = -(-picture.rows * picture.columns * picture.samples * picture.allocated // 8)
    try:
        plain = zlib.decompressobj(-15).decompress(frame, size)
    except zlib.error:
        raise SourceUnreadable("a deflated frame is damaged") from None
    if len(plain) < size:
        raise SourceUnreadable("a deflated frame ends early")
    if picture.allocated == 1:
        return _bits(np.frombuffer(plain, np.uint8), picture)
    words = np.frombuffer(plain, f"<u{picture.allocated // 8}")
    if picture.samples == 1:
        return words.reshape(picture.rows, picture.columns)
    if picture.planar:
        planes = words.reshape(picture.samples, picture.rows, picture.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return words.reshape(picture.rows, picture.columns, picture.samples)


def _bits(packed: np.ndarray, picture: Picture) -> np.ndarray:
    size = picture.rows * picture.columns
    bits = np.unpackbits(packed, count=size, bitorder="little")
    return bits.reshape(picture.rows, picture.columns)


def unpack_bits(packed: bytes, size: int) -> np.ndarray:
    """Undo PackBits; `SourceUnreadable` when fewer than `size` bytes come out."""
    if size > 128 * len(packed):
        raise SourceUnreadable("an RLE segment is too short for the size named")
    try:
        import imagecodecs

        found = imagecodecs.packbits_decode(packed)
    except ImportError:
        found = plain_unpack_bits(packed, size)
    except Exception:
        # A padding byte at the end is no run of its own.
        found = plain_unpack_bits(packed, size)
    if len(found) < size:
        raise SourceUnreadable("an RLE segment ends early")
    return np.frombuffer(found, np.uint8, size)


def plain_unpack_bits(packed: bytes, size: int) -> bytes:
    """Undo PackBits without a library (PS3.5 G.3.2)."""
    found, at, end = bytearray(), 0, len(packed)
    while at < end and len(found) < size:
        head = packed[at]
        if head < 128:
            found += packed[at + 1 : at + 2 + head]
            at += 2 + head
        else:
            if head > 128 and at + 1 < end:
                found += packed[at + 1 : at + 2] * (257 - head)
            at += 2 if head > 128 else 1
    return bytes(found)
