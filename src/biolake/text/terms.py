"""A text as the terms that a search compares: folded words, and pairs of ideographs.

Case and accents are folded (Unicode NFKD without marks). `b.i.d.` and `bid` are one term, `s/p` and
`I21.4` stay whole, a decimal comma is a point. A run of Chinese or Japanese letters becomes its
overlapping pairs and its last letter, so that any piece of it is found without a dictionary.
Nothing is stemmed and no word is left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_RUN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_RUN}]"
_ONE = rf"[^\W\d_{_RUN}]"
_MARKED = rf"(?:{_LETTER}|[\u0300-\u036f])"


def _pattern(letter: str) -> re.Pattern[str]:
    return re.compile(
        rf"[{_RUN}]+"
        rf"|{_ONE}(?:\.{_ONE})+(?!{letter})"  # b.i.d.
        rf"|{_ONE}/{_ONE}(?!{letter})"  # s/p, c/o
        rf"|{letter}+(?:(?<=\d)[.,](?=\d){letter}+)*"  # words, 3.5, I21.4
    )


_PLAIN = _pattern(_LETTER)
_ACCENTED = _pattern(_MARKED)  # accents may stand as letters of their own
_IS_RUN = re.compile(rf"[{_RUN}]")


class Term(NamedTuple):
    """A term and the characters of the text that it stands for."""

    term: str
    start: int
    end: int


def terms(text: str) -> list[str]:
    """Return the terms of a text in order."""
    if text.isascii():
        return [t if t.isalnum() else _fold(t) for t in _PLAIN.findall(text.lower())]
    found: list[str] = []
    for word in _ACCENTED.findall(text):
        if _IS_RUN.match(word):
            found += [word[n : n + 2] for n in range(len(word))]
        elif folded := _fold(word):
            found.append(folded)
    return found


def located(text: str) -> Iterator[Term]:
    """Yield the same terms with their places."""
    for match in (_PLAIN if text.isascii() else _ACCENTED).finditer(text):
        word, start = match[0], match.start()
        if _IS_RUN.match(word):
            for n in range(len(word)):
                yield Term(word[n : n + 2], start + n, min(start + n + 2, match.end()))
        elif folded := _fold(word):
            yield Term(folded, start, match.end())


def is_ideograph(term: str) -> bool:
    """Tell a term of Chinese or Japanese letters from a word."""
    return bool(_IS_RUN.match(term))


@lru_cache(maxsize=1 << 16)
def _fold(word: str) -> str:
    if not word.isascii():
        apart = unicodedata.normalize("NFKD", word)
        word = "".join(letter for letter in apart if not unicodedata.combining(letter))
    word = word.casefold()
    if "." in word and not any(letter.isdigit() for letter in word):
        return word.replace(".", "")
    return word.replace(",", ".")
