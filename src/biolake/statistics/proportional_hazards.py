"""Whether hazards are proportional: Schoenfeld's residuals against time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from biolake.core.errors import WrongUse
from biolake.statistics.columns import Floats
from biolake.statistics.cox import CoxFit
from biolake.statistics.distributions import chi2_sf
from biolake.statistics.kaplan_meier import kaplan_meier
from biolake.statistics.partial_likelihood import mean_covariates, moments_at, risk_sums
from biolake.statistics.risk_sets import RiskSets, SurvivalData, risk_sets

TimeScale = Literal["km", "rank", "identity", "log"]


@dataclass(frozen=True)
class ProportionalityTest:
    """Whether each covariate's effect changes over time, and whether any does (global)."""

    names: tuple[str, ...]
    correlation: Floats  # of the scaled residuals with time
    statistic: Floats  # chi-square on one degree of freedom
    p: Floats
    global_statistic: float
    global_p: float
    time_scale: TimeScale


def proportional_hazards_test(
    fit: CoxFit, data: SurvivalData, *, time_scale: TimeScale = "km"
) -> ProportionalityTest:
    """Test proportional hazards by Schoenfeld residuals (Grambsch & Therneau 1994).

    `data` must be what `fit` was fitted to. Time enters as 1 − Kaplan-Meier (just before each
    event), as ranks (ties share one), as it is, or as its logarithm.
    """
    sets = risk_sets(data)
    if sets.names != fit.names:
        raise WrongUse("The data's covariates are not those the model was fitted to.")
    residuals = schoenfeld_residuals(fit, sets)
    time = _time_scale(data, sets, time_scale)
    centred = time - time.mean()
    spread = float(centred @ centred)
    deaths = len(centred)
    drift = residuals @ centred
    scaled = fit.model_covariance @ residuals * deaths
    slope = scaled @ centred
    statistic = slope**2 / (np.diag(fit.model_covariance) * deaths * spread)
    together = float(drift @ fit.model_covariance @ drift) * deaths / spread
    around = scaled - scaled.mean(axis=1, keepdims=True)
    return ProportionalityTest(
        names=fit.names,
        correlation=slope / np.sqrt((around**2).sum(axis=1) * spread),
        statistic=statistic,
        p=np.array([chi2_sf(float(value), 1) for value in statistic]),
        global_statistic=together,
        global_p=chi2_sf(together, len(fit.names)),
        time_scale=time_scale,
    )


def schoenfeld_residuals(fit: CoxFit, sets: RiskSets) -> Floats:
    """Return each event's covariates minus its risk set's mean (covariates × events)."""
    moments = moments_at(sets, fit.coefficients * sets.scale, fit.ties)
    mean = mean_covariates(sets, moments, *risk_sums(sets, moments))
    residuals = sets.columns[:, sets.events.rows] - mean[:, sets.events.moment]
    return residuals * sets.scale[:, None]


def _time_scale(data: SurvivalData, sets: RiskSets, scale: TimeScale) -> Floats:
    time = sets.moment_time[sets.events.moment]
    if scale == "identity":
        return time
    if scale == "log":
        if (time <= 0.0).any():
            raise WrongUse("Log time needs every event after time zero.")
        return np.log(time)
    if scale == "rank":
        _, place, counts = np.unique(time, return_inverse=True, return_counts=True)
        return np.asarray((np.cumsum(counts) - (counts - 1) / 2.0)[place])
    curve = kaplan_meier(data.duration, data.observed, entry=data.entry, weights=data.weights)
    before = np.searchsorted(curve.time, time, side="left")
    return 1.0 - np.concatenate([[1.0], curve.estimate])[before]
