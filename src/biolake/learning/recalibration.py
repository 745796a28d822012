"""Recalibrate a model on tuning data, changing no more than the data ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from biolake.core.errors import DataRefused
from biolake.statistics import calibration
from biolake.statistics.columns import Floats
from biolake.statistics.distributions import chi2_sf

LEAST_EVENTS = 20  # on the tuning split, and as many without: fewer say nothing about a slope
_LEVEL = 0.05

Method = Literal["none", "intercept", "intercept and slope"]


@dataclass(frozen=True)
class Recalibration:
    """Risk becomes expit(intercept + slope · logit(risk))."""

    method: Method = "none"
    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, risk: Floats) -> Floats:
        if self.method == "none":
            return risk
        return calibration.Recalibration(self.intercept, self.slope).apply(risk)


def learn_recalibration(risk: Floats, outcome: Floats) -> Recalibration:
    """Choose between no change, a new intercept, and a new intercept and slope, by closed testing.

    Vergouwe et al., Stat Med 2017;36:4529: keep the model unless both together improve it; then
    keep its slope unless the slope adds to the intercept. Without enough events nothing changes.
    """
    events = int(outcome.sum())
    if min(events, len(outcome) - events) < LEAST_EVENTS:
        return Recalibration()
    try:
        moved = calibration.recalibrate(outcome, risk, slope=False)
        both = calibration.recalibrate(outcome, risk)
    except DataRefused:  # risks that separate the outcome, or that do not vary
        return Recalibration()
    as_is, by_intercept, by_both = (
        _log_likelihood(repaired, outcome)
        for repaired in (risk, moved.apply(risk), both.apply(risk))
    )
    if chi2_sf(2.0 * max(by_both - as_is, 0.0), 2) >= _LEVEL:
        return Recalibration()
    if chi2_sf(2.0 * max(by_both - by_intercept, 0.0), 1) >= _LEVEL:
        return Recalibration("intercept", moved.intercept, 1.0)
    return Recalibration("intercept and slope", both.intercept, both.slope)


def _log_likelihood(risk: Floats, outcome: Floats) -> float:
    safe = np.clip(risk, 1e-12, 1.0 - 1e-12)
    return float((outcome * np.log(safe) + (1.0 - outcome) * np.log1p(-safe)).sum())
