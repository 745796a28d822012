"""The compiled loops over calls written as text (`0/1`, `1|1:35`); imported only where they run."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled

_TAB, _COLON, _SLASH, _BAR, _DOT, _ZERO, _NINE = 9, 58, 47, 124, 46, 48, 57
MISSING, ABSENT = -1, -2


@compiled
def _allele(text: np.ndarray, at: int, alts: int) -> tuple[int, int]:
    """Return an allele's number and the place behind it; place −1 where there is none to read."""
    end = len(text)
    if at < end and text[at] == _DOT:
        return MISSING, at + 1
    number, begin = 0, at
    while at < end and _ZERO <= text[at] <= _NINE:
        number = min(number * 10 + text[at] - _ZERO, 100_000)
        at += 1
    return (number, at) if at > begin and number <= alts else (0, -1)


@compiled
def _one_call(text: np.ndarray, at: int, alts: int, pair: np.ndarray) -> tuple[int, int]:
    """Read one sample's alleles into `pair`; return the place behind and how many there are."""
    end, copies = len(text), 0
    pair[1] = ABSENT
    while True:
        number, at = _allele(text, at, alts)
        if at < 0:
            return -1, 0
        if copies < 2:
            pair[copies] = number
        copies += 1
        if at < end and (text[at] == _SLASH or text[at] == _BAR):
            at += 1
        else:
            return at, copies


@compiled
def _digit(byte: int, alts: int) -> int:
    """Return the allele that one byte says; −3 where it is none."""
    if byte == _DOT:
        return MISSING
    return byte - _ZERO if _ZERO <= byte <= _NINE and byte - _ZERO <= alts else -3


@compiled
def _plain_call(text: np.ndarray, at: int, alts: int, pair: np.ndarray) -> bool:
    """Read a call of three bytes (`0/1`), as nearly all are; say whether it was one."""
    end = len(text)
    if at + 3 > end or (text[at + 1] != _SLASH and text[at + 1] != _BAR):
        return False
    if at + 3 < end and text[at + 3] != _TAB and text[at + 3] != _COLON:
        return False
    pair[0], pair[1] = _digit(text[at], alts), _digit(text[at + 2], alts)
    return bool(pair[0] > -3 and pair[1] > -3)


@compiled
def _behind_keys(text: np.ndarray, at: int, keys: int) -> int:
    """Return the place behind so many keys of a sample, −1 where it has fewer."""
    while keys and at < len(text) and text[at] != _TAB:
        if text[at] == _COLON:
            keys -= 1
        at += 1
    return -1 if keys else at


@compiled
def _sample(text: np.ndarray, at: int, alts: int, pair: np.ndarray) -> tuple[int, int]:
    """Read one sample's call; return the place behind (−1: it cannot be read), and its copies."""
    if _plain_call(text, at, alts, pair):
        return at + 3, 2
    at, copies = _one_call(text, at, alts, pair)
    if at >= 0 and at < len(text) and text[at] != _COLON and text[at] != _TAB:
        return -1, 0
    return at, copies


@compiled
def read_calls(text: np.ndarray, key: int, alts: int, alleles: np.ndarray) -> int:
    """Read the alleles of every sample of a row; return the most copies, −1 where it cannot be.

    `key` is the place of GT among a sample's keys; `alts` the number of alt alleles. A sample that
    drops its last keys, GT among them, has no call.
    """
    at, end, most = 0, len(text), 0
    for sample in range(len(alleles)):
        call = _behind_keys(text, at, key)
        if call < 0:
            alleles[sample, 0], alleles[sample, 1] = MISSING, MISSING
        else:
            at, copies = _sample(text, call, alts, alleles[sample])
            if at < 0:
                return -1
            most = max(most, copies)
        while at < end and text[at] != _TAB:
            at += 1
        if (sample == len(alleles) - 1) != (at >= end):
            return -1
        at += 1
    return most


@compiled
def call_dosages(alleles: np.ndarray, alt: int) -> np.ndarray:
    """Count one alt allele in each sample: −1 where not wholly called, one allele counts twice."""
    out = np.empty(len(alleles), dtype=np.int8)
    for sample in range(len(alleles)):
        first, second = alleles[sample, 0], alleles[sample, 1]
        if first == MISSING or second == MISSING:
            out[sample] = MISSING
        else:
            out[sample] = (first == alt) + ((first if second == ABSENT else second) == alt)
    return out
