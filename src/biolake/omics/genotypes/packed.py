"""Genotypes at two bits each, as PLINK 1 packs them: decoded, packed, counted without decoding.

A row is one variant, four samples a byte, the first in the lowest bits. 00 is two copies of A1,
10 one, 11 none, 01 missing. A1 is the allele that dosages count (alt), as in `--count-A1`.
Source: https://www.cog-genomics.org/plink/1.9/formats#bed
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np

from biolake.core.installed import require

MISSING = -1
DOSAGES = np.array([2, MISSING, 1, 0], dtype=np.int8)
_SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)


def row_bytes(samples: int) -> int:
    """Return how many bytes one variant takes."""
    return (samples + 3) // 4


def decode(packed: np.ndarray, samples: int, chosen: np.ndarray | None = None) -> np.ndarray:
    """Return variants × samples int8 dosages of packed rows; with `chosen`, of those samples."""
    packed = _rows(packed)
    if chosen is not None:
        return np.asarray(loops().decode_some(packed, np.asarray(chosen, np.int64), DOSAGES))
    words = np.empty(packed.shape, dtype=np.uint32)
    loops().decode_bytes(packed, _four_dosages(), words)
    return words.view(np.int8)[:, :samples]


def pack(dosages: np.ndarray) -> np.ndarray:
    """Return variants × bytes of variants × samples int8 dosages; anything but 0, 1, 2 is missing.

    The bits that pad the last byte are zero, as PLINK writes them.
    """
    rows = np.ascontiguousarray(dosages, dtype=np.int8)
    return np.asarray(loops().pack_rows(rows, row_bytes(rows.shape[1])))


def genotype_counts(
    packed: np.ndarray, samples: int, among: np.ndarray | None = None
) -> np.ndarray:
    """Return variants × 4 int64: how many samples have 0, 1, 2 alt alleles, and no call.

    Counted by population counts of 64 bits (32 genotypes) at a time. `among` marks the samples
    that count (bool, one a sample).
    """
    packed = _rows(packed)
    marks = np.ones(samples, dtype=bool) if among is None else np.asarray(among, dtype=bool)
    mask = _mask(marks, packed.shape[1])
    width = mask.nbytes
    if packed.shape[1] != width:
        wider = np.zeros((len(packed), width), dtype=np.uint8)
        wider[:, : packed.shape[1]] = packed
        packed = wider
    return np.asarray(loops().count_rows(packed.view(np.uint64), mask, int(marks.sum())))


def _rows(packed: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(packed, dtype=np.uint8)


def _mask(marks: np.ndarray, width: int) -> np.ndarray:
    """Return the low bit of each marked sample's pair, as whole 64-bit words."""
    pairs = np.zeros((-(-width // 8) * 8, 4), dtype=np.uint8)
    pairs.reshape(-1)[: len(marks)] = marks
    packed: np.ndarray = np.bitwise_or.reduce(pairs << _SHIFTS, axis=1).astype(np.uint8)
    return packed.view(np.uint64)


@cache
def _four_dosages() -> np.ndarray:
    """Return for each byte its four dosages as one 32-bit word, in this machine's byte order."""
    codes = (np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & 3
    return np.ascontiguousarray(DOSAGES[codes]).view(np.uint32)[:, 0]


@cache
def loops() -> ModuleType:
    require("omics", "numba", to="read genotypes")
    import biolake.omics.genotypes._loops as compiled_loops

    return compiled_loops
