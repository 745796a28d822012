"""How good risks by a horizon are when some samples are censored before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import BiolakeError
from biolake.learning.hazards import FollowUp
from biolake.statistics.columns import Floats
from biolake.statistics.concordance import harrell_interval
from biolake.statistics.decision_curve import decision_curve_survival
from biolake.statistics.intervals import Estimate, Resampling, bootstrap
from biolake.statistics.kaplan_meier import cumulative_incidence, kaplan_meier
from biolake.studies.metrics import REPLICATES, THRESHOLDS, Interval, interval

_GROUPS = 5


@dataclass(frozen=True)
class JudgedTimes:
    """Risks by a horizon (days), follow-up, and whose they are."""

    follow_up: FollowUp
    risk: Floats
    horizon: float
    subjects: np.ndarray

    def take(self, rows: np.ndarray) -> JudgedTimes:
        mine = self.follow_up.take(rows)
        return JudgedTimes(mine, self.risk[rows], self.horizon, self.subjects[rows])

    @property
    def events(self) -> int:
        seen, time = self.follow_up.observed, self.follow_up.duration
        return int(((seen == 1) & (time <= self.horizon)).sum())

    @property
    def one_class(self) -> bool:
        return self.events in (0, len(self.risk))

    def plan(self, seed: int) -> Resampling:
        return Resampling(REPLICATES, seed, clusters=self.subjects)


def headline(judged: JudgedTimes, seed: int) -> dict[str, Any]:
    """Return concordance (Harrell's), Brier score by inverse censoring weights, and O/E."""
    if judged.one_class:
        return {}
    return {
        "auroc": auroc_of(judged, seed),
        "brier": _tried(lambda: _brier(judged, judged.plan(seed))),
        "o_e": _tried(lambda: _observed_expected(judged)),
        "horizon_days": judged.horizon,
        "note": "auroc is Harrell's concordance; the Brier score is weighted for censoring",
    }


def curves(judged: JudgedTimes) -> dict[str, Any]:
    """Return calibration by groups of risk, and the decision curve."""
    if judged.one_class:
        return {}
    found: dict[str, Any] = {"calibration_curve": _calibration(judged)}
    time, status = judged.follow_up.duration, judged.follow_up.observed
    try:
        benefit = decision_curve_survival(
            time, status, judged.risk, THRESHOLDS, horizon=judged.horizon
        )
    except BiolakeError:
        return found
    rows = zip(
        benefit.threshold.tolist(),
        benefit.net_benefit.tolist(),
        benefit.treat_all.tolist(),
        strict=True,
    )
    found["net_benefit"] = [
        {"threshold": t, "model": m, "all": a, "none": 0.0} for t, m, a in rows if np.isfinite(m)
    ]
    return found


def auroc_of(judged: JudgedTimes, seed: int) -> Interval | None:
    """Return Harrell's C: a competing event counts as never having the event."""
    time, status = judged.follow_up.duration, judged.follow_up.observed
    last = max(float(time.max()), judged.horizon) + 1.0
    late = np.where(status > 1, last, time)
    plan = judged.plan(seed)
    return _tried(lambda: harrell_interval(late, status == 1, judged.risk, plan=plan))


def levels(judged: JudgedTimes, seed: int) -> dict[str, Any]:
    return {"o_e": _tried(lambda: _observed_expected(judged)), "calibration_slope": None}


def observed_risk(follow_up: FollowUp, horizon: float) -> tuple[float, float]:
    """Return the cumulative incidence by the horizon and its standard error."""
    if not (follow_up.observed == 1).any():
        return 0.0, 0.0
    competing = bool((follow_up.observed > 1).any())
    curve = (
        cumulative_incidence(follow_up.duration, follow_up.observed)
        if competing
        else kaplan_meier(follow_up.duration, follow_up.observed == 1)
    )
    at = min(horizon, float(follow_up.duration.max()))
    place = int(np.searchsorted(curve.time, at, side="right")) - 1
    value = float(curve.at(at))
    error = float(curve.standard_error[place]) if place >= 0 else 0.0
    return (value if competing else 1.0 - value), error


def _observed_expected(judged: JudgedTimes) -> Estimate:
    observed, error = observed_risk(judged.follow_up, judged.horizon)
    expected = float(judged.risk.mean())
    return Estimate.exponentiated(float(np.log(observed / expected)), error / observed)


def _calibration(judged: JudgedTimes) -> list[dict[str, Any]]:
    cuts = np.unique(np.quantile(judged.risk, np.linspace(0.0, 1.0, _GROUPS + 1)[1:-1]))
    place = np.searchsorted(cuts, judged.risk, side="right")
    found = []
    for number in np.unique(place):
        mine = judged.take(np.flatnonzero(place == number))
        observed, error = observed_risk(mine.follow_up, mine.horizon)
        low, high = max(observed - 1.96 * error, 0.0), min(observed + 1.96 * error, 1.0)
        predicted = float(mine.risk.mean())
        found.append({"predicted": predicted, "observed": observed, "low": low, "high": high})
    return found


def _brier(judged: JudgedTimes, plan: Resampling) -> Estimate:
    """Weigh each known outcome by 1/G, G the chance of not being censored by then.

    Graf et al., Stat Med 1999;18:2529. The weights are those of the whole, not of each draw.
    """
    time, status = judged.follow_up.duration, judged.follow_up.observed
    # The horizon ends the study for everyone: that is no censoring.
    staying = kaplan_meier(time, (status == 0) & (time < judged.horizon))
    ended = (status > 0) & (time <= judged.horizon)
    at = np.where(ended, np.maximum(time - 1e-9, 0.0), judged.horizon)
    known = ended | (time >= judged.horizon)
    chance = staying.at(np.minimum(at, float(time.max())))
    weight = np.where(known & (chance > 0.0), 1.0 / np.maximum(chance, 1e-9), 0.0)
    happened = ended & (status == 1)
    error = weight * (judged.risk - happened) ** 2
    return bootstrap(lambda w: w @ error / (w @ weight), len(error), plan)


def _tried(compute: Any) -> Interval | None:
    try:
        return interval(compute())
    except (BiolakeError, ZeroDivisionError):
        return None
