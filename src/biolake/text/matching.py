"""Find tens of thousands of phrases in many texts at once.

A phrase matches whole words, whatever their case, accents and width, and whatever space stands
between them: one line's end too, but not an empty line. A hyphen between two words counts as a
space, so *x-ray* is *x ray*; *follow-up* is not *followup*. Chinese characters are words of one
character, so a phrase in Chinese matches anywhere.

    matcher = Matcher(["chest pain", "x-ray", "胸痛"])
    found = matcher.find(run)          # columns: item, start, end, phrase
    run.quote(found.item[0], found.start[0], found.end[0])

A trie over the words' 64-bit hashes, walked from each word that begins a phrase: a text is read
once, for one phrase or for a hundred thousand. Two words of one hash would be taken for each
other: less than once in 10^8 for a million different words against 100,000 words of phrases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biolake.text import _walk
from biolake.text._tokens import GLUED_HYPHEN, IS_BREAK
from biolake.text.run import TextRun


@dataclass(frozen=True)
class Matches:
    """Where phrases were found, in order of text and place; arrays of one length.

    `start` and `end` are characters of the text `item`; `first` and `last` are the run's tokens
    from which and up to which (inclusive) it was found; `phrase` is its number in the matcher.
    """

    item: np.ndarray  # int32
    start: np.ndarray  # int32
    end: np.ndarray  # int32
    phrase: np.ndarray  # int32
    first: np.ndarray  # int32
    last: np.ndarray  # int32

    def __len__(self) -> int:
        return len(self.item)


class Matcher:
    """Phrases compiled. Of phrases that are compared as one, the first stands for all.

    `number` gives, for each phrase, that first one's number; -1 where a phrase has no word or sign
    in it, and so never matches.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self.phrases = tuple(phrases)
        words, ends = _words(TextRun.of(self.phrases))
        vocabulary, ids = np.unique(words, return_inverse=True)
        self._words = _walk.hashed(vocabulary, np.arange(len(vocabulary), dtype=np.int32))
        edges, self._final, self.number = _trie(ids.tolist(), ends.tolist())
        self._first = np.full(max(1, len(vocabulary)), -1, np.int32)
        deeper: dict[int, int] = {}
        for (state, word), following in edges.items():
            if state:
                deeper[(state << 32) | word] = following
            else:
                self._first[word] = following
        keys = np.fromiter(deeper.keys(), np.uint64, len(deeper))
        self._edges = _walk.hashed(keys, np.fromiter(deeper.values(), np.int32, len(deeper)))

    def find(self, run: TextRun, *, every: bool = False) -> Matches:
        """Return the longest match from the left, then the next after it; or every match."""
        tokens = run.tokens
        most = max(1024, len(tokens) // 8)
        while True:
            found = np.empty((3, most), np.int32)
            count = _walk.walk(
                tokens.digest, tokens.flags, *self._words, *self._edges, self._first, self._final,
                every, found,
            )  # fmt: skip
            if count <= most:
                break
            most = count
        first, last, phrase = found[:, :count].copy()
        start, end = tokens.start[first], tokens.end[last]
        item = run.item_of(start)
        return Matches(item, run.within(item, start), run.within(item, end), phrase, first, last)


def _words(run: TextRun) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of the phrases' words, and how many words each phrase ends at."""
    tokens = run.tokens
    kept = (tokens.kind != IS_BREAK) & ((tokens.flags & GLUED_HYPHEN) == 0)
    ends = np.searchsorted(tokens.start[kept], run.offsets[1:], side="left")
    return tokens.digest[kept], ends


def _trie(
    words: list[int], ends: list[int]
) -> tuple[dict[tuple[int, int], int], np.ndarray, np.ndarray]:
    """Return edges (state, word) → state, each state's phrase or -1, and each phrase's first."""
    edges: dict[tuple[int, int], int] = {}
    final, number = [-1], np.full(len(ends), -1, np.int32)
    begin = 0
    for phrase, end in enumerate(ends):
        state = 0
        for word in words[begin:end]:
            following = edges.setdefault((state, word), len(final))
            if following == len(final):
                final.append(-1)
            state = following
        if state:
            final[state] = phrase if final[state] < 0 else final[state]
            number[phrase] = final[state]
        begin = end
    return edges, np.asarray(final, np.int32), number
