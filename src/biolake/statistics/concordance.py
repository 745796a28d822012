"""Concordance of a risk score with survival: Harrell's C and Uno's, in O(n log n) array passes.

A pair is comparable when the one with the shorter time had the event; at equal times, an event
comes before a censoring, and two events are not comparable. A tied score counts one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused
from biolake.statistics.columns import Flags, Floats, Indices, flags, floats, weights_of
from biolake.statistics.intervals import Estimate, Resampling, bootstrap
from biolake.statistics.kaplan_meier import kaplan_meier


@dataclass(frozen=True)
class Concordance:
    """The share of comparable pairs that the score puts in the right order."""

    index: float
    concordant: float
    discordant: float
    tied: float


def harrell(
    duration: ArrayLike, observed: ArrayLike, risk: ArrayLike, *, weights: ArrayLike | None = None
) -> Concordance:
    """Return Harrell's C (JAMA 1982;247:2543); a higher `risk` foretells an earlier event.

    Weights multiply pairs, so whole weights equal copied rows (a copy is not compared to itself).
    """
    pairs = _ordered(duration, observed, risk)
    weight = weights_of(weights, len(pairs.position))
    return pairs.count(weight, weight)


def harrell_interval(
    duration: ArrayLike,
    observed: ArrayLike,
    risk: ArrayLike,
    *,
    plan: Resampling | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return Harrell's C with its bootstrap percentile interval."""
    pairs = _ordered(duration, observed, risk)

    def statistic(weights: Floats) -> Floats:
        return np.array([pairs.count(row, row).index for row in weights])

    return bootstrap(statistic, len(pairs.position), plan, confidence)


def uno(
    duration: ArrayLike, observed: ArrayLike, risk: ArrayLike, *, horizon: float
) -> Concordance:
    """Return Uno's C up to `horizon` (Stat Med 2011;30:1105).

    Each event counts 1/G(t)², G being the Kaplan-Meier curve of censoring, so that C does not
    depend on who was censored. Raises DataRefused when G has reached 0 by the horizon.
    """
    seen, time = flags("observed", observed), floats("duration", duration)
    pairs = _ordered(time, seen, risk)
    used = seen & (time < horizon)
    staying = _censoring(time, seen, time[used])
    if not used.any() or (staying <= 0.0).any():
        raise DataRefused("No one is followed to this horizon.", next="Choose an earlier one.")
    left = np.zeros(len(time))
    left[used] = staying**-2.0
    return pairs.count(left, np.ones(len(time)))


def _censoring(time: Floats, seen: Flags, at: Floats) -> Floats:
    """Return the chance of not being censored by each time; a tied event leaves first."""
    moments, place = np.unique(time, return_inverse=True)
    # Events at a time have left before its censorings, so they are not at risk of them.
    later = np.where(seen, place - 0.5, place.astype(np.float64)) + 1.0
    curve = kaplan_meier(later, ~seen)
    return curve.at(np.searchsorted(moments, at) + 1.0)


@dataclass(frozen=True)
class _Pairs:
    """Subjects in two orders: by time, and by falling risk; ties never count as concordant.

    `position` lists the subjects by time (events before censorings, then rising risk); `rank` is
    each position's place by falling risk.
    """

    position: Indices
    rank: Indices
    event: Flags  # at each position
    group_end: Indices  # first position beyond those not comparable with this one
    by_risk: Indices  # positions by risk, then time
    run: Indices  # which distinct risk, along `by_risk`

    def count(self, left: Floats, right: Floats) -> Concordance:
        """Count pairs weighted by the earlier event's `left` times the other's `right`."""
        events = np.where(self.event, left[self.position], 0.0)
        others = right[self.position]
        reached = np.concatenate([[0.0], np.cumsum(others)])
        comparable = float(events @ (reached[-1] - reached[self.group_end]))
        concordant = _rising_pairs(self.rank, events, others)
        tied = self._tied(events, others)
        if comparable <= 0.0:
            return Concordance(float("nan"), 0.0, 0.0, 0.0)
        index = (concordant + 0.5 * tied) / comparable
        return Concordance(index, concordant, comparable - concordant - tied, tied)

    def _tied(self, events: Floats, others: Floats) -> float:
        """Count comparable pairs of one risk: within a run, those after the event's group."""
        if self.run[-1] == len(self.run) - 1:
            return 0.0
        reached = np.concatenate([[0.0], np.cumsum(others[self.by_risk])])
        ends = np.searchsorted(self.run, self.run, side="right")
        size = len(self.run)
        key = self.run * (size + 1) + self.by_risk
        beyond = np.searchsorted(key, self.run * (size + 1) + self.group_end[self.by_risk])
        return float(events[self.by_risk] @ (reached[ends] - reached[beyond]))


def _ordered(duration: ArrayLike, observed: ArrayLike, risk: ArrayLike) -> _Pairs:
    seen = flags("observed", observed)
    time = floats("duration", duration, len(seen))
    score = floats("risk", risk, len(seen))
    if not len(seen):
        raise DataRefused("There are no subjects.")
    # One sort of whole numbers at a time: far faster than a stable sort of several keys.
    size = len(seen)
    level = _dense(score)
    group = 2 * _dense(time) + ~seen
    position = np.argsort(group * size + level)
    g, v = group[position], level[position]
    starts = np.flatnonzero(np.concatenate([[True], g[1:] != g[:-1]]))
    group_end = np.repeat(np.append(starts[1:], size), np.diff(np.append(starts, size)))
    by_risk = np.argsort(v * size + np.arange(size))
    # Falling risk and, within one risk, falling position: a later tie then never ranks higher.
    rank = np.empty(size, dtype=np.intp)
    rank[by_risk[::-1]] = np.arange(size)
    return _Pairs(position, rank, seen[position], group_end, by_risk, v[by_risk])


def _dense(values: Floats) -> Indices:
    """Return each value's place among the distinct ones, from 0."""
    order = np.argsort(values)
    rising = values[order]
    place = np.empty(len(values), dtype=np.intp)
    place[order] = np.concatenate([[0], np.cumsum(rising[1:] != rising[:-1])])
    return place


def _rising_pairs(rank: Indices, left: Floats, right: Floats) -> float:
    """Sum left[i]·right[j] over i < j with rank[i] < rank[j].

    A wavelet matrix, read top down: at each bit the sequence is split stably into the ranks with
    0 and with 1, and every rising pair is split apart at exactly one bit.
    """
    bits = max(1, int(len(rank) - 1).bit_length())
    full = 1 << bits
    code = np.arange(full, dtype=np.int32)
    code[: len(rank)] = rank
    lefts, rights = np.zeros(full), np.zeros(full)
    lefts[: len(rank)], rights[: len(rank)] = left, right
    total = 0.0
    for bit in range(bits - 1, -1, -1):
        ones = (code >> bit) & 1 == 1
        high, low = np.flatnonzero(ones), np.flatnonzero(~ones)
        low_left, high_right = lefts[low], rights[high]
        # With each node's ones counted, the zeros before a one are its place less the ones.
        reached = np.concatenate([[0.0], np.cumsum(low_left)])
        inside = reached[high - np.arange(full // 2)].reshape(-1, 1 << bit)
        inside -= reached[: -1 : 1 << bit, None]
        total += float(inside.ravel() @ high_right)
        if bit:
            lefts = _split(low_left, lefts[high], 1 << bit)
            rights = _split(rights[low], high_right, 1 << bit)
            code = _split(code[low], code[high], 1 << bit)
    return total


def _split(low: np.ndarray, high: np.ndarray, half: int) -> np.ndarray:
    """Lay each node's low half before its high half."""
    joined = np.concatenate([low.reshape(-1, half), high.reshape(-1, half)], axis=1)
    return np.asarray(joined).ravel()
