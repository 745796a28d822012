"""Survival without a model: Kaplan-Meier, log-rank, and cumulative incidence.

A subject is at risk at `t` when entry < t ≤ duration; at one time, events come before censoring.
Tied times are exact: nothing is moved apart, so two runs give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Flags, Floats, flags, floats, labelled, weights_of
from biolake.statistics.distributions import chi2_sf, critical
from biolake.statistics.intervals import Estimate

Band = Literal["log-log", "plain"]


@dataclass(frozen=True)
class StepCurve:
    """A right-continuous step function with its band, one row a distinct time.

    `estimate` is survival, or the cumulative incidence of one cause. Where it has reached 0 by
    the last subject's event the band is NaN: Greenwood's variance does not exist there.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    estimate: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    start: float
    confidence: float = 0.95
    last_time: float = field(default=np.inf)

    def at(self, times: ArrayLike) -> Floats:
        """Return the curve at each time; NaN beyond the last follow-up."""
        return self._read(self.estimate, times)

    def band_at(self, times: ArrayLike) -> tuple[Floats, Floats]:
        """Return the band's lower and upper limit at each time."""
        return self._read(self.low, times), self._read(self.high, times)

    def median(self) -> Estimate:
        """Return the first time survival is 1/2 or less, and its limits; infinite if not reached.

        The limits are where the band crosses 1/2 (Brookmeyer & Crowley, Biometrics 1982;38:29).
        """
        return Estimate(
            self._first_below(self.estimate, 0.5),
            self._first_below(self.low, 0.5),
            self._first_below(self.high, 0.5),
            self.confidence,
        )

    def _first_below(self, values: Floats, level: float) -> float:
        # A hair of tolerance: 1/2 reached by multiplication may end a rounding error above it.
        below = np.flatnonzero(values <= level * (1.0 + 1e-12))
        return float(self.time[below[0]]) if below.size else float("inf")

    def _read(self, values: Floats, times: ArrayLike) -> Floats:
        asked = np.asarray(times, dtype=np.float64)
        place = np.searchsorted(self.time, asked, side="right")
        found = np.concatenate([[self.start], values])[place]
        return np.where(asked > self.last_time, np.nan, found)


@dataclass(frozen=True)
class LogRank:
    """Whether groups differ in survival."""

    statistic: float
    degrees: int
    p: float
    groups: tuple[object, ...]
    observed: Floats
    expected: Floats


@dataclass(frozen=True)
class RiskTable:
    """At each distinct time: who was at risk, and who left, by what."""

    time: Floats
    at_risk: Floats
    leaving: Floats  # times × statuses, status 0 being censoring


def kaplan_meier(
    duration: ArrayLike,
    observed: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    confidence: float = 0.95,
    band: Band = "log-log",
) -> StepCurve:
    """Estimate survival by the product-limit method (Kaplan & Meier 1958).

    The variance is Greenwood's (1926); the band is log-log (Kalbfleisch & Prentice 2002) or
    plain. Left truncation by `entry`.
    """
    seen = flags("observed", observed)
    table = risk_table(duration, seen.astype(np.intp), 2, entry=entry, weights=weights)
    events, at_risk = table.leaving[:, 1], table.at_risk
    left = at_risk - events
    survival = np.asarray(np.cumprod(left / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_variance = np.cumsum(np.where(events > 0.0, events / (at_risk * left), 0.0))
        error = np.asarray(survival * np.sqrt(log_variance), dtype=np.float64)
        if band == "plain":
            low, high = _plain(survival, error, confidence)
        else:
            low, high = _log_log(survival, error, confidence)
    last = float(np.max(np.asarray(duration, dtype=np.float64)))
    return StepCurve(
        table.time, at_risk, events, table.leaving[:, 0], survival, error, low, high, 1.0,
        confidence, last,
    )  # fmt: skip


def cumulative_incidence(
    duration: ArrayLike,
    status: ArrayLike,
    *,
    cause: int = 1,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    confidence: float = 0.95,
) -> StepCurve:
    """Estimate one cause's cumulative incidence beside competing causes (Aalen & Johansen 1978).

    `status` is 0 for censored and 1, 2, … for the causes. The variance is by the delta method
    (Dinse & Larson, Biometrika 1986;73:379, eq. 6), the band
    log-log.
    """
    kinds = _statuses(status, cause)
    table = risk_table(duration, kinds, int(kinds.max()) + 1, entry=entry, weights=weights)
    n = table.at_risk
    all_events, events = table.leaving[:, 1:].sum(axis=1), table.leaving[:, cause]
    survival = np.cumprod((n - all_events) / n)
    before = np.concatenate([[1.0], survival[:-1]])
    incidence = np.cumsum(before * events / n)
    error = np.sqrt(_incidence_variance(incidence, before, n, all_events, events))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = _log_log(incidence, error, confidence)
    last = float(np.max(np.asarray(duration, dtype=np.float64)))
    return StepCurve(
        table.time, n, events, table.leaving[:, 0], incidence, error, low, high, 0.0,
        confidence, last,
    )  # fmt: skip


def number_at_risk(
    duration: ArrayLike, times: ArrayLike, *, entry: ArrayLike | None = None
) -> Floats:
    """Count who is at risk at each time: entry < t ≤ duration (everyone at 0 without `entry`)."""
    ends = np.sort(floats("duration", duration))
    asked = np.asarray(times, dtype=np.float64)
    staying = len(ends) - np.searchsorted(ends, asked, side="left")
    if entry is None:
        return staying.astype(np.float64)
    starts = np.sort(floats("entry", entry, len(ends)))
    outside = len(starts) - np.searchsorted(starts, asked, side="left")
    return (staying - outside).astype(np.float64)


def log_rank(
    duration: ArrayLike,
    observed: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> LogRank:
    """Test whether two or more groups share one hazard (Mantel 1966; Kalbfleisch & Prentice 2002).

    Within each stratum the tied-event (hypergeometric) variance is used, then summed.
    """
    seen = flags("observed", observed)
    time = floats("duration", duration, len(seen))
    start = None if entry is None else floats("entry", entry, len(seen))
    names, codes = labelled("group", group, len(seen))
    if len(names) < 2:
        raise WrongUse("A log-rank test needs at least two groups.")
    layer_names, layers = labelled("strata", strata, len(seen))
    observed_sum, expected_sum = np.zeros(len(names)), np.zeros(len(names))
    covariance = np.zeros((len(names), len(names)))
    for layer in range(len(layer_names)):
        inside = layers == layer
        begin = None if start is None else start[inside]
        o, e, v = _log_rank_sums(time[inside], seen[inside], codes[inside], len(names), begin)
        observed_sum, expected_sum, covariance = observed_sum + o, expected_sum + e, covariance + v
    excess = (observed_sum - expected_sum)[:-1]
    inverse = np.linalg.pinv(covariance[:-1, :-1], hermitian=True)
    statistic = float(excess @ inverse @ excess)
    degrees = len(names) - 1
    p = chi2_sf(statistic, degrees)
    return LogRank(statistic, degrees, p, tuple(names), observed_sum, expected_sum)


def risk_table(
    duration: ArrayLike,
    status: np.ndarray,
    statuses: int,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> RiskTable:
    """Count, at each distinct time with someone at risk, those at risk and those leaving."""
    time = floats("duration", duration, len(status))
    if not len(time):
        raise DataRefused("There are no subjects.")
    if (time < 0.0).any():
        raise DataRefused("A duration is negative.", next="Check the index time of those subjects.")
    w = weights_of(weights, len(time))
    distinct, place = np.unique(time, return_inverse=True)
    cells = np.bincount(place * statuses + status, w, minlength=len(distinct) * statuses)
    leaving = cells.reshape(len(distinct), statuses)
    at_risk = np.cumsum(leaving.sum(axis=1)[::-1])[::-1]
    if entry is not None:
        at_risk = at_risk - _not_yet_entered(floats("entry", entry, len(time)), time, w, distinct)
    # Weights of zero, or a gap before the first entry, leave times with no one at risk.
    present = at_risk > 1e-12 * w.max()
    return RiskTable(distinct[present], at_risk[present], leaving[present])


def _not_yet_entered(entry: Floats, time: Floats, weights: Floats, distinct: Floats) -> Floats:
    if (entry >= time).any():
        raise DataRefused("An entry time is not before its end of follow-up.")
    first = np.searchsorted(distinct, entry, side="right")  # the first time one is at risk at
    entering = np.bincount(first, weights, minlength=len(distinct) + 1)[: len(distinct)]
    return np.asarray(weights.sum() - np.cumsum(entering))


def _statuses(status: ArrayLike, cause: int) -> np.ndarray:
    given = np.asarray(status)
    kinds = given.astype(np.intp)
    if (kinds != given).any() or (kinds < 0).any():
        raise DataRefused("status must be 0 for censored and 1, 2, … for the causes.")
    if cause < 1 or not (kinds == cause).any():
        raise DataRefused(f"No subject had an event of cause {cause}.")
    return kinds


def _plain(estimate: Floats, error: Floats, confidence: float) -> tuple[Floats, Floats]:
    margin = critical(confidence) * error
    return np.clip(estimate - margin, 0.0, 1.0), np.clip(estimate + margin, 0.0, 1.0)


def _log_log(estimate: Floats, error: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return exp(−exp(log(−log p) ± z·se)); an estimate of exactly 0 or 1 before any event keeps
    its value, and one without a variance has no band."""
    z = critical(confidence)
    logs = np.log(estimate)
    # Only a hair below 1 may rounding leave an estimate above it.
    spread = np.exp(z * error / (estimate * np.abs(logs)))
    low, high = np.exp(logs * spread), np.exp(logs / spread)
    exact = (error == 0.0) & ((estimate == 0.0) | (estimate >= 1.0))
    return np.where(exact, estimate, low), np.where(exact, estimate, high)


def _incidence_variance(
    incidence: Floats, before: Floats, n: Floats, all_events: Floats, events: Floats
) -> Floats:
    """Sum the three terms of Dinse & Larson's eq. 6 by prefix sums."""
    left = n - all_events
    safe = np.where(left > 0.0, left, 1.0)
    # Once no one is left the curve is flat, so that time's term is 0 × ∞: it adds nothing.
    a = np.where(left > 0.0, all_events / (n * safe), 0.0)
    b = before * events / n**2
    quadratic = (
        incidence**2 * np.cumsum(a)
        - 2.0 * incidence * np.cumsum(a * incidence)
        + np.cumsum(a * incidence**2)
    )
    own = np.cumsum(before**2 * events * (n - events) / n**3)
    cross = incidence * np.cumsum(b) - np.cumsum(b * incidence)
    variance = quadratic + own - 2.0 * cross
    # What cancels to rounding error is no variance: all are known to have had the event.
    return np.asarray(np.where(variance > 1e-14, variance, 0.0))


def _log_rank_sums(
    time: Floats, seen: Flags, codes: np.ndarray, groups: int, entry: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """Return observed and expected events of each group, and the covariance of their excess."""
    moments = np.unique(time[seen])
    at_risk = np.empty((len(moments), groups))
    events = np.empty((len(moments), groups))
    for code in range(groups):
        mine = codes == code
        begin = None if entry is None else entry[mine]
        at_risk[:, code] = number_at_risk(time[mine], moments, entry=begin)
        place = np.searchsorted(moments, time[mine & seen])
        events[:, code] = np.bincount(place, minlength=len(moments))
    total, deaths = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / total[:, None]
    spread = deaths * (total - deaths) / np.maximum(total - 1.0, 1.0)
    covariance = np.diag(spread @ share) - share.T @ (spread[:, None] * share)
    return events.sum(axis=0), deaths @ share, covariance
