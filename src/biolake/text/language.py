"""Tell the language of texts by their script and their most common words."""

from __future__ import annotations

from functools import cache

import numpy as np

from biolake.text import _walk
from biolake.text._tokens import IS_HAN, IS_WORD
from biolake.text.packs import LANGUAGES, pack
from biolake.text.run import TextRun

UNKNOWN = -1
# A Chinese note has Latin drug names and units in it; a note in another language hardly any Han.
HAN_SHARE = 0.2


def languages(run: TextRun) -> np.ndarray:
    """Return for each text the number of its language in `LANGUAGES` (int8); -1: cannot tell.

    What a note's source says holds, where it is one of ours. A text is Chinese when a fifth of its
    words are Han characters; else it is of the language that more of its words are common words
    of, or unknown when none is.
    """
    found = _guessed(run)
    for item, told in enumerate(run.languages):
        if told:
            subtag = told.lower().replace("_", "-").split("-")[0]
            found[item] = LANGUAGES.index(subtag) if subtag in LANGUAGES else UNKNOWN
    return found


def _guessed(run: TextRun) -> np.ndarray:
    tokens = run.tokens
    item = run.item_of(tokens.start)
    words = np.bincount(item[tokens.kind == IS_WORD], minlength=len(run))
    han = np.bincount(item[tokens.kind == IS_HAN], minlength=len(run))
    said = _walk.get_all(tokens.digest, *_common_words())
    counts = np.stack(
        [
            np.bincount(item[(said >= 0) & ((said >> number) & 1 == 1)], minlength=len(run))
            for number in range(len(LANGUAGES))
        ]
    )
    chinese = LANGUAGES.index("zh")
    counts[chinese] = 0
    best = np.argmax(counts, axis=0).astype(np.int8)
    best[counts.max(axis=0) == 0] = UNKNOWN
    best[(han > 0) & (han >= HAN_SHARE * (han + words))] = chinese
    return np.asarray(best)


@cache
def _common_words() -> tuple[np.ndarray, np.ndarray, int]:
    """Return a table from each common word to the languages it is common in, as bits."""
    bits: dict[int, int] = {}
    for number, language in enumerate(LANGUAGES):
        for digest in TextRun.of([" ".join(pack(language).common_words)]).tokens.digest[:-1]:
            bits[int(digest)] = bits.get(int(digest), 0) | 1 << number
    keys = np.fromiter(bits, np.uint64, len(bits))
    return _walk.hashed(keys, np.fromiter(bits.values(), np.int32, len(bits)))
