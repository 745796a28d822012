"""The compiled loop that cuts code points into words, Chinese characters and signs."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled
from biolake.text.characters import (
    BREAK,
    CLASS_SHIFT,
    COMBINING_TILDE,
    DIGIT,
    FOLD_MASK,
    HAN,
    MARK,
    NEWLINE,
    PUNCT,
    SPACE,
    TABLE_SIZE,
    WORD,
)

# What a token is.
IS_WORD, IS_NUMBER, IS_HAN, IS_SIGN, IS_BREAK = range(5)
# What is known of it besides.
LINE_START, AFTER_SPACE, CAPITAL, ALL_CAPITALS, HAS_DIGIT, GLUED_HYPHEN = 1, 2, 4, 8, 16, 32

_SEED = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
_PRIME = np.uint64(0x100000001B3)
_SHIFT = np.uint32(CLASS_SHIFT)
_MASK = np.uint32(FOLD_MASK)
_HYPHEN, _N, _N_TILDE = np.uint32(0x2D), np.uint32(0x6E), np.uint32(0xF1)
_HAN_PLANES = (0x20000, 0x3FFFF)


@compiled
def looked_up(code: int, table: np.ndarray) -> np.uint32:
    """Return class and fold of one code point."""
    if code < TABLE_SIZE:
        return table[code]  # type: ignore[no-any-return]
    if _HAN_PLANES[0] <= code <= _HAN_PLANES[1]:
        return np.uint32(code) | np.uint32(HAN << CLASS_SHIFT)
    return np.uint32(code) | np.uint32(PUNCT << CLASS_SHIFT)


@compiled
def word_at(codes: np.ndarray, table: np.ndarray, at: int) -> tuple[int, np.uint64, int, int]:
    """Return where the word that begins here ends, its hash, its kind and its flags."""
    digest = _SEED
    letters = digits = capitals = 0
    flags = CAPITAL if is_capital(codes[at]) else 0
    while at < len(codes):
        both = looked_up(codes[at], table)
        of = both >> _SHIFT
        if of == MARK:
            at += 1
            continue
        if of not in (WORD, DIGIT):
            break
        folded = both & _MASK
        if folded == _N and at + 1 < len(codes) and codes[at + 1] == COMBINING_TILDE:
            folded = _N_TILDE
        digest = (digest ^ np.uint64(folded)) * _PRIME
        digits += of == DIGIT
        letters += of == WORD
        capitals += is_capital(codes[at])
        at += 1
    flags |= (HAS_DIGIT if digits else 0) | (ALL_CAPITALS if letters == capitals > 0 else 0)
    return at, digest, IS_WORD if letters else IS_NUMBER, flags


@compiled
def is_capital(code: int) -> bool:
    """Tell a capital letter of the Latin, Greek or Cyrillic alphabet."""
    if code < 0x100:
        return 0x41 <= code <= 0x5A or (0xC0 <= code <= 0xDE and code != 0xD7)
    if code < 0x180:
        return (code & 1) == (1 if 0x139 <= code <= 0x148 or code >= 0x179 else 0)
    return 0x386 <= code <= 0x3AB or 0x400 <= code <= 0x42F


@compiled
def is_glued_hyphen(codes: np.ndarray, table: np.ndarray, at: int) -> bool:
    """Tell a hyphen between two words (`x-ray`) from a dash, a minus and a range of numbers."""
    if at == 0 or at + 1 >= len(codes) or (looked_up(codes[at], table) & _MASK) != _HYPHEN:
        return False
    before = looked_up(codes[at - 1], table) >> _SHIFT
    after = looked_up(codes[at + 1], table) >> _SHIFT
    if before == WORD:
        return bool(after in (WORD, DIGIT))
    return bool(before == DIGIT and after == WORD)


@compiled
def cut(
    codes: np.ndarray,
    table: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    digest: np.ndarray,
    kind: np.ndarray,
    flags: np.ndarray,
) -> int:
    """Fill the columns of tokens in order; return how many there are.

    An empty line and a note's end are tokens of their own, so that nothing matches across them.
    """
    n = len(codes)
    count = at = 0
    newlines = 1  # a note begins a line
    spaced = True
    broken = True  # no break before the first token
    while at < n:
        both = looked_up(codes[at], table)
        of = both >> _SHIFT
        if of in (SPACE, NEWLINE, MARK):
            newlines += of == NEWLINE
            spaced = spaced or of != MARK
            at += 1
            continue
        if of != BREAK and newlines > 1 and not broken:
            start[count] = end[count] = end[count - 1]
            digest[count] = 0
            kind[count] = IS_BREAK
            flags[count] = 0
            count += 1
        start[count] = at
        extra = (LINE_START if newlines else 0) | (AFTER_SPACE if spaced else 0)
        broken = False
        if of in (WORD, DIGIT):
            at, digest[count], kind[count], more = word_at(codes, table, at)
            extra |= more
        else:
            digest[count] = (_SEED ^ np.uint64(both & _MASK)) * _PRIME
            kind[count] = IS_HAN if of == HAN else IS_SIGN
            if is_glued_hyphen(codes, table, at):
                extra |= GLUED_HYPHEN
            if of == BREAK:
                digest[count] = 0
                kind[count] = IS_BREAK
                broken = True
            at += 1
        end[count] = at
        flags[count] = extra
        count += 1
        newlines = 1 if broken else 0
        spaced = broken
    return count
