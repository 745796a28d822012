"""How well risks rank those with the outcome above those without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import WrongUse
from biolake.statistics.columns import (
    Floats,
    Indices,
    both_outcomes,
    flags,
    floats,
    weights_of,
)
from biolake.statistics.distributions import two_sided_p
from biolake.statistics.intervals import Estimate, Resampling, bootstrap

Measure = Literal["auroc", "auprc"]


@dataclass(frozen=True)
class Curve:
    """Points of a ROC curve (x 1 − specificity, y sensitivity) or a precision-recall curve
    (x recall, y precision); a subject is positive when its risk is at least `threshold`."""

    x: Floats
    y: Floats
    threshold: Floats


@dataclass(frozen=True)
class Comparison:
    """Two models' AUROCs on the same subjects."""

    first: Estimate
    second: Estimate
    difference: Estimate
    p: float


def auroc(outcome: ArrayLike, risk: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return the area under the ROC curve: the chance of ranking a pair rightly, ties half.

    Hanley & McNeil, Radiology 1982;143:29.
    """
    ranking = _rank(outcome, risk)
    return float(_auroc(ranking, weights_of(weights, len(ranking.order))[None])[0])


def auprc(outcome: ArrayLike, risk: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return average precision: Σ (recall gained) × precision over falling thresholds.

    Without interpolation between points (Davis & Goadrich, ICML 2006).
    """
    ranking = _rank(outcome, risk)
    return float(_auprc(ranking, weights_of(weights, len(ranking.order))[None])[0])


def bootstrap_interval(
    measure: Measure,
    outcome: ArrayLike,
    risk: ArrayLike,
    *,
    plan: Resampling | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return AUROC or AUPRC with its bootstrap percentile interval; sorted once for all draws."""
    ranking = _rank(outcome, risk)
    compute = {"auroc": _auroc, "auprc": _auprc}[measure]
    return bootstrap(
        lambda weights: compute(ranking, weights), len(ranking.order), plan, confidence
    )


def delong(outcome: ArrayLike, risk: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Return AUROC with its interval by DeLong's variance (Biometrics 1988;44:837).

    The limits are kept within 0 and 1.
    """
    area, positive, negative = _placements(outcome, risk)
    variance = _covariance(positive, positive) + _covariance(negative, negative)
    found = Estimate.normal(area, float(np.sqrt(variance)), confidence)
    return Estimate(area, max(found.low, 0.0), min(found.high, 1.0), confidence)


def compare_auroc(
    outcome: ArrayLike, first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95
) -> Comparison:
    """Compare two models' AUROCs on the same subjects (DeLong 1988)."""
    area_1, positive_1, negative_1 = _placements(outcome, first)
    area_2, positive_2, negative_2 = _placements(outcome, second)
    positive, negative = positive_1 - positive_2, negative_1 - negative_2
    variance = _covariance(positive, positive) + _covariance(negative, negative)
    error = float(np.sqrt(variance))
    gap = area_1 - area_2
    return Comparison(
        delong(outcome, first, confidence=confidence),
        delong(outcome, second, confidence=confidence),
        Estimate.normal(gap, error, confidence),
        two_sided_p(gap / error) if error > 0.0 else 1.0,
    )


def roc_curve(outcome: ArrayLike, risk: ArrayLike, *, most: int = 500) -> Curve:
    """Return the ROC curve, thinned to at most `most` points without moving any."""
    ranking = _rank(outcome, risk)
    false, true = _cumulated(ranking)
    x = np.concatenate([[0.0], false / false[-1]])
    y = np.concatenate([[0.0], true / true[-1]])
    threshold = np.concatenate([[np.inf], ranking.level])
    return _thinned(x, y, threshold, most)


def precision_recall_curve(outcome: ArrayLike, risk: ArrayLike, *, most: int = 500) -> Curve:
    """Return the precision-recall curve, thinned to at most `most` points without moving any."""
    ranking = _rank(outcome, risk)
    false, true = _cumulated(ranking)
    return _thinned(true / true[-1], true / (true + false), ranking.level, most)


@dataclass(frozen=True)
class _Ranking:
    """Subjects by falling risk, and where each distinct risk begins."""

    order: Indices
    outcome: Floats  # in that order
    starts: Indices
    level: Floats


def _rank(outcome: ArrayLike, risk: ArrayLike) -> _Ranking:
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    score = floats("risk", risk, len(seen))
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    starts = np.flatnonzero(np.concatenate([[True], falling[1:] != falling[:-1]]))
    return _Ranking(order, seen[order].astype(np.float64), starts, falling[starts])


def _by_level(ranking: _Ranking, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weight with and without the outcome at each distinct risk (replicates ×)."""
    sorted_weights = weights[:, ranking.order]
    positive = sorted_weights * ranking.outcome
    negative = sorted_weights - positive
    if len(ranking.starts) < len(ranking.order):
        positive = np.add.reduceat(positive, ranking.starts, axis=1)
        negative = np.add.reduceat(negative, ranking.starts, axis=1)
    return positive, negative


def _auroc(ranking: _Ranking, weights: Floats) -> Floats:
    positive, negative = _by_level(ranking, weights)
    above = np.cumsum(positive, axis=1)
    pairs = above[:, -1] * negative.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(((above - 0.5 * positive) * negative).sum(axis=1) / pairs)


def _auprc(ranking: _Ranking, weights: Floats) -> Floats:
    positive, negative = _by_level(ranking, weights)
    true = np.cumsum(positive, axis=1)
    chosen = true + np.cumsum(negative, axis=1)
    precision = np.divide(true, chosen, out=np.zeros_like(true), where=chosen > 0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray((positive * precision).sum(axis=1) / true[:, -1])


def _cumulated(ranking: _Ranking) -> tuple[Floats, Floats]:
    positive, negative = _by_level(ranking, np.ones((1, len(ranking.order))))
    return np.cumsum(negative[0]), np.cumsum(positive[0])


def _thinned(x: Floats, y: Floats, threshold: Floats, most: int) -> Curve:
    """Drop points on straight runs; if still too many, keep those evenly spaced along the way."""
    if most < 2:
        raise WrongUse("A curve needs at least two points.")
    dx, dy = np.diff(x), np.diff(y)
    # A run is straight where successive steps have no area between them.
    bends = np.abs(dx[:-1] * dy[1:] - dx[1:] * dy[:-1]) > 1e-15
    kept = np.flatnonzero(np.concatenate([[True], bends, [True]]))[: len(x)]
    if len(kept) > most:
        way = np.abs(np.diff(x[kept])) + np.abs(np.diff(y[kept]))
        length = np.concatenate([[0.0], np.cumsum(way)])
        wanted = np.linspace(0.0, length[-1], most)
        kept = kept[np.unique(np.searchsorted(length, wanted))]
    return Curve(x[kept], y[kept], threshold[kept])


def _placements(outcome: ArrayLike, risk: ArrayLike) -> tuple[float, Floats, Floats]:
    """Return AUROC, and each case's and control's share of pairs ranked rightly.

    By midranks (Sun & Xu, IEEE Signal Process Lett 2014;21:1389).
    """
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    score = floats("risk", risk, len(seen))
    cases, controls = score[seen], score[~seen]
    if min(len(cases), len(controls)) < 2:
        raise WrongUse("DeLong's variance needs two subjects of each outcome.")
    positive = _share_below(np.sort(controls), cases)
    negative = 1.0 - _share_below(np.sort(cases), controls)
    return float(positive.mean()), positive, negative


def _share_below(rising: Floats, values: Floats) -> Floats:
    below = np.searchsorted(rising, values, side="left")
    upto = np.searchsorted(rising, values, side="right")
    return np.asarray(0.5 * (below + upto) / len(rising))


def _covariance(first: Floats, second: Floats) -> float:
    """Return the covariance of two means."""
    deviation = (first - first.mean()) @ (second - second.mean())
    return float(deviation) / (len(first) - 1) / len(first)
