"""Survival without a model: Kaplan-Meier, or cumulative incidence beside competing events."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa

from biolake.analyses._registration import analysis
from biolake.analyses._variables import follow_up, grouping
from biolake.core.context import Context
from biolake.core.errors import DataRefused
from biolake.core.params import Param
from biolake.core.result import Result, estimates
from biolake.statistics.kaplan_meier import (
    StepCurve,
    cumulative_incidence,
    log_rank,
    number_at_risk,
)
from biolake.statistics.kaplan_meier import kaplan_meier as estimate

MOST_POINTS, TICKS = 200, 6


@analysis(title="Survival curves (Kaplan-Meier, cumulative incidence)")
def kaplan_meier(
    ctx: Context,
    by: Annotated[str, Param("Group by a subgroup variable; empty for none")] = "",
) -> Result:
    """Estimate the chance of being free of the event, with Greenwood's band (log-log).

    With competing events the curve is 1 − the event's cumulative incidence (Aalen & Johansen
    1978): treating them as censoring would claim a world without them.
    """
    samples = ctx.samples("train", "tuning", "held_out")
    duration, observed = follow_up(samples)
    group = grouping(samples, by)
    curves: dict[str, pa.Table] = {}
    rows, notes = [], []
    for label in ["all"] if group is None else sorted(set(group.tolist())):
        mine = np.ones(len(duration), dtype=bool) if group is None else group == label
        curve = _curve(duration[mine], observed[mine])
        if curve is None:
            notes.append(f"group '{label}' had no event: its curve stays at 1")
            curve = estimate(duration[mine], observed[mine] == 1)
        curves[str(label)] = _points(curve, duration[mine])
        curves[f"{label} at risk"] = _at_risk(duration[mine], float(duration.max()))
        rows.append(_median(str(label), curve))
    if group is not None:
        rows += _test(duration, observed, group, notes)
    return Result("Survival", estimates(rows), curves, notes=notes)


def _curve(duration: np.ndarray, observed: np.ndarray) -> StepCurve | None:
    if not (observed == 1).any():
        return None
    if (observed > 1).any():
        return cumulative_incidence(duration, observed)
    return estimate(duration, observed == 1)


def _points(curve: StepCurve, duration: np.ndarray) -> pa.Table:
    """Read a curve at evenly spaced times: a published step must not be one person's day."""
    last = float(duration.max())
    times = np.linspace(0.0, last, MOST_POINTS + 1)
    value, (low, high) = curve.at(times), curve.band_at(times)
    if curve.start == 0.0:  # a cumulative incidence: turn it upside down
        value, low, high = 1.0 - value, 1.0 - high, 1.0 - low
    return pa.table({"time": times, "survival": value, "low": low, "high": high})


def _at_risk(duration: np.ndarray, last: float) -> pa.Table:
    times = np.linspace(0.0, last, TICKS)
    return pa.table({"time": times, "n": number_at_risk(duration, times)})


def _median(
    label: str, curve: StepCurve
) -> tuple[str, str | None, float | None, float | None, float | None, str | None]:
    if curve.start == 0.0:
        return "median", label, None, None, None, "days"
    found = curve.median()
    value, low, high = (v if np.isfinite(v) else None for v in (found.value, found.low, found.high))
    return "median", label, value, low, high, "days"


def _test(
    duration: np.ndarray, observed: np.ndarray, group: np.ndarray, notes: list[str]
) -> list[tuple[str, str | None, float | None, float | None, float | None, str | None]]:
    try:
        found = log_rank(duration, observed == 1, group)
    except DataRefused as refused:
        notes.append(f"no log-rank test: {refused.message}")
        return []
    if (observed > 1).any():
        notes.append("the log-rank test compares cause-specific hazards")
    return [("logrank_p", None, found.p, None, None, None)]
