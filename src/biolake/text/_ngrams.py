"""The compiled loop that turns terms into numbers of hash buckets."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled

NEWLINE = 10
GRAM = 4  # letters
_SEED = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
_PRIME = np.uint64(0x100000001B3)
_WORD, _PAIR, _GRAM = np.uint64(1), np.uint64(2), np.uint64(3)
_EDGE = np.uint64(1)  # stands before and after a word


@compiled
def hashed(codes: np.ndarray, buckets: int, found: np.ndarray) -> int:
    """Write the buckets of terms that stand in lines of their own; return how many they are.

    A term gives itself, itself with the one before it, and its runs of four letters.
    """
    count, start = 0, 0
    before = np.uint64(0)
    mask = np.uint64(buckets - 1)
    for at in range(len(codes) + 1):
        if at < len(codes) and codes[at] != NEWLINE:
            continue
        word = _SEED
        for place in range(start, at):
            word = (word ^ np.uint64(codes[place])) * _PRIME
        found[count] = mixed(word, _WORD) & mask
        count += 1
        if start:
            found[count] = mixed(word ^ (before * _PRIME), _PAIR) & mask
            count += 1
        for first in range(start - 1, at - GRAM + 2):
            if at - start < GRAM - 1:
                break
            gram = _SEED
            for place in range(first, first + GRAM):
                inside = start <= place < at
                gram = (gram ^ (np.uint64(codes[place]) if inside else _EDGE)) * _PRIME
            found[count] = mixed(gram, _GRAM) & mask
            count += 1
        before, start = word, at + 1
    return count


@compiled
def mixed(value: np.uint64, kind: np.uint64) -> np.uint64:
    """Spread a hash over all its bits (the finaliser of MurmurHash3)."""
    value = (value ^ kind) * np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))
