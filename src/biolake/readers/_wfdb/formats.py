"""The storage formats of WFDB signal files: bytes in, whole numbers out.

Source: WFDB Applications Guide, signal(5).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require

COMPRESSED = frozenset((508, 516, 524))
# A flat signal shrinks to some hundred samples a byte; more is a file made to fill memory.
MOST_PER_BYTE = 4096
_BLOCK = 1 << 18
_GROUPS = 1 << 15  # decoded at a time, so that they stay in the processor's cache

# The number that stands for a missing sample, by format. Format 8 stores differences, so it has
# none; its own is the smallest 32-bit number.
INVALID: Mapping[int, int] = MappingProxyType({
    8: -(1 << 31), 16: -(1 << 15), 24: -(1 << 23), 32: -(1 << 31), 61: -(1 << 15),
    80: -(1 << 7), 160: -(1 << 15), 212: -(1 << 11), 310: -(1 << 9), 311: -(1 << 9),
    508: -(1 << 7), 516: -(1 << 15), 524: -(1 << 23),
})  # fmt: skip


def bytes_needed(code: int, samples: int) -> int:
    """Return how many bytes hold so many samples of an uncompressed format."""
    if code == 212:
        return (3 * samples + 1) // 2
    if code in (310, 311):
        whole, left = divmod(samples, 3)
        return 4 * whole + (0, 2, 4 if code == 310 else 3)[left]
    return samples * _WIDTH[code]


def samples_held(code: int, size: int) -> int:
    """Return how many samples so many bytes of an uncompressed format hold."""
    if code == 212:
        return 2 * size // 3
    if code in (310, 311):
        whole, left = divmod(size, 4)
        return 3 * whole + (0, 0, 1, 1 if code == 310 else 2)[left]
    return size // _WIDTH[code]


def decode(code: int, content: memoryview, samples: int) -> np.ndarray:
    """Return the first `samples` numbers stored; `content` is known to hold as many.

    Format 8 gives the differences it stores.
    """
    return _DECODERS[code](content[: bytes_needed(code, samples)], samples)


def decode_flac(
    code: int, content: bytes, channels: int, skip: int, most: int | None
) -> np.ndarray:
    """Return frames × channels of a FLAC signal file, `skip` frames in, `most` of them or all.

    Raises `SourceUnreadable` when the file is no FLAC, finer than its format or cut short.
    """
    require("signals", "soundfile", to="read FLAC signal files")
    import soundfile

    if content[:4] != b"fLaC":
        raise SourceUnreadable("the signal file is not FLAC, as its header says")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as sound:
            return _pulled(sound, code, len(content), channels, skip, most)
    except (RuntimeError, ValueError, OSError):  # libsndfile's own errors are RuntimeErrors
        raise SourceUnreadable("the FLAC signal file is damaged") from None


def _pulled(
    sound: Any, code: int, size: int, channels: int, skip: int, most: int | None
) -> np.ndarray:
    bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(sound.subtype)
    if bits is None or bits > code - 500:
        raise SourceUnreadable(f"the FLAC signal file is finer than format {code} allows")
    if sound.channels != channels:
        raise SourceUnreadable(
            f"the FLAC signal file has {sound.channels} channels, the header {channels}"
        )
    frames = sound.frames - skip if most is None else most
    if frames < 0 or skip + frames > sound.frames:
        raise SourceUnreadable("the FLAC signal file ends before its header says")
    if frames > size * MOST_PER_BYTE:
        raise SourceUnreadable("the FLAC signal file unpacks to more than its size can hold")
    sound.seek(skip)
    blocks = []
    for start in range(0, frames, _BLOCK):
        wide = sound.read(
            min(_BLOCK, frames - start), "int16" if bits <= 16 else "int32", always_2d=True
        )
        # soundfile sets 8 and 24 bits at the upper end of the wider number.
        blocks.append((wide >> 8).astype(np.int8) if bits == 8 else wide >> (bits == 24) * 8)
    found = np.concatenate(blocks) if blocks else np.empty((0, channels), np.int16)
    if len(found) != frames:
        raise SourceUnreadable("the FLAC signal file is cut short")
    return found


def _plain(stored: str) -> Callable[[memoryview, int], np.ndarray]:
    return lambda content, samples: np.frombuffer(content, stored, samples)


def _offset_8(content: memoryview, samples: int) -> np.ndarray:
    return (np.frombuffer(content, np.uint8, samples) ^ np.uint8(0x80)).view(np.int8)


def _offset_16(content: memoryview, samples: int) -> np.ndarray:
    words = np.frombuffer(content, "<u2", samples).astype(np.uint16)
    return (words ^ np.uint16(0x8000)).view(np.int16)


def _bits_24(content: memoryview, samples: int) -> np.ndarray:
    wide = np.zeros((samples, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(content, np.uint8, 3 * samples).reshape(-1, 3)
    return np.asarray(wide.view("<i4")[:, 0] >> 8)


def _bits_12(content: memoryview, samples: int) -> np.ndarray:
    """Two samples in three bytes: the middle byte holds the upper four bits of both."""
    groups = _groups(content, (samples + 1) // 2, 3)
    found = np.empty((len(groups), 2), np.int16)
    for start in range(0, len(groups), _GROUPS):
        target = found[start : start + _GROUPS]
        first, middle, last = np.ascontiguousarray(groups[start : start + _GROUPS].T)
        signed = middle.view(np.int8)
        # Four bits at the upper end of a signed byte carry the sample's sign with them.
        np.bitwise_or((signed << 4).astype(np.int16) << 4, first, out=target[:, 0])
        np.bitwise_or((signed.astype(np.int16) & -16) << 4, last, out=target[:, 1])
    return found.reshape(-1)[:samples]


def _bits_10_in_halves(content: memoryview, samples: int) -> np.ndarray:
    """Three samples in two 16-bit words; the third lies in the upper five bits of both."""
    low, high = _groups(content, (samples + 2) // 3, 4).view("<u2").T
    return _tens(low >> 1, high >> 1, low >> 11 | high >> 11 << 5, samples)


def _bits_10_packed(content: memoryview, samples: int) -> np.ndarray:
    """Three samples one after the other in a 32-bit word."""
    words = _groups(content, (samples + 2) // 3, 4).view("<u4")[:, 0]
    return _tens(words, words >> 10, words >> 20, samples)


def _tens(first: np.ndarray, second: np.ndarray, third: np.ndarray, samples: int) -> np.ndarray:
    found = np.stack((first, second, third), axis=1).astype(np.uint16) << np.uint16(6)
    return (found.view(np.int16) >> 6).reshape(-1)[:samples]


def _groups(content: memoryview, groups: int, width: int) -> np.ndarray:
    given = np.frombuffer(content, np.uint8)
    if len(given) < groups * width:
        given = np.concatenate((given, np.zeros(groups * width - len(given), np.uint8)))
    return given[: groups * width].reshape(groups, width)


_WIDTH = {8: 1, 16: 2, 24: 3, 32: 4, 61: 2, 80: 1, 160: 2}
_DECODERS: Mapping[int, Callable[[memoryview, int], np.ndarray]] = MappingProxyType({
    8: _plain("i1"), 16: _plain("<i2"), 24: _bits_24, 32: _plain("<i4"), 61: _plain(">i2"),
    80: _offset_8, 160: _offset_16, 212: _bits_12, 310: _bits_10_in_halves, 311: _bits_10_packed,
})  # fmt: skip
