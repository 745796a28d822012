"""The compiled walk of a trie over the words of a run, and its hash tables."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled
from biolake.text._tokens import GLUED_HYPHEN

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth's multiplicative hash)


def hashed(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Lay keys (uint64) and values (int32, not negative) in an open table; its shift comes last."""
    bits = max(4, int(4 * len(keys) - 1).bit_length()) if len(keys) else 4
    slots = np.full(1 << bits, -1, np.int32)
    held = np.zeros(1 << bits, np.uint64)
    _lay(np.ascontiguousarray(keys, np.uint64), values.astype(np.int32), held, slots, 64 - bits)
    return held, slots, 64 - bits


@compiled
def _lay(
    keys: np.ndarray, values: np.ndarray, held: np.ndarray, slots: np.ndarray, shift: int
) -> None:
    mask = len(slots) - 1
    for i in range(len(keys)):
        slot = np.int64((keys[i] * _MIX) >> np.uint64(shift))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        held[slot] = keys[i]
        slots[slot] = values[i]


@compiled
def get(key: np.uint64, held: np.ndarray, slots: np.ndarray, shift: int) -> int:
    """Return the value of a key, or -1."""
    mask = len(slots) - 1
    slot = np.int64((key * _MIX) >> np.uint64(shift))
    while slots[slot] >= 0:
        if held[slot] == key:
            return int(slots[slot])
        slot = (slot + 1) & mask
    return -1


@compiled
def walk(  # noqa: C901 - one pass over every word, compiled
    digest: np.ndarray,
    flags: np.ndarray,
    words_held: np.ndarray,
    words: np.ndarray,
    words_shift: int,
    edges_held: np.ndarray,
    edges: np.ndarray,
    edges_shift: int,
    first: np.ndarray,
    final: np.ndarray,
    every: bool,
    found: np.ndarray,
) -> int:
    """Fill first token, last token and phrase of each match; return how many there are.

    When there are more than fit, the rest is counted only.
    """
    n = len(digest)
    count = 0
    at = 0
    while at < n:
        word = get(digest[at], words_held, words, words_shift)
        state = first[word] if word >= 0 else -1
        last, best = at, -1
        while state >= 0:
            if final[state] >= 0:
                if best >= 0 and not every:
                    count -= 1  # the longer one takes its place
                best = last
                if count < found.shape[1]:
                    found[0, count] = at
                    found[1, count] = last
                    found[2, count] = final[state]
                count += 1
            following = -1
            while following < 0 and last + 1 < n:
                last += 1
                word = get(digest[last], words_held, words, words_shift)
                if word >= 0:
                    key = np.uint64(state) << np.uint64(32) | np.uint64(word)
                    following = get(key, edges_held, edges, edges_shift)
                if following < 0 and not flags[last] & GLUED_HYPHEN:
                    break
            state = following
        at = best + 1 if best >= 0 and not every else at + 1
    return count


@compiled
def get_all(keys: np.ndarray, held: np.ndarray, slots: np.ndarray, shift: int) -> np.ndarray:
    """Return the value of each key, or -1."""
    found = np.empty(len(keys), np.int32)
    for i in range(len(keys)):
        found[i] = get(keys[i], held, slots, shift)
    return found
