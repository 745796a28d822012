"""Find learned mentions in texts: word for word, inside longer ones, and scattered in a clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biolake.core.compiled import compiled
from biolake.text import _walk
from biolake.text._tokens import IS_BREAK
from biolake.text.coding_words import StemmedRun
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

REACH = 8  # words on either side of a scattered mention's rarest word


@dataclass(frozen=True)
class Seen:
    """Which mentions each text has: one row a text and mention, arrays of one length.

    `alone` says that it stands somewhere outside every longer mention. `gap` is how many words
    stand between those of a scattered mention. `first` and `last` are tokens of one place.
    """

    item: np.ndarray
    mention: np.ndarray
    times: np.ndarray
    alone: np.ndarray  # bool
    gap: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def __len__(self) -> int:
        return len(self.item)


def whole(matcher: Matcher, run: StemmedRun) -> Seen:
    """Find mentions word for word, those inside longer ones too."""
    hits = matcher.find(run, every=True)
    order = np.lexsort((-hits.last, hits.first))
    first, last = hits.first[order], hits.last[order]
    nested = np.zeros(len(order), bool)
    nested[1:] = last[1:] <= np.maximum.accumulate(last)[:-1]
    gap = np.zeros(len(order), np.int64)
    return _gathered(hits.item[order], hits.phrase[order], nested, gap, first, last)


def _gathered(
    item: np.ndarray,
    mention: np.ndarray,
    nested: np.ndarray,
    gap: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
) -> Seen:
    """Make one row of each text and mention, at its best place: alone, close, early."""
    most = int(mention.max(initial=0)) + 1
    key = item.astype(np.int64) * most + mention
    order = np.lexsort((first, gap, nested, key))
    keys, at, times = np.unique(key[order], return_index=True, return_counts=True)
    rows = order[at]
    return Seen(keys // most, keys % most, times, ~nested[rows], gap[rows], first[rows], last[rows])


class Scattered:
    """Sets of words that count as one mention when they stand near each other in one clause."""

    def __init__(self, ordered: Sequence[Sequence[str]]) -> None:
        """Take the stems of each set, the rarest first: that one is looked for."""
        vocabulary = sorted({word for words in ordered for word in words})
        number = {word: i for i, word in enumerate(vocabulary)}
        tokens = TextRun.of(vocabulary).tokens
        digest = tokens.digest[tokens.kind != IS_BREAK]
        self._words = _walk.hashed(digest, np.arange(len(vocabulary), dtype=np.int32))
        rows = sorted(range(len(ordered)), key=lambda i: number[ordered[i][0]])
        self._set = np.asarray(rows, np.int64)
        self._starts = np.cumsum([0, *(len(ordered[i]) for i in rows)])
        self._members = np.asarray([number[w] for i in rows for w in ordered[i]], np.int64)
        anchors = np.asarray([number[ordered[i][0]] for i in rows], np.int64)
        self._anchored = np.searchsorted(anchors, np.arange(len(vocabulary) + 1))

    def find(self, run: StemmedRun) -> Seen:
        """Find every set, at its closest place in each text."""
        words = np.empty(len(run.tokens), np.int32)
        _known(run.tokens.digest, *self._words, words)
        most = max(1024, len(words))
        while True:
            found = np.empty((4, most), np.int64)
            count = _gather(words, run.clauses, self._anchored, self._starts, self._members, found)
            if count <= most:
                break
            most = count
        row, gap, first, last = found[:, :count]
        item = run.item_of(run.tokens.start[first])
        return _gathered(item, self._set[row], np.zeros(count, bool), gap, first, last)


@compiled
def _known(
    digest: np.ndarray, held: np.ndarray, slots: np.ndarray, shift: int, words: np.ndarray
) -> None:
    for i in range(len(digest)):
        words[i] = _walk.get(digest[i], held, slots, shift)


@compiled
def _gather(
    words: np.ndarray,
    clauses: np.ndarray,
    anchored: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    found: np.ndarray,
) -> int:
    """Fill row, gap, first and last token of each set around its rarest word; return how many."""
    count = 0
    for at in range(len(words)):
        if words[at] < 0:
            continue
        for row in range(anchored[words[at]], anchored[words[at] + 1]):
            first = last = at
            for k in range(starts[row] + 1, starts[row + 1]):
                place = _nearest(words, clauses, at, members[k])
                if place < 0:
                    first = -1
                    break
                first, last = min(first, place), max(last, place)
            if first < 0:
                continue
            if count < found.shape[1]:
                found[0, count] = row
                found[1, count] = last - first + 1 - (starts[row + 1] - starts[row])
                found[2, count] = first
                found[3, count] = last
            count += 1
    return count


@compiled
def _nearest(words: np.ndarray, clauses: np.ndarray, at: int, word: int) -> int:
    """Return the token nearest to `at` that is this word, in its clause and in reach; or -1."""
    for away in range(1, REACH + 1):
        if at >= away and words[at - away] == word and clauses[at - away] == clauses[at]:
            return at - away
        if (
            at + away < len(words)
            and words[at + away] == word
            and clauses[at + away] == clauses[at]
        ):
            return at + away
    return -1
