"""Whether risks mean what they say: Brier, O/E, intercept and slope, a smooth curve, and repair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Flags, Floats, both_outcomes, flags, risks, weights_of
from biolake.statistics.distributions import critical
from biolake.statistics.intervals import Estimate, wilson
from biolake.statistics.logistic import LogisticFit, expit, fit_logistic, logit

_EDGE = 1e-8  # risks of exactly 0 or 1 have no logit; they are moved in by this much
# The quantiles at which Harrell (Regression Modeling Strategies, 2015) puts 3, 4 and 5 knots.
_KNOTS = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


@dataclass(frozen=True)
class Calibration:
    """The levels of calibration of Van Calster et al. (J Clin Epidemiol 2016;74:167).

    `observed_expected` above 1, or `intercept` above 0: risks are too low on the whole. `slope`
    below 1: risks are too extreme.
    """

    subjects: int
    events: int
    observed_expected: Estimate
    intercept: Estimate
    slope: Estimate
    brier: float
    scaled_brier: float


@dataclass(frozen=True)
class SmoothCurve:
    """Observed risk as a smooth function of predicted risk, with its pointwise band.

    ICI, E50, E90 and Emax are the mean, median, 90th percentile and maximum over subjects of
    |smooth − predicted| (Austin & Steyerberg, Stat Med 2019;38:4051).
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    ici: float
    e50: float
    e90: float
    emax: float
    confidence: float


@dataclass(frozen=True)
class RiskGroup:
    """Subjects of neighbouring risk: what was predicted and what came."""

    subjects: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class Recalibration:
    """A repair of risks on the logit scale: intercept + slope × logit(risk)."""

    intercept: float
    slope: float

    def apply(self, risk: ArrayLike) -> Floats:
        """Return the repaired risks."""
        return expit(self.intercept + self.slope * _logit(risks("risk", risk)))


def brier(outcome: ArrayLike, risk: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return the mean squared error of the risks (Brier, Mon Weather Rev 1950;78:1)."""
    seen = flags("outcome", outcome)
    p = risks("risk", risk, len(seen))
    return float(np.average((p - seen) ** 2, weights=weights_of(weights, len(seen))))


def scaled_brier(outcome: ArrayLike, risk: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return 1 − Brier / Brier of giving everyone the prevalence: 1 is perfect, 0 useless.

    Steyerberg et al., Epidemiology 2010;21:128.
    """
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    weight = weights_of(weights, len(seen))
    share = float(np.average(seen, weights=weight))
    return 1.0 - brier(seen, risk, weights=weight) / (share * (1.0 - share))


def calibration(outcome: ArrayLike, risk: ArrayLike, *, confidence: float = 0.95) -> Calibration:
    """Compare risks with outcomes on the whole and in spread (logistic recalibration, Cox 1958).

    The interval of O/E is on the log scale, with variance (1 − prevalence)/events (Debray et al.,
    BMJ 2017;356:i6460). The intercept is with the slope held at 1.
    """
    seen, p, linear = _checked(outcome, risk)
    events = int(seen.sum())
    ratio = events / float(p.sum())
    error = np.sqrt((1.0 - seen.mean()) / events)
    large = fit_logistic(np.empty((len(seen), 0)), seen, offset=linear)
    full = fit_logistic(linear[:, None], seen)
    return Calibration(
        subjects=len(seen),
        events=events,
        observed_expected=Estimate.exponentiated(np.log(ratio), float(error), confidence),
        intercept=Estimate.normal(large.intercept, float(large.standard_errors[0]), confidence),
        slope=Estimate.normal(
            float(full.coefficients[0]), float(full.standard_errors[1]), confidence
        ),
        brier=brier(seen, p),
        scaled_brier=scaled_brier(seen, p),
    )


def smooth_calibration(
    outcome: ArrayLike,
    risk: ArrayLike,
    *,
    knots: int = 4,
    points: int = 101,
    confidence: float = 0.95,
) -> SmoothCurve:
    """Fit observed risk by logistic regression on a restricted cubic spline of logit(risk).

    Harrell 2015; knots at fixed quantiles. The curve spans the 1st to the 99th
    percentile of risk, where there are subjects to speak of; the indices use all subjects.
    """
    seen, p, linear = _checked(outcome, risk)
    places = _knots(linear, knots)
    fit = fit_logistic(spline(linear, places), seen)
    gap = np.abs(fit.predict(spline(linear, places)) - p)
    at = np.linspace(float(np.quantile(p, 0.01)), float(np.quantile(p, 0.99)), points)
    centre, error = _linear_predictor(fit, spline(_logit(at), places))
    margin = critical(confidence) * error
    return SmoothCurve(
        predicted=at,
        observed=expit(centre),
        low=expit(centre - margin),
        high=expit(centre + margin),
        ici=float(gap.mean()),
        e50=float(np.quantile(gap, 0.5)),
        e90=float(np.quantile(gap, 0.9)),
        emax=float(gap.max()),
        confidence=confidence,
    )


def risk_groups(
    outcome: ArrayLike, risk: ArrayLike, *, groups: int = 10, confidence: float = 0.95
) -> list[RiskGroup]:
    """Cut subjects into groups of rising risk and of about one size; equal risks stay together."""
    seen = flags("outcome", outcome)
    p = risks("risk", risk, len(seen))
    cuts = np.unique(np.quantile(p, np.linspace(0.0, 1.0, groups + 1)[1:-1]))
    place = np.searchsorted(cuts, p, side="right")
    return [
        RiskGroup(
            int(mine.sum()),
            float(p[mine].mean()),
            wilson(int(seen[mine].sum()), int(mine.sum()), confidence),
        )
        for mine in (place == number for number in range(len(cuts) + 1))
        if mine.any()
    ]


def recalibrate(outcome: ArrayLike, risk: ArrayLike, *, slope: bool = True) -> Recalibration:
    """Learn a repair of risks from new subjects: intercept and slope, or the intercept alone.

    Logistic recalibration, and recalibration in the large (Steyerberg 2019).
    """
    seen, _, linear = _checked(outcome, risk)
    if not slope:
        fit = fit_logistic(np.empty((len(seen), 0)), seen, offset=linear)
        return Recalibration(fit.intercept, 1.0)
    fit = fit_logistic(linear[:, None], seen)
    return Recalibration(fit.intercept, float(fit.coefficients[0]))


def spline(x: Floats, knots: Floats) -> Floats:
    """Return the restricted cubic spline basis, x itself first (Harrell 2015)."""
    last, before = knots[-1], knots[-2]
    scale = (last - knots[0]) ** 2
    columns = [x]
    for knot in knots[:-2]:
        term = _cube(x - knot)
        term = term - _cube(x - before) * (last - knot) / (last - before)
        term = term + _cube(x - last) * (before - knot) / (last - before)
        columns.append(term / scale)
    return np.column_stack(columns)


def _cube(x: Floats) -> Floats:
    return np.asarray(np.maximum(x, 0.0) ** 3)


def _knots(linear: Floats, count: int) -> Floats:
    if count not in _KNOTS:
        raise WrongUse("A calibration curve has 3, 4 or 5 knots.")
    for fewer in range(count, 2, -1):
        places = np.unique(np.quantile(linear, _KNOTS[fewer]))
        if len(places) == fewer:
            return places
    raise DataRefused(
        "There are too few distinct risks for a smooth curve.", next="Use risk groups instead."
    )


def _linear_predictor(fit: LogisticFit, basis: Floats) -> tuple[Floats, Floats]:
    """Return the linear predictor and its standard error (delta method)."""
    design = np.column_stack([np.ones(len(basis)), basis])
    variance = np.einsum("ij,jk,ik->i", design, fit.covariance, design)
    return design @ fit.estimates, np.sqrt(variance)


def _checked(outcome: ArrayLike, risk: ArrayLike) -> tuple[Flags, Floats, Floats]:
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    p = risks("risk", risk, len(seen))
    return seen, p, _logit(p)


def _logit(risk: Floats) -> Floats:
    return logit(np.clip(risk, _EDGE, 1.0 - _EDGE))
