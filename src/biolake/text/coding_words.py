"""Words without their endings, and texts read as such words: how learned mentions are compared.

The stem of a word loses `es` or `s` and then one of `a o e` (four letters stay): plural and gender
of Spanish, plural of English. Crude, and the same for every language, so that a learned dictionary
needs none of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from biolake.core.compiled import compiled
from biolake.text._tokens import AFTER_SPACE, GLUED_HYPHEN, IS_BREAK, IS_SIGN, looked_up
from biolake.text.characters import (
    CLASS_SHIFT,
    COMBINING_TILDE,
    FOLD_MASK,
    MARK,
    fold,
    kind,
    table,
)
from biolake.text.run import TextRun, Tokens

_SEED = np.uint64(0xCBF29CE484222325)  # FNV-1a, as in `_tokens`
_PRIME = np.uint64(0x100000001B3)
_MASK = np.uint32(FOLD_MASK)
_SHIFT = np.uint32(CLASS_SHIFT)
_A, _E, _O, _S = (np.uint32(ord(letter)) for letter in "aeos")
_N, _N_TILDE = np.uint32(0x6E), np.uint32(0xF1)
_STOPS = tuple(np.uint32(ord(sign)) for sign in ".;:")


@dataclass(frozen=True)
class StemmedRun(TextRun):
    """The same texts, whose tokens are compared by their stems."""

    @staticmethod
    def over(run: TextRun) -> StemmedRun:
        """Take the texts, and the tokens already cut, of another run."""
        stemmed = StemmedRun(run.texts, run.languages, run.sections)
        stemmed.__dict__["tokens"] = _stemmed(run)
        return stemmed

    @cached_property
    def clauses(self) -> np.ndarray:
        """The number of the clause each token stands in (int32), rising through the run.

        A full stop, colon or semicolon before a space, and an empty line, end a clause.
        """
        tokens = self.tokens
        first = self.codes[np.minimum(tokens.start, len(self.codes) - 1)]
        stop = (tokens.kind == IS_SIGN) & np.isin(first, _STOPS)
        spaced = np.append((tokens.flags[1:] & AFTER_SPACE) > 0, True)
        ends = (stop & spaced) | (tokens.kind == IS_BREAK)
        return np.concatenate([[0], np.cumsum(ends)[:-1]]).astype(np.int32)


def _stemmed(run: TextRun) -> Tokens:
    tokens = run.tokens
    digest = np.empty(len(tokens), np.uint64)
    _digests(run.codes, table(), tokens.start, tokens.end, tokens.kind, digest)
    return Tokens(tokens.start, tokens.end, digest, tokens.kind, tokens.flags)


@compiled
def _digests(
    codes: np.ndarray,
    folds: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    kind: np.ndarray,
    digest: np.ndarray,
) -> None:
    """Hash the stem of each token; `before[k]` is the hash without the last k letters."""
    before = np.empty(4, np.uint64)
    last = np.zeros(4, np.uint32)
    for i in range(len(start)):
        before[:] = _SEED
        last[:] = 0
        count = 0
        for at in range(start[i], end[i]):
            both = looked_up(codes[at], folds)
            if both >> _SHIFT == MARK:
                continue
            letter = both & _MASK
            if letter == _N and at + 1 < end[i] and codes[at + 1] == COMBINING_TILDE:
                letter = _N_TILDE
            for k in range(3, 0, -1):
                before[k] = before[k - 1]
                last[k] = last[k - 1]
            before[0] = (before[0] ^ np.uint64(letter)) * _PRIME
            last[0] = letter
            count += 1
        digest[i] = np.uint64(0) if kind[i] == IS_BREAK else before[_ending(last, count)]


@compiled
def _ending(last: np.ndarray, count: int) -> int:
    """Return how many letters of a word are its ending; `last` are its letters from the end."""
    cut = 0
    if count > 4 and last[0] == _S and last[1] == _E:
        cut = 2
    elif count > 3 and last[0] == _S:
        cut = 1
    letter = last[cut]
    if count - cut > 4 and letter in (_A, _O, _E):
        cut += 1
    return cut


def stem(word: str) -> str:
    """Return the stem of one word as text: what `StemmedRun` hashes."""
    folded = "".join(fold(c) for c in unicodedata.normalize("NFC", word) if kind(c) != MARK)
    if len(folded) > 4 and folded.endswith("es"):
        folded = folded[:-2]
    elif len(folded) > 3 and folded.endswith("s"):
        folded = folded[:-1]
    return folded[:-1] if len(folded) > 4 and folded[-1] in "aeo" else folded


def stems(phrases: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the stems of each phrase's words; signs are words, hyphens inside words are not."""
    run = TextRun.of(phrases)
    tokens = run.tokens
    kept = (tokens.kind != IS_BREAK) & ((tokens.flags & GLUED_HYPHEN) == 0)
    start, end = tokens.start[kept], tokens.end[kept]
    item = run.item_of(start)
    found: list[list[str]] = [[] for _ in phrases]
    places = zip(item, run.within(item, start), run.within(item, end), strict=True)
    for number, begin, stop in places:
        found[number].append(stem(phrases[number][begin:stop]))
    return [tuple(words) for words in found]
