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
def read_calls(text: np.ndarray, key: int, alts: int, alleles: np.ndarray) -> int:
    """Read the alleles of every sample of a row; return the most copies, −1 where it cannot be.

    `key` is the place of GT among a sample's keys; `alts` the number of alt alleles.
    """
    at, end, most = 0, len(text), 0
    for sample in range(len(alleles)):
        left = key
        while left and at < end and text[at] != _TAB:
            if text[at] == _COLON:
                left -= 1
            at += 1
        if left:
            alleles[sample, 0], alleles[sample, 1] = MISSING, MISSING
        else:
            at, copies = _one_call(text, at, alts, alleles[sample])
            if at < 0 or (at < end and text[at] != _COLON and text[at] != _TAB):
                return -1
            most = max(most, copies)
        while at < end and text[at] != _TAB:
            at += 1
        last = sample == len(alleles) - 1
        if last != (at >= end):
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
