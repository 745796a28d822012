"""Risk sets laid out for the Cox model: sorted once, then every pass is a sum over runs of rows.

Rows are sorted by stratum, then by falling duration, so that a risk set is a prefix of its
stratum. A *moment* is one distinct event time of one stratum; moments are in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biolake.core.errors import DataRefused
from biolake.statistics.columns import (
    Flags,
    Floats,
    Indices,
    flags,
    floats,
    labelled,
    matrix,
    names_of,
    weights_of,
)

_BLOCK_ROWS = 8192  # × 50 covariates × 8 bytes: stays in cache


@dataclass(frozen=True)
class SurvivalData:
    """One row a subject (or a spell of one): covariates, follow-up, and whether the event came.

    A subject is at risk at `t` when entry < t ≤ duration. `strata` have their own baseline
    hazards; rows of one `cluster` are not independent, which asks for robust errors.
    """

    covariates: ArrayLike
    duration: ArrayLike
    observed: ArrayLike
    names: Sequence[str] | None = None
    weights: ArrayLike | None = None
    strata: ArrayLike | None = None
    entry: ArrayLike | None = None
    clusters: ArrayLike | None = None


@dataclass(frozen=True)
class EventRuns:
    """The events in sorted order: their rows and moments, and what each moment has of them."""

    rows: Indices
    moment: Indices
    starts: Indices  # first event of each moment
    count: Indices
    weight: Floats


@dataclass(frozen=True)
class RiskSets:
    """The data sorted and standardised, and where each risk set begins and ends.

    `columns` is covariates × rows. `last` is each row's latest moment at or before its end;
    `enter` is the latest moment at or before its entry, or −1 when it was there from the start.
    """

    names: tuple[str, ...]
    center: Floats
    scale: Floats
    columns: Floats
    weights: Floats
    rows: Indices  # of the data, in sorted order
    last: Indices
    starts: Indices  # first row of each moment
    enter: Indices | None
    entering: Indices | None  # rows with enter ≥ 0, by that moment
    moment_time: Floats
    strata: tuple[slice, ...]  # of the moments
    strata_names: tuple[object, ...]
    events: EventRuns
    last_time: Floats  # of each stratum, events or not
    subjects: int

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Yield runs of rows and the moments they belong to; each small enough for the cache."""
        total = self.columns.shape[1]
        for begin in range(0, total, _BLOCK_ROWS):
            end = min(begin + _BLOCK_ROWS, total)
            yield slice(begin, end), slice(int(self.last[begin]), int(self.last[end - 1]) + 1)

    def run_sums(self, values: Floats) -> Floats:
        """Sum a value of each row over each moment's risk set."""
        sums = self.accumulate(np.add.reduceat(values, self.starts))
        if self.entering is not None and self.enter is not None and len(self.entering):
            moment, value = self.enter[self.entering], values[self.entering]
            late = np.bincount(moment, value, minlength=len(self.starts)).astype(np.float64)
            sums -= self.accumulate(late)
        return sums

    def accumulate(self, values: Floats) -> Floats:
        """Add up along the last axis within each stratum: from late moments to early ones."""
        for part in self.strata:
            np.cumsum(values[..., part], axis=-1, out=values[..., part])
        return values

    def later(self, values: Floats) -> Floats:
        """Add up along the last axis within each stratum: from early moments to late ones."""
        out = np.empty_like(values)
        for part in self.strata:
            out[..., part] = np.cumsum(values[..., part][..., ::-1], axis=-1)[..., ::-1]
        return out

    def spread(self, cumulated: Floats) -> Floats:
        """Give each row what its time at risk collected, from values cumulated by `later`."""
        collected: Floats = cumulated[..., self.last]
        if self.enter is not None:
            before = cumulated[..., np.maximum(self.enter, 0)]
            collected = collected - np.where(self.enter >= 0, before, 0.0)
        return collected


def risk_sets(data: SurvivalData) -> RiskSets:
    """Check, sort and standardise the data; rows at risk at no event are left out.

    Raises DataRefused without events, or when a covariate does not vary.
    """
    seen, time, entry, weight = _follow_up(data)
    table = matrix("covariates", data.covariates, len(seen))
    labels, stratum = labelled("strata", data.strata, len(seen))
    timeline = _timeline(time, seen, stratum, len(labels))
    last, enter = _places(timeline, time, entry, stratum)
    kept = np.flatnonzero((last >= 0) & (last != enter) & (weight > 0.0))
    order = kept[np.lexsort((-time[kept], stratum[kept]))]
    names = names_of(data.names, table.shape[1])
    center, scale = _standard(table, names)
    return RiskSets(
        names=names,
        center=center,
        scale=scale,
        columns=_sorted_columns(table, order, center, scale),
        weights=weight[order],
        rows=order,
        last=last[order],
        starts=np.searchsorted(last[order], np.arange(len(timeline.time))),
        enter=None if entry is None else enter[order],
        entering=None if entry is None else _late(enter[order]),
        moment_time=timeline.time,
        strata=timeline.strata,
        strata_names=tuple(labels),
        events=_events(last[order], seen[order], weight[order], len(timeline.time)),
        last_time=_last_times(time, stratum, len(labels)),
        subjects=len(seen),
    )


def _follow_up(data: SurvivalData) -> tuple[Flags, Floats, Floats | None, Floats]:
    seen = flags("observed", data.observed)
    time = floats("duration", data.duration, len(seen))
    weight = weights_of(data.weights, len(seen))
    entry = None if data.entry is None else floats("entry", data.entry, len(seen))
    if entry is not None and (entry >= time).any():
        raise DataRefused("An entry time is not before its end of follow-up.")
    seen = seen & (weight > 0.0)
    if not seen.any():
        raise DataRefused("No event was observed: there is nothing to model.")
    return seen, time, entry, weight


@dataclass(frozen=True)
class _Timeline:
    """The moments: their times, falling within each stratum."""

    time: Floats
    strata: tuple[slice, ...]


def _timeline(time: Floats, seen: Flags, stratum: Indices, strata: int) -> _Timeline:
    order = np.lexsort((-time[seen], stratum[seen]))
    t, s = time[seen][order], stratum[seen][order]
    first = np.concatenate([[True], (t[1:] != t[:-1]) | (s[1:] != s[:-1])])
    t, s = t[first], s[first]
    edges = np.searchsorted(s, np.arange(strata + 1))
    return _Timeline(t, tuple(slice(int(a), int(b)) for a, b in pairwise(edges)))


def _places(
    timeline: _Timeline, time: Floats, entry: Floats | None, stratum: Indices
) -> tuple[Indices, Indices]:
    """Return the latest moment at or before each end, and at or before each entry; −1 for none."""
    last = np.full(len(time), -1, dtype=np.intp)
    enter = np.full(len(time), -2, dtype=np.intp)
    by_stratum = np.argsort(stratum, kind="stable")
    edges = np.searchsorted(stratum[by_stratum], np.arange(len(timeline.strata) + 1))
    for part, a, b in zip(timeline.strata, edges[:-1], edges[1:], strict=True):
        members = by_stratum[a:b]
        rising = timeline.time[part][::-1]
        place = np.searchsorted(rising, time[members], side="right")
        last[members] = np.where(place > 0, part.stop - place, -1)
        if entry is not None:
            place = np.searchsorted(rising, entry[members], side="right")
            enter[members] = np.where(place > 0, part.stop - place, -2)
    return last, enter


def _late(enter: Indices) -> Indices:
    late = np.flatnonzero(enter >= 0)
    return late[np.argsort(enter[late], kind="stable")]


def _events(last: Indices, seen: Flags, weight: Floats, moments: int) -> EventRuns:
    rows = np.flatnonzero(seen)
    moment = last[rows]
    starts = np.searchsorted(moment, np.arange(moments))
    count = np.bincount(moment, minlength=moments)
    return EventRuns(rows, moment, starts, count, np.add.reduceat(weight[rows], starts))


def _standard(table: NDArray[np.floating], names: Sequence[str]) -> tuple[Floats, Floats]:
    center = table.mean(axis=0, dtype=np.float64)
    square = np.zeros(table.shape[1])
    for begin in range(0, len(table), _BLOCK_ROWS):
        square += ((table[begin : begin + _BLOCK_ROWS] - center) ** 2).sum(axis=0)
    scale = np.sqrt(square / len(table))
    for name, spread, middle in zip(names, scale, center, strict=True):
        if spread <= 1e-12 * max(abs(middle), 1e-300):
            raise DataRefused(f"{name} is the same for every subject.", next="Leave it out.")
    return center, scale


def _sorted_columns(
    table: NDArray[np.floating], order: Indices, center: Floats, scale: Floats
) -> Floats:
    """Return covariates × rows, standardised, in sorted order; copied block by block."""
    columns = np.empty((table.shape[1], len(order)))
    for begin in range(0, len(order), _BLOCK_ROWS):
        part = slice(begin, begin + _BLOCK_ROWS)
        columns[:, part] = ((table[order[part]] - center) / scale).T
    return columns


def _last_times(time: Floats, stratum: Indices, strata: int) -> Floats:
    last = np.full(strata, -np.inf)
    np.maximum.at(last, stratum, time)
    return last
