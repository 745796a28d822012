"""Events per person-time, with exact intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import flags, floats, labelled
from biolake.statistics.distributions import chi2_quantile, critical
from biolake.statistics.intervals import Estimate


@dataclass(frozen=True)
class IncidenceRate:
    """Events, the person-time they arose in, and their rate per `per` units of it."""

    events: int
    person_time: float
    per: float
    rate: Estimate


def incidence_rate(
    events: int, person_time: float, *, per: float = 1.0, confidence: float = 0.95
) -> IncidenceRate:
    """Return a rate with its exact Poisson interval (Garwood, Biometrika 1936;28:437)."""
    if events < 0 or person_time <= 0.0:
        raise WrongUse("A rate needs events ≥ 0 and person-time above 0.")
    low, high = poisson_limits(events, confidence)
    scale = per / person_time
    rate = Estimate(events * scale, low * scale, high * scale, confidence)
    return IncidenceRate(events, person_time, per, rate)


def incidence_by_group(
    duration: ArrayLike,
    observed: ArrayLike,
    group: ArrayLike | None = None,
    *,
    entry: ArrayLike | None = None,
    per: float = 1.0,
    confidence: float = 0.95,
) -> dict[Hashable, IncidenceRate]:
    """Return each group's rate, from each subject's follow-up and whether the event came."""
    seen = flags("observed", observed)
    spent = floats("duration", duration, len(seen))
    if entry is not None:
        spent = spent - floats("entry", entry, len(seen))
    if (spent < 0.0).any():
        raise DataRefused(
            "A follow-up is negative.", next="Check the index time of those subjects."
        )
    labels, codes = labelled("group", group, len(seen))
    events = np.bincount(codes, seen, minlength=len(labels))
    time = np.bincount(codes, spent, minlength=len(labels))
    return {
        label: incidence_rate(int(count), float(total), per=per, confidence=confidence)
        for label, count, total in zip(labels, events, time, strict=True)
    }


def rate_ratio(
    exposed: IncidenceRate, comparator: IncidenceRate, *, confidence: float = 0.95
) -> Estimate:
    """Return the ratio of two rates, with Wald's interval on the log scale."""
    if not exposed.events or not comparator.events:
        raise DataRefused("A group has no events: the ratio has no interval.")
    log = math.log(exposed.events / exposed.person_time)
    log -= math.log(comparator.events / comparator.person_time)
    error = math.sqrt(1.0 / exposed.events + 1.0 / comparator.events)
    return Estimate.exponentiated(log, error, confidence)


def rate_difference(
    exposed: IncidenceRate, comparator: IncidenceRate, *, confidence: float = 0.95
) -> Estimate:
    """Return the difference of two rates per the first's unit, with Wald's interval."""
    variance = sum(arm.events / arm.person_time**2 for arm in (exposed, comparator))
    gap = exposed.events / exposed.person_time - comparator.events / comparator.person_time
    margin = critical(confidence) * math.sqrt(variance)
    low, high = (gap - margin) * exposed.per, (gap + margin) * exposed.per
    return Estimate(gap * exposed.per, low, high, confidence)


def poisson_limits(events: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact limits of a Poisson mean, by chi-square quantiles (Garwood 1936)."""
    tail = (1.0 - confidence) / 2.0
    low = 0.5 * chi2_quantile(tail, 2 * events) if events else 0.0
    return low, 0.5 * chi2_quantile(1.0 - tail, 2 * events + 2)
