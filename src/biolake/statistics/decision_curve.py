"""Decision curves: whether acting on risks above a threshold does more good than harm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Floats, flags, floats, risks
from biolake.statistics.intervals import Estimate, Resampling, bootstrap
from biolake.statistics.kaplan_meier import cumulative_incidence, kaplan_meier


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of treating those whose risk is at least each threshold.

    Rates are shares of everyone. `interventions_avoided` is per subject, against treating all
    without losing an event; undefined (NaN) at threshold 0. Treating none has net benefit 0.
    With censoring, NaN where those above a threshold are not followed to the horizon.
    """

    threshold: Floats
    net_benefit: Floats
    treat_all: Floats
    interventions_avoided: Floats
    positive_rate: Floats
    true_positive_rate: Floats
    false_positive_rate: Floats
    prevalence: float
    subjects: int


def decision_curve(
    outcome: ArrayLike,
    risk: ArrayLike,
    thresholds: ArrayLike,
    *,
    harm: float = 0.0,
    prevalence: float | None = None,
) -> DecisionCurve:
    """Return the decision curve of a yes/no outcome (Vickers & Elkin, MDM 2006;26:565).

    `harm` is that of obtaining the risk itself, in units of net benefit. In a case-control study
    give the population's `prevalence`; sensitivity and specificity are then weighted by it.
    """
    seen = flags("outcome", outcome)
    p = risks("risk", risk, len(seen))
    at = _thresholds(thresholds)
    if prevalence is not None and not 0.0 < prevalence < 1.0:
        raise WrongUse("prevalence must lie between 0 and 1.")
    if prevalence is not None and (seen.all() or not seen.any()):
        raise DataRefused("A case-control study needs both cases and controls.")
    cases, controls = _share_above(p[seen], at), _share_above(p[~seen], at)
    common = float(seen.mean()) if prevalence is None else prevalence
    true, false = cases * common, controls * (1.0 - common)
    return _curve(at, true, false, _share_above(p, at), common, harm, len(seen))


def decision_curve_survival(
    duration: ArrayLike,
    status: ArrayLike,
    risk: ArrayLike,
    thresholds: ArrayLike,
    *,
    horizon: float,
    harm: float = 0.0,
) -> DecisionCurve:
    """Return the decision curve of an outcome by `horizon`, some subjects being censored.

    `status` is 0 for censored, 1 for the event, 2 and more for competing events. Among those
    above a threshold the event rate is 1 − Kaplan-Meier, or the cumulative incidence when there
    are competing events (Vickers et al., BMC Med Inform Decis Mak 2008;8:53).
    """
    time = floats("duration", duration)
    p = risks("risk", risk, len(time))
    kinds = np.asarray(status).astype(np.intp)
    at = _thresholds(thresholds)
    if horizon > time.max():
        raise DataRefused("No one is followed to this horizon.", next="Choose an earlier one.")
    positive = _share_above(p, at)
    order = np.argsort(p, kind="stable")
    time, kinds, rising = time[order], kinds[order], p[order]
    starts = np.searchsorted(rising, at, side="left")
    by_start = {
        start: _event_rate(time[start:], kinds[start:], horizon) for start in np.unique(starts)
    }
    rate = np.array([by_start[start] for start in starts])
    common = _event_rate(time, kinds, horizon)
    true, false = rate * positive, (1.0 - rate) * positive
    return _curve(at, true, false, positive, common, harm, len(time))


def net_benefit_interval(
    outcome: ArrayLike,
    risk: ArrayLike,
    threshold: float,
    *,
    plan: Resampling | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return net benefit at one threshold with its bootstrap percentile interval."""
    seen = flags("outcome", outcome)
    p = risks("risk", risk, len(seen))
    odds = threshold / (1.0 - threshold)
    gain = np.where(seen, 1.0, -odds) * (p >= threshold)
    return bootstrap(lambda w: w @ gain / w.sum(axis=1), len(seen), plan, confidence)


def _event_rate(time: Floats, kinds: np.ndarray, horizon: float) -> float:
    """Return the chance of the event by the horizon; 0 for no one, NaN if not followed so far."""
    if not len(time):
        return 0.0
    if horizon > time.max():
        return float("nan")
    if not (kinds == 1).any():
        return 0.0
    if kinds.max() > 1:
        return float(cumulative_incidence(time, kinds).at(horizon))
    return 1.0 - float(kaplan_meier(time, kinds == 1).at(horizon))


def _share_above(values: Floats, thresholds: Floats) -> Floats:
    if not len(values):
        return np.zeros(len(thresholds))
    below = np.searchsorted(np.sort(values), thresholds, side="left")
    return np.asarray((len(values) - below) / len(values))


def _thresholds(thresholds: ArrayLike) -> Floats:
    at = floats("thresholds", thresholds)
    if (at < 0.0).any() or (at >= 1.0).any():
        raise WrongUse("Thresholds must be at least 0 and below 1.")
    return at


def _curve(
    at: Floats,
    true: Floats,
    false: Floats,
    positive: Floats,
    prevalence: float,
    harm: float,
    subjects: int,
) -> DecisionCurve:
    odds = at / (1.0 - at)
    benefit = true - odds * false - harm
    everyone = prevalence - odds * (1.0 - prevalence)
    avoided = np.full(len(at), np.nan)
    np.divide(benefit - everyone, odds, out=avoided, where=odds > 0.0)
    return DecisionCurve(
        at, benefit, everyone, avoided, positive, true, false, prevalence, subjects
    )
