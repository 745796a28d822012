"""Say how good a model of labels is: discrimination, calibration, coverage, by group and site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from biolake.core.errors import BiolakeError
from biolake.statistics.calibration import brier, calibration
from biolake.statistics.columns import Flags, Floats, Indices
from biolake.statistics.conformal import coverage
from biolake.statistics.discrimination import auprc, auroc, delong
from biolake.statistics.intervals import Estimate, Resampling, bootstrap_weights, percentile

LEAST_SHOWN = 10  # rows with a label, and without, before a figure of a group is shown


@dataclass(frozen=True)
class LabelFigures:
    """One label's figures on rows the model did not see; None where they cannot be had."""

    name: str
    rows: int
    positive: int
    auroc: Estimate | None
    auprc: float | None
    brier: float
    calibration_intercept: Estimate | None
    calibration_slope: Estimate | None
    covered_events: Estimate | None
    covered_others: Estimate | None
    undecided: float | None  # share of conformal sets that hold both answers


@dataclass(frozen=True)
class GroupFigures:
    """One label in one group (a site, an age band); AUROC only where there are enough rows."""

    variable: str
    group: str
    label: str
    rows: int | None  # None: too few to be shown
    positive: int | None
    auroc: Estimate | None
    observed: float | None  # share with the label
    predicted: float | None  # mean probability


def label_figures(
    names: Sequence[str], labels: Flags, risk: Floats, groups: Indices, sets: Flags | None = None
) -> tuple[LabelFigures, ...]:
    """Judge each label; `groups` are subjects, resampled whole where some have several rows."""
    return tuple(
        _one(name, labels[:, k], risk[:, k], groups, None if sets is None else sets[:, k])
        for k, name in enumerate(names)
    )


def macro_auroc(labels: Flags, risk: Floats, groups: Indices, *, replicates: int = 500) -> Estimate:
    """Return the mean AUROC over labels, with a bootstrap interval over subjects."""
    value = float(np.mean([auroc(y, p) for y, p in zip(labels.T, risk.T, strict=True)]))
    plan = Resampling(replicates, seed=1, clusters=groups)
    draws = [
        _macro(labels, risk, weights)
        for block in bootstrap_weights(len(labels), plan)
        for weights in block
    ]
    return percentile(value, np.asarray(draws))


def group_figures(
    names: Sequence[str],
    labels: Flags,
    risk: Floats,
    groups: Indices,
    by: Mapping[str, np.ndarray],
) -> tuple[GroupFigures, ...]:
    """Judge each label in each group of each variable (`by`: variable → a text a row)."""
    found = []
    for variable, values in by.items():
        for value in sorted({str(v) for v in values}):
            mine = np.array([str(v) == value for v in values])
            for k, name in enumerate(names):
                found.append(
                    _group(variable, value, name, labels[mine, k], risk[mine, k], groups[mine])
                )
    return tuple(found)


def as_json(found: Any) -> Any:
    """Return figures as JSON values; what is not a number becomes null."""
    if hasattr(found, "__dataclass_fields__"):
        return as_json(asdict(found))
    if isinstance(found, Mapping):
        return {str(key): as_json(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [as_json(value) for value in found]
    if isinstance(found, float | np.floating):
        return float(found) if np.isfinite(found) else None
    return found


def area_interval(outcome: Flags, risk: Floats, groups: Indices) -> Estimate | None:
    """Return AUROC by DeLong, or by bootstrap over subjects where they have several rows."""
    positive = int(outcome.sum())
    if min(positive, len(outcome) - positive) < 2:
        return None
    if len(np.unique(groups)) == len(groups):
        return delong(outcome, risk)
    plan = Resampling(500, seed=1, clusters=groups)
    column, score = outcome[:, None], risk[:, None]
    draws = [
        _macro(column, score, weights)
        for block in bootstrap_weights(len(outcome), plan)
        for weights in block
    ]
    try:
        return percentile(auroc(outcome, risk), np.asarray(draws))
    except BiolakeError:
        return None


def _macro(labels: Flags, risk: Floats, weights: Floats) -> float:
    areas = []
    for y, p in zip(labels.T, risk.T, strict=True):
        drawn = weights[y].sum(), weights[~y].sum()
        areas.append(auroc(y, p, weights=weights) if min(drawn) > 0 else np.nan)
    return float(np.mean(areas))


def _one(
    name: str, outcome: Flags, risk: Floats, groups: Indices, sets: Flags | None
) -> LabelFigures:
    positive = int(outcome.sum())
    both = 0 < positive < len(outcome)
    levels = _calibration(outcome, risk)
    held = coverage(outcome, sets) if sets is not None else None
    return LabelFigures(
        name,
        len(outcome),
        positive,
        area_interval(outcome, risk, groups) if both else None,
        auprc(outcome, risk) if both else None,
        brier(outcome, risk),
        levels[0],
        levels[1],
        held.among_events if held else None,
        held.among_others if held else None,
        held.both if held else None,
    )


def _calibration(outcome: Flags, risk: Floats) -> tuple[Estimate | None, Estimate | None]:
    try:
        found = calibration(outcome, risk)
    except BiolakeError:
        return None, None
    return found.intercept, found.slope


def _group(
    variable: str, value: str, name: str, outcome: Flags, risk: Floats, groups: Indices
) -> GroupFigures:
    rows, positive = len(outcome), int(outcome.sum())
    if rows < LEAST_SHOWN:
        return GroupFigures(variable, value, name, None, None, None, None, None)
    if min(positive, rows - positive) < LEAST_SHOWN:
        return GroupFigures(variable, value, name, rows, None, None, None, float(risk.mean()))
    area = area_interval(outcome, risk, groups)
    return GroupFigures(
        variable, value, name, rows, positive, area, float(outcome.mean()), float(risk.mean())
    )
