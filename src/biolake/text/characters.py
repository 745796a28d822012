"""Characters folded one to one, so that offsets stay, and told apart as words, spaces and marks.

`table()` gives each code point below 65,536 its class (bits 24 up) and the one code point it is
compared as (bits 0 to 20): lower case, without accent, of ordinary width. Only `ñ` keeps its mark,
since *año* and *ano* are different words. What folds to several characters (`ß`, ligatures) stays
as it is, and `İ` becomes `i`: a fold never moves what follows.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

SPACE, WORD, DIGIT, HAN, PUNCT, MARK, NEWLINE, BREAK = range(8)
CLASS_SHIFT = 24
FOLD_MASK = 0x1FFFFF
TABLE_SIZE = 0x10000
COMBINING_TILDE = 0x303

# For patterns: Python's \w and \b take ideographs for letters, so that no word would end at one.
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
NO_LETTER_BEFORE = rf"(?<![^\W{IDEOGRAPHS}])"
NO_LETTER_AFTER = rf"(?![^\W{IDEOGRAPHS}])"

_NEWLINES = frozenset("\n\x0b\x0c\x85\u2028\u2029")
# Typists, word processors and input methods write one sign in many ways.
_SAME = {
    **dict.fromkeys("\u2010\u2011\u2012–\u2014−\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018’\u201b\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
}
_IGNORED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_HAN = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))


def fold(character: str) -> str:
    """Return the one character that this one is compared as."""
    if same := _SAME.get(character):
        return same
    wide = unicodedata.normalize("NFKC", character)
    lower = (wide if len(wide) == 1 else character).casefold()
    if lower == "ñ":
        return lower
    base = unicodedata.normalize("NFD", lower)
    if len(base) > 1 and all(unicodedata.combining(mark) for mark in base[1:]):
        return base[0]
    return lower if len(lower) == 1 else character


def kind(character: str) -> int:
    """Tell what a character is to a reader of words."""
    if character == "\0":
        return BREAK
    if character in _NEWLINES:
        return NEWLINE
    if character in _IGNORED or unicodedata.category(character) == "Mn":
        return MARK
    if character.isspace() or unicodedata.category(character)[0] in "CZ":
        return SPACE
    if any(first <= ord(character) <= last for first, last in _HAN):
        return HAN
    if character.isdigit():
        return DIGIT
    return WORD if character.isalpha() or unicodedata.category(character) == "Mc" else PUNCT


@cache
def table() -> np.ndarray:
    """Return class and fold of every code point of the basic plane, as one uint32 each."""
    folded = np.arange(TABLE_SIZE, dtype=np.uint32)
    classes = np.empty(TABLE_SIZE, np.uint32)
    for code in range(TABLE_SIZE):
        character = chr(code)
        classes[code] = kind(character)
        if 0x4E00 <= code <= 0xDFFF:  # Han and Hangul have no case, and make most of the table
            continue
        folded[code] = ord(fold(character))
    both = folded | (classes << np.uint32(CLASS_SHIFT))
    both.setflags(write=False)
    return both
