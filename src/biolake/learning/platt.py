"""Turn scores into probabilities by a logistic curve, finite even where classes separate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.errors import DataRefused
from biolake.statistics.columns import Flags, Floats
from biolake.statistics.logistic import expit

_STEPS, _SETTLED = 100, 1e-10


@dataclass(frozen=True)
class Platt:
    """Log odds = intercept + slope · score."""

    intercept: float = 0.0
    slope: float = 1.0

    def log_odds(self, score: Floats) -> Floats:
        return np.asarray(self.intercept + self.slope * score)


def fit_platt(score: Floats, outcome: Flags) -> Platt:
    """Fit the curve to scores of rows the model was not fitted to.

    The targets are (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2) instead of 1 and 0 (Platt 1999), which keeps
    the slope finite; Newton's method with halving (Lin, Lin & Weng, Mach Learn 2007;68:267).
    """
    positive = int(outcome.sum())
    negative = len(outcome) - positive
    if not positive or not negative:
        raise DataRefused("scores become probabilities only where both outcomes were seen")
    target = np.where(outcome, (positive + 1) / (positive + 2), 1.0 / (negative + 2))
    spread = float(score.std()) or 1.0
    center = float(score.mean())
    x = np.stack([np.ones(len(score)), (score - center) / spread])
    beta = np.array([np.log((positive + 1.0) / (negative + 1.0)), 0.0])
    loss = _loss(beta, x, target)
    for _ in range(_STEPS):
        step = _newton(beta, x, target)
        while (trial := _loss(beta - step, x, target)) > loss + 1e-12 and np.abs(step).max() > 1e-9:
            step = 0.5 * step
        beta, gain, loss = beta - step, loss - trial, trial
        if gain < _SETTLED:
            break
    slope = float(beta[1]) / spread
    return Platt(float(beta[0]) - slope * center, slope)


def _newton(beta: Floats, x: Floats, target: Floats) -> Floats:
    risk = expit(beta @ x)
    curvature = (x * (risk * (1.0 - risk))) @ x.T + 1e-12 * np.eye(2)
    return np.asarray(np.linalg.solve(curvature, x @ (risk - target)))


def _loss(beta: Floats, x: Floats, target: Floats) -> float:
    linear = beta @ x
    return float((np.logaddexp(0.0, linear) - target * linear).sum())
