"""The Cox partial likelihood and its derivatives, as sums over sorted risk sets.

Ties are Efron's (J Am Stat Assoc 1977;72:557) or Breslow's (Biometrics 1974;30:89). The
information is X'diag(v)X minus the risk-set means' products: one matrix product a block of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from biolake.statistics.columns import Floats, Indices
from biolake.statistics.risk_sets import RiskSets

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class Moments:
    """The partial likelihood's sums at each distinct event time, for one coefficient vector.

    With φ = S0 − f·D0 the denominators of a moment's events (f = 0, 1/d, …; 0 for Breslow) and
    w̄ their mean weight: `hazard` = Σ w̄/φ, `tied` = Σ w̄ f/φ, and `square`, `square_tied`,
    `square_both` = Σ w̄/φ², Σ w̄ f/φ², Σ w̄ f²/φ².
    """

    log_likelihood: float
    risk: Floats  # weight × exp(linear predictor − shift) of each row
    shift: float
    hazard: Floats
    tied: Floats
    square: Floats
    square_tied: Floats
    square_both: Floats


def moments_at(sets: RiskSets, beta: Floats, ties: Ties) -> Moments:
    """Sum the partial likelihood and its weights at standardised coefficients."""
    linear = beta @ sets.columns
    shift = float(linear.max())
    risk = sets.weights * np.exp(linear - shift)
    fraction = _fractions(sets) if ties == "efron" else np.zeros(len(sets.events.rows))
    mean_weight = (sets.events.weight / sets.events.count)[sets.events.moment]
    total = sets.run_sums(risk)[sets.events.moment]
    tied = np.add.reduceat(risk[sets.events.rows], sets.events.starts)[sets.events.moment]
    gained = (sets.weights * (linear - shift))[sets.events.rows].sum()

    def by_moment(values: Floats) -> Floats:
        return np.add.reduceat(mean_weight * values, sets.events.starts)

    # Coefficients far out may overflow: the step that led there is then halved.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = 1.0 / (total - fraction * tied)
        return Moments(
            log_likelihood=float(gained + (mean_weight * np.log(inverse)).sum()),
            risk=risk,
            shift=shift,
            hazard=by_moment(inverse),
            tied=by_moment(fraction * inverse),
            square=by_moment(inverse**2),
            square_tied=by_moment(fraction * inverse**2),
            square_both=by_moment((fraction * inverse) ** 2),
        )


def expected_events(sets: RiskSets, moments: Moments) -> Floats:
    """Return each row's cumulative hazard times its weight: what its time at risk foresaw."""
    hazard = sets.spread(sets.later(moments.hazard))
    hazard[sets.events.rows] -= moments.tied[sets.events.moment]
    return moments.risk * hazard


def risk_sums(sets: RiskSets, moments: Moments) -> tuple[Floats, Floats]:
    """Return Σ risk·x over each moment's risk set, and over its events (covariates × moments)."""
    width = len(sets.names)
    at_risk = np.zeros((width, len(sets.starts)))
    for rows, keys in sets.blocks():
        weighted = sets.columns[:, rows] * moments.risk[rows]
        cuts = np.maximum(sets.starts[keys], rows.start) - rows.start
        at_risk[:, keys] += np.add.reduceat(weighted, cuts, axis=1)
    sets.accumulate(at_risk)
    if sets.entering is not None and sets.enter is not None and len(sets.entering):
        late, weight = sets.enter[sets.entering], moments.risk[sets.entering]
        for column in range(width):
            values = sets.columns[column, sets.entering] * weight
            sums = np.bincount(late, values, minlength=len(sets.starts)).astype(np.float64)
            at_risk[column] -= sets.accumulate(sums)
    events = sets.columns[:, sets.events.rows] * moments.risk[sets.events.rows]
    return at_risk, np.add.reduceat(events, sets.events.starts, axis=1)


def information(sets: RiskSets, moments: Moments, expected: Floats) -> Floats:
    """Return X'diag(v)X − Σ w̄ a a', a being the risk sets' (tie-corrected) mean covariates."""
    width = len(sets.names)
    total = np.zeros((width, width))
    # Rounding may leave a hazard a hair below zero where all of it was the row's own tied event.
    root = np.sqrt(np.maximum(expected, 0.0))
    for rows, _ in sets.blocks():
        scaled = sets.columns[:, rows] * root[rows]
        total += scaled @ scaled.T
    at_risk, events = risk_sums(sets, moments)
    tied = np.flatnonzero(moments.square_tied)
    if tied.size:
        mine = events[:, tied]
        cross = (at_risk[:, tied] * moments.square_tied[tied]) @ mine.T
        total += cross + cross.T
        total -= (mine * moments.square_both[tied]) @ mine.T
    at_risk *= np.sqrt(moments.square)
    total -= at_risk @ at_risk.T
    return total


def sandwich(sets: RiskSets, moments: Moments, inverse: Floats, clusters: Indices) -> Floats:
    """Return I⁻¹ (Σ over clusters of u u') I⁻¹ (Lin & Wei 1989), standardised."""
    scores = score_residuals(sets, moments)
    count = int(clusters.max()) + 1
    sums = np.stack([np.bincount(clusters, scores[k], minlength=count) for k in range(len(scores))])
    influence = inverse @ sums
    return influence @ influence.T


def score_residuals(sets: RiskSets, moments: Moments) -> Floats:
    """Return each row's weighted score residual (covariates × rows), ties as fitted.

    Therneau & Grambsch 2000; they sum to the score.
    """
    at_risk, events = risk_sums(sets, moments)
    mean = mean_covariates(sets, moments, at_risk, events)
    drawn = sets.later(at_risk * moments.square - events * moments.square_tied)
    own = at_risk * moments.square_tied - events * moments.square_both
    scores = -sets.columns * expected_events(sets, moments)
    for column in range(len(scores)):
        collected = sets.spread(drawn[column])
        collected[sets.events.rows] -= own[column, sets.events.moment]
        scores[column] += moments.risk * collected
    residual = sets.columns[:, sets.events.rows] - mean[:, sets.events.moment]
    scores[:, sets.events.rows] += sets.weights[sets.events.rows] * residual
    return np.asarray(scores)


def mean_covariates(sets: RiskSets, moments: Moments, at_risk: Floats, events: Floats) -> Floats:
    """Return the mean covariates of each moment's risk set, as its events meet it."""
    mean = at_risk * moments.hazard - events * moments.tied
    return np.asarray(mean / sets.events.weight)


def _fractions(sets: RiskSets) -> Floats:
    """Return 0, 1/d, …, (d−1)/d along each moment's d events (Efron)."""
    place = np.arange(len(sets.events.rows)) - sets.events.starts[sets.events.moment]
    return place / sets.events.count[sets.events.moment]
