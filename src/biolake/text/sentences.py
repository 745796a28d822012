"""Where sentences of clinical text begin and end.

A full stop ends a sentence unless it stands in a number, after an abbreviation, an initial or a
list's number, or before a small letter. A line ends one where the next is a list item or begins
anew after a short line, so that lines wrapped by the typist's machine are joined. An empty line
and the signs 。！？ always do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from biolake.text import _sentences, _walk
from biolake.text.packs import LANGUAGES, pack
from biolake.text.run import TextRun
from biolake.text.sections import Sections


@dataclass(frozen=True)
class Sentences:
    """Sentences in order of text and place; arrays of one length, but for `of_token`.

    `start` and `end` are characters of the text `item`; `first` and `last` its first and last
    token (inclusive). `of_token` gives each token's sentence, -1 for breaks.
    """

    item: np.ndarray  # int32
    start: np.ndarray  # int32
    end: np.ndarray  # int32
    first: np.ndarray  # int32
    last: np.ndarray  # int32
    of_token: np.ndarray  # int32

    def __len__(self) -> int:
        return len(self.item)


def sentences(run: TextRun, within: Sections | None = None) -> Sentences:
    """Cut the texts of a run into sentences, where its sections are known at their headings too."""
    tokens = run.tokens
    begins = np.zeros(len(tokens), np.bool_)
    if within is not None and len(tokens):
        place = run.place(within.item, np.minimum(within.heading_start, within.start))
        begins[np.minimum(run.first_token(place), len(tokens) - 1)] = True
    of_token = np.empty(len(tokens), np.int32)
    first = np.empty(len(tokens), np.int32)
    count = _sentences.number(
        tokens.start, tokens.end, tokens.digest, tokens.kind, tokens.flags, begins,
        _signs(), *_abbreviations(), of_token, first,
    )  # fmt: skip
    first = first[:count].copy()
    last = np.empty(count, np.int32)
    inside = np.flatnonzero(of_token >= 0)
    last[of_token[inside]] = inside  # of tokens of one sentence, the last written stays
    start, end = tokens.start[first], tokens.end[last]
    item = run.item_of(start)
    return Sentences(item, run.within(item, start), run.within(item, end), first, last, of_token)


@cache
def _signs() -> np.ndarray:
    """Return the digests of the signs that the loop knows, in its order."""
    return TextRun.of([_sentences.SIGNS]).tokens.digest[:-1].copy()


@cache
def _abbreviations() -> tuple[np.ndarray, np.ndarray, int]:
    """Return a table of all languages' abbreviations: words that a full stop belongs to."""
    known = [word for language in LANGUAGES for word in pack(language).abbreviations]
    digests = np.unique(TextRun.of([" ".join(known)]).tokens.digest[:-1])
    return _walk.hashed(digests, np.ones(len(digests), np.int32))
