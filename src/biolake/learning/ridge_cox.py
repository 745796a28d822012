"""Cox regression with a ridge penalty, for more columns than subjects; alone or blocks together.

The penalised partial likelihood (Breslow's ties) is maximised in the space that the rows span, so
the work depends on rows, not on columns (Hastie & Tibshirani, Biostatistics 2004;5:329). The
penalty is that of the largest cross-validated partial likelihood (Verweij & van Houwelingen, Stat
Med 1993;12:2305); its left-out linear predictors also teach the weights of blocks in late fusion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.hazards import FollowUp
from biolake.learning.preprocessing import Preprocessing
from biolake.learning.tuning import FOLDS, Trial, best, fold_numbers
from biolake.statistics.columns import Floats, Indices

PENALTIES = tuple(float(p) for p in np.geomspace(1e3, 0.1, 13))  # the stiffest first
_STEPS, _CLOSE = 40, 1e-8
_FUSION_PENALTY = 1e-3  # keeps the weights of equal blocks apart
_LEAST_EVENTS = 2 * FOLDS
_PATIENCE = 3


@dataclass(frozen=True)
class RidgeCox:
    """Slopes of standardised columns, and the baseline's cumulative hazard by each horizon."""

    preprocessing: Preprocessing
    slopes: Floats
    horizons: Floats  # days
    hazard: Floats

    def linear(self, values: Floats) -> Floats:
        """Return the log hazard of each row against the mean row of training."""
        return np.asarray(self.preprocessing.apply(values) @ self.slopes)

    def risk(self, values: Floats, horizon: float) -> Floats:
        """Return each row's risk by a declared horizon: 1 − exp(−H₀(t)·exp(η))."""
        place = np.flatnonzero(np.isclose(self.horizons, horizon))
        if not len(place):
            raise DataRefused(f"the model declares no horizon of {horizon:g} days")
        with np.errstate(over="ignore"):
            return np.asarray(-np.expm1(-self.hazard[place[0]] * np.exp(self.linear(values))))

    def to_json(self) -> dict[str, Any]:
        return {
            "preprocessing": self.preprocessing.to_json(),
            "slopes": self.slopes.tolist(),
            "horizons_days": self.horizons.tolist(),
            "cumulative_hazard": self.hazard.tolist(),
        }

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> RidgeCox:
        arrays = (said[name] for name in ("slopes", "horizons_days", "cumulative_hazard"))
        slopes, horizons, hazard = (np.asarray(one, dtype=np.float64) for one in arrays)
        return RidgeCox(Preprocessing.from_json(said["preprocessing"]), slopes, horizons, hazard)


@dataclass(frozen=True)
class Rows:
    """Standardised training rows, their follow-up, and the fold of each (subjects stay whole)."""

    design: Floats
    follow_up: FollowUp
    fold: Indices


@dataclass(frozen=True)
class Chosen:
    """Slopes at the penalty of the best left-out likelihood, and the left-out predictors."""

    slopes: Floats
    penalty: float
    left_out: Floats
    trials: tuple[Trial, ...]


def training_rows(design: Floats, follow_up: FollowUp, subjects: np.ndarray, seed: int) -> Rows:
    """Deal the rows to folds. Raises DataRefused with competing events or too few events."""
    if (follow_up.observed > 1).any():
        raise DataRefused(
            "ridge_cox would judge competing events as if they ended follow-up by chance",
            next="Use the analysis discrete_survival.",
        )
    events = int((follow_up.observed == 1).sum())
    if events < _LEAST_EVENTS:
        raise DataRefused(
            f"{events} training events are too few to choose a penalty ({_LEAST_EVENTS} needed)",
            next="Widen the population, or follow it longer.",
        )
    fold = fold_numbers((follow_up.observed == 1).astype(np.float64), subjects, seed)
    return Rows(design, follow_up, fold)


def choose(rows: Rows, *blocks: Indices) -> Chosen:
    """Fit the columns of one or more blocks: the penalty by cross-validation, then all rows.

    Each block is given equal room: its columns are divided by the root of their number. The slopes
    returned are of all columns, 0 outside the blocks.
    """
    columns = np.concatenate(blocks)
    room = np.concatenate([np.full(len(b), 1.0 / np.sqrt(max(1, len(b)))) for b in blocks])
    design = rows.design[:, columns] * room
    gram = design @ design.T
    whole = _Order.of(rows.follow_up)
    left_out, likelihood = _cross_validated(gram, rows, whole)
    events = max(1, int(whole.events.sum()))
    trials = tuple(
        Trial({"penalty": penalty}, float(-gain / events))
        for penalty, gain in zip(PENALTIES, likelihood, strict=False)
    )
    place = trials.index(best(trials))
    base, back = _span(gram)
    weights = np.zeros(base.shape[1])
    for penalty in PENALTIES[: place + 1]:
        weights = _maximised(base, whole, penalty, weights)
    slopes = np.zeros(rows.design.shape[1])
    slopes[columns] = design.T @ (back @ weights) * room
    return Chosen(slopes, PENALTIES[place], left_out[place], trials)


def fuse(rows: Rows, blocks: Sequence[Chosen]) -> Floats:
    """Return each block's weight, none below 0, from the left-out predictors."""
    scale = np.array([max(float(block.left_out.std()), 1e-12) for block in blocks])
    stacked = np.column_stack([block.left_out for block in blocks]) / scale
    order = _Order.of(rows.follow_up)
    used = np.arange(len(blocks))
    while True:
        weights = _maximised(stacked[:, used], order, _FUSION_PENALTY * len(stacked))
        if not len(used) or weights.min() >= 0.0:
            break
        used = used[weights > 0.0]
    found = np.zeros(len(blocks))
    found[used] = weights
    return np.asarray(found / scale)


def baseline(rows: Rows, slopes: Floats, horizons: Sequence[float]) -> Floats:
    """Return Breslow's cumulative hazard by each horizon, of a row at the training mean."""
    linear = rows.design @ slopes
    time, seen = rows.follow_up.duration, rows.follow_up.observed == 1
    order = np.argsort(-time, kind="stable")
    total = np.cumsum(np.exp(linear[order]))
    last = np.searchsorted(-time[order], -time[seen], side="right") - 1
    steps = 1.0 / total[last]
    return np.array([steps[time[seen] <= horizon].sum() for horizon in horizons])


def narrowed(steps: Preprocessing, outputs: Indices) -> Preprocessing:
    """Keep the steps of some outputs; the columns read stay the same."""
    kept = set(outputs.tolist())
    count = len(steps.steps)
    return replace(
        steps,
        steps=tuple(one for n, one in enumerate(steps.steps) if n in kept),
        indicators=tuple(one for n, one in enumerate(steps.indicators) if n + count in kept),
    )


@dataclass(frozen=True)
class _Order:
    """Rows by falling time: each event's risk set is a prefix of them."""

    rows: Indices
    events: np.ndarray  # bool, in this order
    last: Indices  # of each event: the last row of its risk set

    @staticmethod
    def of(follow_up: FollowUp) -> _Order:
        rows = np.argsort(-follow_up.duration, kind="stable")
        time, seen = follow_up.duration[rows], follow_up.observed[rows] == 1
        last = np.searchsorted(-time, -time[seen], side="right") - 1
        return _Order(rows, seen, last)

    def likelihood(self, linear: Floats) -> float:
        eta = linear[self.rows]
        shift = float(eta.max())
        total = np.cumsum(np.exp(eta - shift))[self.last]
        return float((eta[self.events] - shift - np.log(total)).sum())


def _span(gram: Floats) -> tuple[Floats, Floats]:
    """Return rows in the space they span, and what turns weights there into weights of rows."""
    values, vectors = np.linalg.eigh(gram)
    held = values > 1e-9 * max(float(values[-1]), 1e-12)
    root = np.sqrt(values[held])
    return vectors[:, held] * root, vectors[:, held] / root


@dataclass
class _Fold:
    """One fold left out: the rows kept, and the weights of the last penalty."""

    out: np.ndarray
    kept: Indices
    order: _Order
    base: Floats
    back: Floats
    weights: Floats


def _folds(gram: Floats, rows: Rows) -> list[_Fold]:
    found = []
    for number in range(FOLDS):
        out = rows.fold == number
        kept = np.flatnonzero(~out)
        base, back = _span(gram[np.ix_(kept, kept)])
        order = _Order.of(rows.follow_up.take(kept))
        found.append(_Fold(out, kept, order, base, back, np.zeros(base.shape[1])))
    return found


def _cross_validated(gram: Floats, rows: Rows, whole: _Order) -> tuple[list[Floats], list[float]]:
    """Return the left-out predictors and the likelihood of each penalty, the stiffest first.

    Looser penalties are not tried once the last three were worse than the best: they cost most.
    """
    folds = _folds(gram, rows)
    left_out: list[Floats] = []
    likelihood: list[float] = []
    for penalty in PENALTIES:
        found, gained = np.zeros(len(gram)), 0.0
        for fold in folds:
            fold.weights = _maximised(fold.base, fold.order, penalty, fold.weights)
            linear = gram[:, fold.kept] @ (fold.back @ fold.weights)
            found[fold.out] = linear[fold.out]
            gained += whole.likelihood(linear) - fold.order.likelihood(linear[fold.kept])
        left_out.append(found)
        likelihood.append(gained)
        if len(likelihood) - 1 - int(np.argmax(likelihood)) >= _PATIENCE:
            break
    return left_out, likelihood


def _maximised(
    design: Floats, order: _Order, penalty: float, start: Floats | None = None
) -> Floats:
    """Maximise the partial likelihood less ½·penalty·|β|² by Newton's method with halved steps."""
    z = design[order.rows]
    beta = np.zeros(z.shape[1]) if start is None else start
    held = _penalised(z, order, beta, penalty)
    for _ in range(_STEPS if z.shape[1] else 0):
        gradient, hessian = _derivatives(z, order, beta)
        step = np.linalg.solve(hessian + penalty * np.eye(len(beta)), gradient - penalty * beta)
        for _ in range(30):
            value = _penalised(z, order, beta + step, penalty)
            if value >= held - 1e-12 * abs(held):
                break
            step = step / 2.0
        beta, gain, held = beta + step, value - held, value
        if gain <= _CLOSE * max(1.0, abs(held)):
            break
    return np.asarray(beta)


def _penalised(z: Floats, order: _Order, beta: Floats, penalty: float) -> float:
    eta = z @ beta
    shift = float(eta.max()) if len(eta) else 0.0
    total = np.cumsum(np.exp(eta - shift))[order.last]
    gained = float((eta[order.events] - shift - np.log(total)).sum())
    return gained - 0.5 * penalty * float(beta @ beta)


def _derivatives(z: Floats, order: _Order, beta: Floats) -> tuple[Floats, Floats]:
    """Return the score and the information."""
    eta = z @ beta
    weight = np.exp(eta - eta.max())
    total = np.cumsum(weight)[order.last]
    # Row i is in the risk set of every event whose last row is i or later.
    drawn = np.bincount(order.last, 1.0 / total, minlength=len(z))
    expected = weight * np.cumsum(drawn[::-1])[::-1]
    means = np.cumsum(weight[:, None] * z, axis=0)[order.last] / total[:, None]
    score = z[order.events].sum(axis=0) - expected @ z
    root = np.sqrt(expected)[:, None] * z
    return np.asarray(score), np.asarray(root.T @ root - means.T @ means)
