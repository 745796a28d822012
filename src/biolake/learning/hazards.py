"""Discrete-time survival: does it happen in this interval, asked of those still at risk.

Person-period rows (Singer & Willett, J Educ Stat 1993;18:155). With competing events there is one
hazard for the event and one for all others together; the risk by a horizon is the cumulative
incidence  F(t) = Σ_k h₁(k) S(k−1),  S(k) = Π_{j≤k} (1 − h₁(j) − h₂(j)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.linear import Coefficients, path_of, penalties
from biolake.learning.preprocessing import Preprocessing, learn_preprocessing
from biolake.learning.trees import GRID, Trees, grow
from biolake.learning.tuning import Trial, best, log_loss
from biolake.statistics.columns import Floats
from biolake.statistics.logistic import expit

INTERVALS = 10  # at most; each with events of its own
_L1_RATIO = 0.5
_FREE = 100.0  # an interval's column is made this large, so that its penalty is as good as none


@dataclass(frozen=True)
class FollowUp:
    """Days to the event (1), a competing event (2 and more) or the end of what is known (0)."""

    duration: Floats
    observed: Floats

    def take(self, rows: np.ndarray) -> FollowUp:
        return FollowUp(self.duration[rows], self.observed[rows])


@dataclass(frozen=True)
class LinearHazard:
    """Log odds of an interval: the interval's own intercept plus slopes of standardised columns."""

    preprocessing: Preprocessing
    intervals: Floats
    slopes: Floats

    def log_odds(self, values: Floats) -> Floats:
        """Return rows × intervals."""
        return np.asarray(
            (self.preprocessing.apply(values) @ self.slopes)[:, None] + self.intervals
        )

    def hazards(self, values: Floats, threads: int = 1) -> Floats:
        return expit(self.log_odds(values))


@dataclass(frozen=True)
class TreeHazard:
    """A forest with the interval's number as its last column."""

    trees: Trees
    intervals: int

    def hazards(self, values: Floats, threads: int = 1) -> Floats:
        out = np.empty((len(values), self.intervals))
        for k in range(self.intervals):
            with_interval = np.column_stack([values, np.full(len(values), float(k))])
            out[:, k] = self.trees.predict(with_interval, threads)
        return out


Hazard = LinearHazard | TreeHazard


@dataclass(frozen=True)
class DiscreteSurvival:
    """Hazards by interval; `edges` are the intervals' ends (days), the horizons among them."""

    edges: Floats
    event: Hazard
    competing: Hazard | None = None

    def risk(self, values: Floats, horizon: float, threads: int = 1) -> Floats:
        """Return each row's risk of the event by a declared horizon."""
        upto = int(np.searchsorted(self.edges, horizon))
        if upto == len(self.edges) or not np.isclose(self.edges[upto], horizon):
            raise DataRefused(f"the model declares no horizon of {horizon:g} days")
        mine = self.event.hazards(values, threads)[:, : upto + 1]
        other = np.zeros_like(mine)
        if self.competing is not None:
            other = self.competing.hazards(values, threads)[:, : upto + 1]
        left = np.cumprod(np.clip(1.0 - mine - other, 0.0, 1.0), axis=1)
        before = np.column_stack([np.ones(len(mine)), left[:, :-1]])
        return np.asarray(np.minimum((before * mine).sum(axis=1), 1.0))


def edges_of(follow_up: FollowUp, horizons: Sequence[float]) -> Floats:
    """Cut time where events are: every horizon is an edge, and every interval has events."""
    inside = follow_up.duration[(follow_up.observed == 1) & (follow_up.duration <= max(horizons))]
    if not len(inside):
        raise DataRefused(
            "no event happened within the longest horizon in the training split",
            next="Ask for a longer horizon, or widen the population.",
        )
    number = int(np.clip(len(inside) // 10, 1, INTERVALS))
    cuts = np.quantile(inside, np.arange(1, number) / number, method="higher")
    edges = np.unique(np.concatenate([cuts, np.asarray(horizons, dtype=np.float64)]))
    return np.asarray(edges[(edges > 0.0) & (edges <= max(horizons))])


def person_periods(
    follow_up: FollowUp, edges: Floats, cause: int
) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Return row, interval and 0/1 outcome of every person-period.

    Censored within an interval: it does not count. `cause` 2 stands for every competing event.
    """
    starts = np.concatenate([[0.0], edges[:-1]])
    seen = (follow_up.observed > 0) & (follow_up.duration <= edges[-1])
    ended = np.searchsorted(edges, follow_up.duration, side="left")
    whole = (follow_up.duration[:, None] >= edges[None, :]) | (
        seen[:, None] & (follow_up.duration[:, None] > starts[None, :])
    )
    at_zero = seen & (follow_up.duration <= 0.0)
    whole[at_zero, 0] = True
    row, interval = np.nonzero(whole)
    mine = (follow_up.observed == 1) if cause == 1 else (follow_up.observed > 1)
    outcome = (mine & seen)[row] & (ended[row] == interval)
    return row, interval, outcome.astype(np.float64)


def fit_linear_hazard(
    columns: Sequence[str],
    train: tuple[Floats, FollowUp],
    tuning: tuple[Floats, FollowUp],
    edges: Floats,
    cause: int,
) -> tuple[LinearHazard, list[Trial]]:
    """Fit the penalty path on train; the penalty is judged by person-period log-loss on tuning."""
    steps = learn_preprocessing(columns, train[0])
    design, outcome = _linear_rows(steps, train, edges, cause)
    judged, truth = _linear_rows(steps, tuning, edges, cause)
    free = len(edges) - 1
    path = penalties(design[:, free:], outcome, _L1_RATIO)
    fits = path_of(design, outcome, path, _L1_RATIO)
    trials = [
        Trial({"penalty": fit.penalty}, log_loss(truth, expit(fit.log_odds(judged))))
        for fit in fits
    ]
    chosen = fits[trials.index(best(trials))]
    return _linear_hazard(steps, chosen, free), trials


def fit_tree_hazard(
    train: tuple[Floats, FollowUp],
    tuning: tuple[Floats, FollowUp],
    edges: Floats,
    cause: int,
    *,
    seed: int,
    threads: int,
) -> tuple[TreeHazard, list[Trial]]:
    """Grow the declared grid on person-periods, stopped and judged by tuning's log-loss."""
    fitted, judged = _tree_rows(train, edges, cause), _tree_rows(tuning, edges, cause)
    grown = [grow(fitted, judged, setting, seed=seed, threads=threads) for setting in GRID]
    trials = [
        Trial({**setting, "rounds": one.rounds}, one.loss)
        for setting, one in zip(GRID, grown, strict=True)
    ]
    chosen = grown[trials.index(best(trials))]
    return TreeHazard(chosen.trees, len(edges)), trials


def linear_hazard_json(hazard: LinearHazard) -> dict[str, Any]:
    return {
        "preprocessing": hazard.preprocessing.to_json(),
        "intervals": hazard.intervals.tolist(),
        "slopes": hazard.slopes.tolist(),
    }


def linear_hazard_from(said: Mapping[str, Any]) -> LinearHazard:
    return LinearHazard(
        Preprocessing.from_json(said["preprocessing"]),
        np.asarray(said["intervals"], dtype=np.float64),
        np.asarray(said["slopes"], dtype=np.float64),
    )


def has_competing(follow_up: FollowUp) -> bool:
    return bool((follow_up.observed > 1).any())


def _linear_rows(
    steps: Preprocessing, part: tuple[Floats, FollowUp], edges: Floats, cause: int
) -> tuple[Floats, Floats]:
    row, interval, outcome = person_periods(part[1], edges, cause)
    later = (interval[:, None] == np.arange(1, len(edges))) * _FREE
    return np.column_stack([later, steps.apply(part[0])[row]]), outcome


def _tree_rows(part: tuple[Floats, FollowUp], edges: Floats, cause: int) -> tuple[Floats, Floats]:
    row, interval, outcome = person_periods(part[1], edges, cause)
    return np.column_stack([part[0][row], interval.astype(np.float64)]), outcome


def _linear_hazard(steps: Preprocessing, fit: Coefficients, free: int) -> LinearHazard:
    intervals = fit.intercept + np.concatenate([[0.0], fit.slopes[:free] * _FREE])
    return LinearHazard(steps, intervals, fit.slopes[free:])
