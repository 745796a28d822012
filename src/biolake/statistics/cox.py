"""Cox's proportional hazards model, fast enough for a million subjects.

A Newton step is a few passes over sorted rows and one matrix product: about a linear regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Floats, floats, labelled, matrix
from biolake.statistics.distributions import chi2_sf, critical
from biolake.statistics.partial_likelihood import (
    Moments,
    Ties,
    expected_events,
    information,
    moments_at,
    sandwich,
)
from biolake.statistics.risk_sets import RiskSets, SurvivalData, risk_sets

_CONVERGED = 1e-13  # squared length of the last Newton step, in standard errors
_MOST_STEPS = 50
_MOST_HALVINGS = 30
_SINGULAR = 1e-9  # least information on any direction, standardised, per event


@dataclass(frozen=True)
class Baseline:
    """A stratum's cumulative hazard at the covariates' means, and the last time it is known."""

    stratum: object
    time: Floats
    cumulative_hazard: Floats
    last_time: float


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model. It holds no subject's data."""

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats  # robust when clusters were given
    model_covariance: Floats
    center: Floats
    log_likelihood: float
    null_log_likelihood: float
    baselines: tuple[Baseline, ...]
    ties: Ties
    subjects: int
    events: int
    iterations: int
    robust: bool

    @property
    def standard_errors(self) -> Floats:
        """The coefficients' standard errors: robust when clusters were given."""
        return np.sqrt(np.diag(self.covariance))

    def hazard_ratios(self, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """Return hazard ratios with their lower and upper limits."""
        margin = critical(confidence) * self.standard_errors
        b = self.coefficients
        return np.exp(b), np.exp(b - margin), np.exp(b + margin)

    def likelihood_ratio_p(self) -> float:
        """Return the p-value of the model against none, by the likelihood-ratio test."""
        gain = 2.0 * (self.log_likelihood - self.null_log_likelihood)
        return chi2_sf(gain, len(self.coefficients))

    def log_partial_hazard(self, covariates: ArrayLike) -> Floats:
        """Return each row's log hazard relative to the covariates' means."""
        table = matrix("covariates", covariates)
        if table.shape[1] != len(self.coefficients):
            raise WrongUse(f"{table.shape[1]} covariates where {len(self.names)} were fitted.")
        return np.asarray(table @ self.coefficients - self.center @ self.coefficients)


def fit_cox(data: SurvivalData, *, ties: Ties = "efron") -> CoxFit:
    """Fit by Newton's method with step-halving from zero.

    With `clusters` the covariance is the sandwich of Lin & Wei (J Am Stat Assoc 1989;84:1074).
    Raises DataRefused when covariates are collinear or separate the events completely.
    """
    sets = risk_sets(data)
    beta, curvature, moments, steps, null = _maximise(sets, ties)
    inverse = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    model = inverse / np.outer(sets.scale, sets.scale)
    covariance = model
    if data.clusters is not None:
        clusters = labelled("clusters", data.clusters, sets.subjects)[1]
        robust = sandwich(sets, moments, inverse, clusters[sets.rows])
        covariance = robust / np.outer(sets.scale, sets.scale)
    return CoxFit(
        names=sets.names,
        coefficients=beta / sets.scale,
        covariance=covariance,
        model_covariance=model,
        center=sets.center,
        log_likelihood=moments.log_likelihood,
        null_log_likelihood=null,
        baselines=_baselines(sets, moments),
        ties=ties,
        subjects=sets.subjects,
        events=len(sets.events.rows),
        iterations=steps,
        robust=data.clusters is not None,
    )


def predict_survival(
    fit: CoxFit, covariates: ArrayLike, horizons: ArrayLike, *, strata: ArrayLike | None = None
) -> Floats:
    """Return each row's survival at each declared horizon (rows × horizons), never a whole curve.

    Raises DataRefused for a horizon beyond the follow-up the baseline was learned from.
    """
    times = floats("horizons", horizons)
    relative = np.exp(fit.log_partial_hazard(covariates))
    labels, codes = labelled("strata", strata, len(relative))
    known = {baseline.stratum: baseline for baseline in fit.baselines}
    out = np.empty((len(relative), len(times)))
    for code, label in enumerate(labels):
        if label not in known:
            raise WrongUse("A stratum is not among those the model was fitted in.")
        rows = codes == code
        hazard = _hazard_at(known[label], times)
        out[rows] = np.exp(-relative[rows, None] * hazard)
    return out


def _maximise(sets: RiskSets, ties: Ties) -> tuple[Floats, Floats, Moments, int, float]:
    """Return coefficients, information, sums, steps taken, and the log likelihood at zero."""
    beta = np.zeros(len(sets.names))
    moments = moments_at(sets, beta, ties)
    null = moments.log_likelihood
    for step in range(1, _MOST_STEPS + 1):
        expected = expected_events(sets, moments)
        score = -(sets.columns @ expected)
        score += sets.columns[:, sets.events.rows] @ sets.weights[sets.events.rows]
        curvature = information(sets, moments, expected)
        _refuse_singular(curvature, sets, step)
        direction = np.asarray(np.linalg.solve(curvature, score), dtype=np.float64)
        decrement = float(score @ direction)
        if decrement < _CONVERGED:
            return beta, curvature, moments, step, null
        beta, moments = _improve(sets, beta, direction, moments, ties)
    raise DataRefused(
        f"The Cox model did not settle in {_MOST_STEPS} steps.",
        next="A covariate may separate the events completely: look at its values among events.",
    )


def _improve(
    sets: RiskSets, beta: Floats, direction: Floats, moments: Moments, ties: Ties
) -> tuple[Floats, Moments]:
    """Take the longest halved step that does not lower the likelihood."""
    floor = moments.log_likelihood - 1e-12 * abs(moments.log_likelihood)
    size = 1.0
    for _ in range(_MOST_HALVINGS):
        trial = beta + size * direction
        found = moments_at(sets, trial, ties)
        if found.log_likelihood >= floor:
            return trial, found
        size *= 0.5
    raise DataRefused(
        "The Cox model found no step that raises its likelihood.",
        next="Rescale or transform covariates of extreme range.",
    )


def _refuse_singular(curvature: Floats, sets: RiskSets, step: int) -> None:
    """Refuse a direction without information: collinear at the first step, endless at a later."""
    if not np.isfinite(curvature).all():
        raise DataRefused(
            "No finite effect exists: covariates order the events completely, or range too widely.",
            next="Join rare categories, or rescale covariates of extreme range.",
        )
    values, vectors = np.linalg.eigh(curvature)
    if values[0] > _SINGULAR * sets.events.weight.sum():
        return
    involved = ", ".join(sets.names[i] for i in np.flatnonzero(np.abs(vectors[:, 0]) > 0.1))
    if step == 1:
        raise DataRefused(
            f"These covariates cannot be told apart by the events: {involved}.",
            next="Leave one out, or join rare categories.",
        )
    raise DataRefused(
        f"No finite effect exists: {involved} separates the events completely.",
        next="Join rare categories, or leave it out.",
    )


def _baselines(sets: RiskSets, moments: Moments) -> tuple[Baseline, ...]:
    """Cumulate each stratum's hazard: Efron's with Efron ties, otherwise Breslow's."""
    increments = moments.hazard * np.exp(-moments.shift)
    return tuple(
        Baseline(
            name,
            sets.moment_time[part][::-1].copy(),
            np.cumsum(increments[part][::-1]),
            float(last),
        )
        for name, part, last in zip(sets.strata_names, sets.strata, sets.last_time, strict=True)
    )


def _hazard_at(baseline: Baseline, times: Floats) -> Floats:
    if (times > baseline.last_time).any():
        raise DataRefused(
            f"A horizon lies beyond the last follow-up ({baseline.last_time:g}).",
            next="Ask for an earlier horizon.",
        )
    place = np.searchsorted(baseline.time, times, side="right")
    return np.asarray(np.concatenate([[0.0], baseline.cumulative_hazard])[place])
