"""Evaluate frozen models on held-out or external samples: overall, by subgroup and by site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import BiolakeError
from biolake.statistics.columns import Floats
from biolake.statistics.conformal import calibrate_conformal, coverage
from biolake.studies import metrics, survival_metrics
from biolake.studies.metrics import Judged
from biolake.studies.survival_metrics import JudgedTimes

ALPHA = 0.1
CURVES = ("roc", "pr", "calibration_curve", "net_benefit")


@dataclass(frozen=True)
class Asked:
    """How an evaluation is made: its seed, the smallest count shown, and the groups reported."""

    seed: int
    minimum_cell: int
    groups: Mapping[str, np.ndarray]


def evaluate(judged: Judged | JudgedTimes, asked: Asked) -> dict[str, Any]:
    """Return the figures, curves and subgroups of one model on some samples.

    With one outcome only there are no figures, and the result says so.
    """
    said: dict[str, Any] = {"n": len(judged.risk), "events": judged.events}
    if judged.one_class:
        which = "no sample" if judged.events == 0 else "every sample"
        said["note"] = f"{which} has the outcome: nothing can be told apart"
        return said
    if isinstance(judged, Judged):
        said |= metrics.headline(judged, asked.seed) | metrics.curves(judged)
    else:
        said |= survival_metrics.headline(judged, asked.seed) | survival_metrics.curves(judged)
    said["subgroups"] = [
        row for name, labels in asked.groups.items() for row in _levels(judged, name, labels, asked)
    ]
    return said


def conformal(tuning: Judged, held_out: Judged) -> dict[str, Any] | None:
    """Return the coverage of sets learned on tuning; None where tuning is too small to promise."""
    if held_out.one_class:
        return None
    try:
        learned = calibrate_conformal(tuning.outcome, tuning.risk, level=1.0 - ALPHA)
    except BiolakeError:
        return None
    found = coverage(held_out.outcome, learned.sets(held_out.risk))
    sizes = {"one": found.single, "both": found.both, "none": found.neither}
    by_class = {
        "with_outcome": metrics.interval(found.among_events),
        "without_outcome": metrics.interval(found.among_others),
    }
    return {
        "alpha": ALPHA,
        "coverage": metrics.interval(found.overall),
        "coverage_by_class": by_class,
        "set_sizes": sizes,
    }


def _levels(
    judged: Judged | JudgedTimes, name: str, labels: np.ndarray, asked: Asked
) -> list[dict[str, Any]]:
    return [
        _level(judged.take(np.flatnonzero(labels == level)), name, str(level), asked)
        for level in sorted(set(labels.tolist()))
    ]


def _level(mine: Judged | JudgedTimes, variable: str, level: str, asked: Asked) -> dict[str, Any]:
    """Return a subgroup's figures, or that it is too small to show any."""
    n, events = len(mine.risk), mine.events
    row: dict[str, Any] = {"variable": variable, "level": level}
    if min(events, n - events) < asked.minimum_cell:
        shown = {"n": n if n >= asked.minimum_cell else None, "events": None}
        return row | shown | {"suppressed": True}
    if isinstance(mine, Judged):
        found, auroc = metrics.levels(mine, asked.seed), metrics.auroc_of(mine, asked.seed)
    else:
        found = survival_metrics.levels(mine, asked.seed)
        auroc = survival_metrics.auroc_of(mine, asked.seed)
    figures = {"auroc": auroc, "o_e": found["o_e"], "slope": found["calibration_slope"]}
    return row | {"n": n, "events": events, "suppressed": False} | figures


def known(outcome: Floats) -> np.ndarray:
    """Return the rows whose outcome is known."""
    return np.flatnonzero(~np.isnan(outcome))
