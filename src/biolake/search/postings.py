"""Which rows hold which terms, and where: built in memory, read a few terms at a time.

Ranking is BM25 (Robertson & Zaragoza, Found Trends Inf Retr 2009) with Lucene's idf, which is never
negative. Everything is exact: every row that holds a term is scored, so that a filter or an
index built in another order changes no answer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from biolake.text.terms import terms

K1, B = 1.2, 0.75  # Robertson & Zaragoza; what Lucene and tantivy take
BETWEEN = 64  # positions between two fields: no phrase goes from one into the next
_AT_ONCE = 1 << 22  # places written together
_KEPT = 1 << 23  # rows of terms that stay in memory: 64 MB

TERMS = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("held_by", pa.int32(), nullable=False),  # rows
        pa.field("rows", pa.list_(pa.int32()), nullable=False),
        pa.field("counts", pa.list_(pa.int32()), nullable=False),  # one a row
        pa.field("positions", pa.list_(pa.int32()), nullable=False),  # of all rows, end to end
    ]
)


class PostingsWriter:
    """Takes rows in order and gives the table of their terms."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._terms, self._positions, self.lengths = array("i"), array("i"), array("i")

    def add(self, fields: Sequence[str]) -> int:
        """Take the fields of the next row; return how many terms it has."""
        numbers, count, place = self._numbers, 0, 0
        for field in fields:
            found = terms(field)
            self._terms.extend([numbers.setdefault(term, len(numbers)) for term in found])
            self._positions.extend(range(place, place + len(found)))
            count += len(found)
            place += len(found) + BETWEEN
        self.lengths.append(count)
        return count

    def tables(self) -> Iterator[pa.RecordBatch]:
        """Yield the terms in their order."""
        names = sorted(self._numbers)
        rank = np.empty(len(names), dtype=np.int32)
        rank[[self._numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        term = rank[np.frombuffer(self._terms, dtype=np.int32)] if names else rank
        order = np.argsort(term, kind="stable")
        lengths = np.frombuffer(self.lengths, dtype=np.int32)
        row = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[order]
        position = np.frombuffer(self._positions, dtype=np.int32)[order] if names else rank
        starts = np.searchsorted(term[order], np.arange(len(names) + 1))
        first = 0
        while first < len(names):
            last = int(np.searchsorted(starts, starts[first] + _AT_ONCE, "right")) - 1
            last = min(max(last, first + 1), len(names))
            part = slice(int(starts[first]), int(starts[last]))
            edges = starts[first : last + 1] - starts[first]
            yield _batch(names[first:last], edges, row[part], position[part])
            first = last


def _batch(
    names: list[str], edges: np.ndarray, row: np.ndarray, position: np.ndarray
) -> pa.RecordBatch:
    new = np.ones(len(row), dtype=bool)
    new[1:] = row[1:] != row[:-1]
    new[edges[:-1]] = True
    at = np.flatnonzero(new)
    counts = np.diff(np.append(at, len(row))).astype(np.int32)
    of_rows = np.searchsorted(at, edges).astype(np.int32)
    columns = [
        pa.array(names, pa.string()),
        pa.array(np.diff(of_rows), pa.int32()),
        pa.ListArray.from_arrays(pa.array(of_rows), pa.array(row[at])),
        pa.ListArray.from_arrays(pa.array(of_rows), pa.array(counts)),
        pa.ListArray.from_arrays(pa.array(edges.astype(np.int32)), pa.array(position)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TERMS)


@dataclass(frozen=True)
class Posting:
    """The rows that hold a term, ascending, and how often each does."""

    rows: np.ndarray
    counts: np.ndarray
    positions: np.ndarray | None = None


class TermSource(Protocol):
    """Where the table of terms lies; the terms are numbered in their order."""

    def vocabulary(self) -> tuple[list[str], np.ndarray]:
        """Return all terms, and how many rows hold each."""

    def fetch(self, numbers: Sequence[int], *, positions: bool) -> Mapping[int, Posting]:
        """Return the postings of some terms."""


class Postings:
    """The terms of one part of the index, ready to be asked."""

    def __init__(self, source: TermSource, lengths: np.ndarray) -> None:
        self._source = source
        self.terms, self.held_by = source.vocabulary()
        self.rows = len(lengths)
        self._kept: dict[int, Posting] = {}
        mean = float(lengths.mean()) if len(lengths) else 1.0
        self._norm = K1 * (1.0 - B + B * lengths / max(mean, 1.0))

    def number(self, term: str) -> int | None:
        """Return the number of a term, None where no row holds it."""
        at = bisect_left(self.terms, term)
        return at if at < len(self.terms) and self.terms[at] == term else None

    def beginning(self, prefix: str, most: int) -> list[int]:
        """Return the terms that begin so; of too many, those that most rows hold."""
        first = bisect_left(self.terms, prefix)
        last = bisect_left(self.terms, prefix + "\U0010ffff")
        found = np.arange(first, last)
        if len(found) > most:
            often = np.argsort(-self.held_by[first:last], kind="stable")[:most]
            found = np.sort(found[often])
        return [int(number) for number in found]

    def fetch(self, numbers: Sequence[int], *, positions: bool = False) -> Mapping[int, Posting]:
        """Return the postings of some terms; those without positions are kept for the next time."""
        wanted = sorted(set(numbers))
        if positions:
            return self._source.fetch(wanted, positions=True) if wanted else {}
        lacking = [number for number in wanted if number not in self._kept]
        if int(self.held_by[list(self._kept)].sum()) > _KEPT:
            self._kept.clear()
            lacking = wanted
        if lacking:
            self._kept |= self._source.fetch(lacking, positions=False)
        return {number: self._kept[number] for number in wanted}

    def idf(self, held_by: int) -> float:
        return float(np.log1p((self.rows - held_by + 0.5) / (held_by + 0.5)))

    def score(self, total: np.ndarray, posting: Posting, idf: float) -> None:
        """Add to every row's score what one term gives it."""
        often = posting.counts.astype(np.float64)
        total[posting.rows] += idf * often * (K1 + 1.0) / (often + self._norm[posting.rows])


def union(postings: Sequence[Posting], rows: int) -> Posting:
    """Return several terms as one: the rows that hold any."""
    counts = np.zeros(rows, dtype=np.int32)
    for posting in postings:
        counts[posting.rows] += posting.counts
    found = np.flatnonzero(counts)
    return Posting(found, counts[found])


def phrase(postings: Sequence[Posting]) -> Posting:
    """Return the rows in which the terms stand side by side in this order, and how often."""
    order = sorted(range(len(postings)), key=lambda step: len(postings[step].rows))
    places = _begins(postings[order[0]], order[0])
    for step in order[1:]:
        others = _begins(postings[step], step)
        at = np.searchsorted(others, places).clip(max=max(len(others) - 1, 0))
        places = places[others[at] == places] if len(others) else others
    rows, counts = np.unique(places >> 32, return_counts=True)
    return Posting(rows, counts)


def _begins(posting: Posting, step: int) -> np.ndarray:
    """Return where phrases would begin of which this is the term after `step` others, ascending."""
    assert posting.positions is not None  # noqa: S101 - the caller asked for them
    rows = np.repeat(posting.rows.astype(np.int64), posting.counts)
    return np.asarray((rows << 32) + posting.positions - step)
