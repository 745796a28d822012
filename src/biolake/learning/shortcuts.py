"""The shortcut audit: how far the labels can be told from facts of the files alone.

Size, aspect, bit depth, manufacturer, site, year, rate and number of files say nothing of disease.
Where they tell the label, a model may have learned them instead (DeGrave et al., Nat Mach Intell
2021;3:610), and its figures from the same sources cannot be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from biolake.core.errors import SetupMissing
from biolake.learning.judging import area_interval
from biolake.learning.ridge import fit_ridge
from biolake.learning.trees import grow
from biolake.statistics.columns import Flags, Floats, Indices
from biolake.statistics.intervals import Estimate

TELLING, NEAR = 0.6, 0.1  # AUROC of the facts, and its distance from the model's
_BINS, _LEAST_ROWS = 8, 5
_TREES = {"num_leaves": 6, "min_data_in_leaf": 5}
_ROUNDS = 60

# A fact a row: numbers (NaN where unknown) or texts.
FileFacts = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Shortcut:
    """One label: what the facts alone reach, beside the model on the same rows."""

    label: str
    facts: tuple[str, ...]
    by_facts: Estimate | None
    by_model: Estimate | None
    learner: str
    strongest: str  # the one fact that alone reaches most
    strongest_alone: float | None
    warning: str  # empty where there is none


def audit_shortcuts(
    names: Sequence[str],
    labels: Flags,
    risk: Floats,
    facts: FileFacts,
    fold: Indices,
    groups: Indices,
    *,
    seed: int = 0,
) -> tuple[Shortcut, ...]:
    """Predict each label from the facts on the model's own folds, and compare.

    `risk` are the model's left-out probabilities (rows × labels). Two learners are tried, binned
    facts with ridge and, where LightGBM is installed, small trees; the better one counts, so that
    the audit errs on the side of warning.
    """
    told = {name: values for name, values in facts.items() if len({*map(str, values)}) > 1}
    if not told:
        return tuple(_without_facts(name) for name in names)
    answers = _by_learner(told, labels, fold, groups, seed)
    return tuple(
        _one(name, k, labels, risk, answers, told, fold, groups, seed)
        for k, name in enumerate(names)
    )


def warn(label: str, facts: Estimate | None, model: Estimate | None) -> str:
    """Return what to say when facts alone come near the model, or nothing."""
    if facts is None or model is None or facts.value <= TELLING:
        return ""
    if facts.value >= model.value:
        said = "as well as the model or better"
    elif model.value - facts.value <= NEAR:
        said = "nearly as well as the model"
    elif facts.high >= model.low:
        said = "perhaps as well as the model: with so few rows their intervals meet"
    else:
        return ""
    return (
        f"Facts of the files alone tell '{label}' {said} (AUROC {facts.value:.2f} against"
        f" {model.value:.2f}). The model may have learned where the data come from. Judge it on"
        " another source before it is believed."
    )


def binned(facts: FileFacts) -> tuple[Floats, tuple[str, ...]]:
    """Return facts as columns of 0 and 1, and the fact each column belongs to.

    Numbers are cut at their eighths, texts with fewer than five rows are joined; what is unknown
    is a column of its own, for a missing fact tells a source too.
    """
    columns: list[Floats] = []
    of: list[str] = []
    for name, values in facts.items():
        for column in _columns(np.asarray(values)):
            columns.append(column)
            of.append(name)
    if not columns:
        return np.zeros((0, 0)), ()
    return np.column_stack(columns), tuple(of)


def _columns(values: np.ndarray) -> list[Floats]:
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        known = np.isfinite(numbers)
        if not known.any():
            return []
        cuts = np.unique(np.quantile(numbers[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
        place = np.where(known, np.searchsorted(cuts, numbers, side="right"), -1)
    else:
        place = np.unique([str(v) for v in values], return_inverse=True)[1]
    counts = {code: int((place == code).sum()) for code in np.unique(place)}
    common = [code for code, count in counts.items() if count >= _LEAST_ROWS]
    found = [(place == code).astype(np.float64) for code in common]
    return [column for column in found if 0.0 < column.mean() < 1.0]


def _by_learner(
    facts: FileFacts, labels: Flags, fold: Indices, groups: Indices, seed: int
) -> dict[str, Floats]:
    table, _ = binned(facts)
    if not table.size:
        return {}
    answers = {"binned facts, ridge": _ridge(table, labels, fold, groups, seed)}
    with suppress(SetupMissing):
        answers["small trees"] = _trees(facts, table, labels, fold, seed)
    return answers


def _ridge(table: Floats, labels: Flags, fold: Indices, groups: Indices, seed: int) -> Floats:
    found = np.full(labels.shape, 0.0)
    for number in np.unique(fold):
        judged = fold == number
        usable = [k for k in range(labels.shape[1]) if _both(labels[~judged, k])]
        if not usable or len(np.unique(groups[~judged])) < _LEAST_ROWS:
            continue
        fitted = fit_ridge(table[~judged], labels[~judged][:, usable], groups[~judged], seed=seed)
        found[np.ix_(judged, usable)] = fitted.log_odds(table[judged])
    return found


def _trees(facts: FileFacts, table: Floats, labels: Flags, fold: Indices, seed: int) -> Floats:
    numbers = [np.asarray(v, dtype=np.float64) for v in facts.values() if v.dtype.kind in "biuf"]
    values = np.column_stack([*numbers, table])
    found = np.zeros(labels.shape)
    for number in np.unique(fold):
        judged = fold == number
        for k in range(labels.shape[1]):
            outcome = labels[~judged, k].astype(np.float64)
            if not _both(labels[~judged, k]):
                continue
            train = (values[~judged], outcome)
            grown = grow(train, None, _TREES, seed=seed, threads=1, rounds=_ROUNDS)
            found[judged, k] = grown.trees.predict(values[judged])
    return found


def _both(outcome: Flags) -> bool:
    return 2 <= int(outcome.sum()) <= len(outcome) - 2


def _one(
    name: str,
    k: int,
    labels: Flags,
    risk: Floats,
    answers: Mapping[str, Floats],
    facts: FileFacts,
    fold: Indices,
    groups: Indices,
    seed: int,
) -> Shortcut:
    outcome = labels[:, k]
    model = area_interval(outcome, risk[:, k], groups)
    reached = {
        learner: area
        for learner, found in answers.items()
        if (area := area_interval(outcome, found[:, k], groups)) is not None
    }
    if not reached:
        return Shortcut(name, tuple(facts), None, model, "", "", None, "")
    learner = max(reached, key=lambda one: reached[one].value)
    strongest, alone = _strongest(outcome, facts, fold, groups, seed)
    found = reached[learner]
    return Shortcut(
        name, tuple(facts), found, model, learner, strongest, alone, warn(name, found, model)
    )


def _strongest(
    outcome: Flags, facts: FileFacts, fold: Indices, groups: Indices, seed: int
) -> tuple[str, float | None]:
    """Return the fact that alone reaches the largest AUROC, on the same folds."""
    best, reached = "", None
    for name, values in facts.items():
        table, _ = binned({name: values})
        if not table.size:
            continue
        answer = _ridge(table, outcome[:, None], fold, groups, seed)[:, 0]
        area = area_interval(outcome, answer, groups)
        if area is not None and (reached is None or area.value > reached):
            best, reached = name, area.value
    return best, reached


def _without_facts(name: str) -> Shortcut:
    return Shortcut(name, (), None, None, "", "", None, "")
