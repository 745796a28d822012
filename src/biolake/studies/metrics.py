"""How good risks are on samples they were not made from: every figure with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import BiolakeError
from biolake.statistics.calibration import calibration, risk_groups, smooth_calibration
from biolake.statistics.columns import Floats
from biolake.statistics.decision_curve import decision_curve
from biolake.statistics.discrimination import (
    bootstrap_interval,
    precision_recall_curve,
    roc_curve,
)
from biolake.statistics.intervals import Estimate, Resampling, bootstrap
from biolake.statistics.logistic import LogisticFit, fit_logistic, logit

REPLICATES, LARGE, FEWER = 500, 20_000, 200
CURVE_POINTS, SMOOTH_EVENTS = 100, 100
_EDGE = 1e-8
THRESHOLDS = np.round(np.arange(0.01, 0.51, 0.01), 2)

Interval = dict[str, float | None]


@dataclass(frozen=True)
class Judged:
    """Risks, what came of them, and whose they are."""

    outcome: Floats
    risk: Floats
    subjects: np.ndarray

    def take(self, rows: np.ndarray) -> Judged:
        return Judged(self.outcome[rows], self.risk[rows], self.subjects[rows])

    @property
    def events(self) -> int:
        return int(self.outcome.sum())

    @property
    def one_class(self) -> bool:
        return self.events in (0, len(self.outcome))

    def plan(self, seed: int) -> Resampling:
        """Draw subjects, not samples; with one sample each, keep the number with the outcome."""
        replicates = REPLICATES if len(self.outcome) <= LARGE else FEWER
        if len(np.unique(self.subjects)) == len(self.subjects):
            return Resampling(replicates, seed, strata=self.outcome)
        return Resampling(replicates, seed, clusters=self.subjects)


def headline(judged: Judged, seed: int) -> dict[str, Any]:
    """Return the figures of the result: discrimination, overall error, calibration."""
    if judged.one_class:
        return {}
    found: dict[str, Any] = {}
    plan = judged.plan(seed)
    found["auroc"] = _tried(
        lambda: bootstrap_interval("auroc", judged.outcome, judged.risk, plan=plan)
    )
    found["auprc"] = _tried(
        lambda: bootstrap_interval("auprc", judged.outcome, judged.risk, plan=plan)
    )
    found["brier"] = _tried(lambda: _brier(judged, plan))
    found["scaled_brier"] = _tried(lambda: _scaled_brier(judged, plan))
    return found | levels(judged, seed)


def levels(judged: Judged, seed: int) -> dict[str, Any]:
    """Return O/E, calibration intercept and slope; none where the data cannot give them."""
    if len(np.unique(judged.subjects)) < len(judged.subjects):
        return _clustered_levels(judged, seed)
    try:
        found = calibration(judged.outcome, judged.risk)
    except BiolakeError:
        return {"o_e": None, "calibration_intercept": None, "calibration_slope": None}
    return {
        "o_e": interval(found.observed_expected),
        "calibration_intercept": interval(found.intercept),
        "calibration_slope": interval(found.slope),
    }


def _clustered_levels(judged: Judged, seed: int) -> dict[str, Any]:
    """Draw subjects, for their samples are not independent."""
    plan = Resampling(FEWER, seed, clusters=judged.subjects)
    score, outcome = logit(np.clip(judged.risk, _EDGE, 1.0 - _EDGE)), judged.outcome

    def intercepts(weights: Floats) -> Floats:
        nothing = np.empty((len(score), 0))
        return _fits(lambda w: fit_logistic(nothing, outcome, weights=w, offset=score), weights, 0)

    def slopes(weights: Floats) -> Floats:
        return _fits(lambda w: fit_logistic(score[:, None], outcome, weights=w), weights, 1)

    rows = len(outcome)
    return {
        "o_e": _tried(lambda: bootstrap(lambda w: w @ outcome / (w @ judged.risk), rows, plan)),
        "calibration_intercept": _tried(lambda: bootstrap(intercepts, rows, plan)),
        "calibration_slope": _tried(lambda: bootstrap(slopes, rows, plan)),
    }


def _fits(fit: Callable[[Floats], LogisticFit], weights: Floats, place: int) -> Floats:
    """Fit once a draw; a draw that cannot be fitted gives no answer."""
    found = np.full(len(weights), np.nan)
    for number, row in enumerate(weights):
        try:
            found[number] = fit(row).estimates[place]
        except BiolakeError:
            continue
    return found


def curves(judged: Judged) -> dict[str, Any]:
    """Return the curves a report draws. A curve's points are thinned, and name no one's risk."""
    if judged.one_class:
        return {}
    roc = roc_curve(judged.outcome, judged.risk, most=CURVE_POINTS)
    pr = precision_recall_curve(judged.outcome, judged.risk, most=CURVE_POINTS)
    benefit = decision_curve(judged.outcome, judged.risk, THRESHOLDS)
    return {
        "roc": np.column_stack([roc.x, roc.y]).tolist(),
        "pr": np.column_stack([pr.x, pr.y]).tolist(),
        "calibration_curve": _calibration_curve(judged),
        "net_benefit": [
            {"threshold": t, "model": m, "all": a, "none": 0.0}
            for t, m, a in zip(
                benefit.threshold.tolist(),
                benefit.net_benefit.tolist(),
                benefit.treat_all.tolist(),
                strict=True,
            )
        ],
    }


def interval(found: Estimate) -> Interval:
    return {"estimate": found.value, "low": found.low, "high": found.high}


def auroc_of(judged: Judged, seed: int) -> Interval | None:
    plan = judged.plan(seed)
    return _tried(lambda: bootstrap_interval("auroc", judged.outcome, judged.risk, plan=plan))


def _calibration_curve(judged: Judged) -> list[dict[str, Any]]:
    """Return a smooth curve where there are events enough, else groups of rising risk."""
    if min(judged.events, len(judged.outcome) - judged.events) >= SMOOTH_EVENTS:
        try:
            curve = smooth_calibration(judged.outcome, judged.risk, points=51)
        except BiolakeError:
            pass
        else:
            points = zip(
                curve.predicted.tolist(),
                curve.observed.tolist(),
                curve.low.tolist(),
                curve.high.tolist(),
                strict=True,
            )
            return [{"predicted": p, "observed": o, "low": a, "high": b} for p, o, a, b in points]
    number = int(np.clip(len(judged.outcome) // 30, 2, 10))
    return [
        {"predicted": g.predicted, "observed": g.observed.value} | _ends(g.observed)
        for g in risk_groups(judged.outcome, judged.risk, groups=number)
    ]


def _ends(found: Estimate) -> dict[str, float]:
    return {"low": found.low, "high": found.high}


def _brier(judged: Judged, plan: Resampling) -> Estimate:
    error = (judged.risk - judged.outcome) ** 2
    return bootstrap(lambda w: w @ error / w.sum(axis=1), len(error), plan)


def _scaled_brier(judged: Judged, plan: Resampling) -> Estimate:
    error = (judged.risk - judged.outcome) ** 2

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        share = weights @ judged.outcome / total
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1.0 - (weights @ error / total) / (share * (1.0 - share)))

    return bootstrap(statistic, len(error), plan)


def _tried(compute: Callable[[], Estimate]) -> Interval | None:
    """Return a figure, or None where too few events leave it without an answer."""
    try:
        return interval(compute())
    except BiolakeError:
        return None
