"""A plain reading of texts, one regular expression at a time: the oracle of the compiled one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from biolake.text.characters import fold

WORD = r"(?:(?![\u4e00-\u9fff])[^\W_]|[\u0300-\u036f])+"
TOKEN = re.compile(
    rf"(?P<gap>[^\S\n]*\n(?:[^\S\n]*\n)+\s*)|(?P<han>[\u4e00-\u9fff])|(?P<word>{WORD})|[^\w\s]|_"
)


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Cut a text by the documented rules: each word folded, its start and its end."""
    found = []
    for match in TOKEN.finditer(text):
        raw = unicodedata.normalize("NFC", match.group())
        folded = "".join(fold(character) for character in raw)
        around = text[max(0, match.start() - 1) : match.end() + 1]
        hyphen = re.fullmatch(r"[a-zA-Zéñ]-[\da-zA-Zéñ]|\d-[a-zA-Zéñ]", around)
        found.append(
            ("gap" if match["gap"] else "hyphen" if hyphen else folded, match.start(), match.end())
        )
    return found


def phrase_words(phrase: str) -> tuple[str, ...]:
    """Return the words that a phrase is compared by."""
    return tuple(word for word, *_ in words_of(phrase) if word not in ("gap", "hyphen"))


def known(phrases: list[str]) -> dict[tuple[str, ...], int]:
    """Number phrases by their words; of two alike, the first."""
    found: dict[tuple[str, ...], int] = {}
    for number, phrase in enumerate(phrases):
        if wanted := phrase_words(phrase):
            found.setdefault(wanted, number)
    return found


def readings(words: list[str], at: int, longest: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield last word and words of all that may be read here, hyphens kept and left out."""
    said = [((), at)]
    for _ in range(longest):
        further = []
        for so_far, here in said:
            while here < len(words):
                word = words[here]
                yield here, (*so_far, "-" if word == "hyphen" else word)
                further.append(((*so_far, "-" if word == "hyphen" else word), here + 1))
                if word != "hyphen" or not so_far:
                    break
                here += 1
        said = further


def matches(
    phrases: dict[tuple[str, ...], int], words: list[tuple[str, int, int]]
) -> list[tuple[int, int, int]]:
    """Find the longest phrase from each word, from the left: first word, last word, phrase."""
    said = [word for word, *_ in words]
    longest = max(map(len, phrases), default=0)
    found, at = [], 0
    while at < len(said):
        best = max(
            (
                (last, phrases[read])
                for last, read in readings(said, at, longest)
                if read in phrases
            ),
            default=None,
        )
        if best:
            found.append((at, *best))
        at = best[0] + 1 if best else at + 1
    return found
