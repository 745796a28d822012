"""Rank the rows of one part for a query, and two rankings as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biolake.search.postings import Posting, Postings, phrase, union
from biolake.search.query import Query

_WIDEST = 256  # terms that the beginning of a word may stand for
_PART = 16
_K = 60  # Cormack, Clarke & Büttcher, SIGIR 2009


@dataclass(frozen=True)
class Ranked:
    """The best rows, and all that hold anything, or everything, that was asked for."""

    rows: np.ndarray
    scores: np.ndarray
    found: np.ndarray
    whole: np.ndarray
    fits: np.ndarray  # marks the rows that may be shown and hold every phrase


def rank(postings: Postings, query: Query, fits: np.ndarray | None, most: int) -> Ranked:
    """Return the best rows by BM25; of equal ones the first. `fits` marks those that may be."""
    total, held = np.zeros(postings.rows), np.zeros(postings.rows, dtype=np.int16)
    needed = np.ones(postings.rows, dtype=bool) if fits is None else fits.copy()
    for posting, idf, required in _asked(postings, query):
        postings.score(total, posting, idf)
        held[posting.rows] += 1
        if required:
            there = np.zeros(postings.rows, dtype=bool)
            there[posting.rows] = True
            needed &= there
    found = np.flatnonzero((held > 0) & needed)
    whole = found[held[found] == query.asked]
    best = _best(found, total[found], most)
    return Ranked(best, total[best], found, whole, needed)


def _asked(postings: Postings, query: Query) -> list[tuple[Posting, float, bool]]:
    """Return the rows of each thing that is asked for, its idf, and whether it must be held."""
    words = [postings.number(word) for word in query.words]
    starts = [postings.beginning(begin, _WIDEST) for begin in query.beginnings]
    phrases = [[postings.number(word) for word in one] for one in query.phrases]
    plain = [n for n in words if n is not None] + [n for group in starts for n in group]
    fetched = postings.fetch(plain)
    placed = postings.fetch(
        [n for one in phrases for n in one if n is not None and None not in one], positions=True
    )
    answer = [
        (fetched[n], postings.idf(len(fetched[n].rows)), False) for n in words if n is not None
    ]
    for group in starts:
        made = union([fetched[n] for n in group], postings.rows)
        answer.append((made, postings.idf(len(made.rows)), False))
    for one in phrases:
        numbers = [n for n in one if n is not None]
        if len(numbers) < len(one):
            answer.append((_NOWHERE, 0.0, True))
            continue
        idf = sum(postings.idf(len(placed[n].rows)) for n in numbers)
        answer.append((phrase([placed[n] for n in numbers]), idf, True))
    return answer


_NOWHERE = Posting(np.zeros(0, np.int64), np.zeros(0, np.int64))


def _best(rows: np.ndarray, scores: np.ndarray, most: int) -> np.ndarray:
    # The least of the best of a part of the rows is below the best of all: most rows go by it.
    for step in (_PART, 1):
        part = scores[::step]
        if len(part) > most:
            kept = scores >= np.partition(part, len(part) - most)[len(part) - most]
            rows, scores = rows[kept], scores[kept]
    return np.asarray(rows[np.lexsort((rows, -scores))][:most])


def fuse(*rankings: Sequence[str]) -> dict[str, float]:
    """Return names by reciprocal rank fusion, the best first; equal ones by name."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, name in enumerate(ranking, start=1):
            scores[name] = scores.get(name, 0.0) + 1.0 / (_K + place)
    return dict(sorted(scores.items(), key=lambda one: (-one[1], one[0])))
