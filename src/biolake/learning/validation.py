"""Cross-validate a method by subject, and judge it on rows it did not see.

Probabilities and conformal sets of a fold are learned from the other folds' left-out rows, so
what is reported of a fold was never fitted to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.methods.contract import Examples, Fitted, Method, Training
from biolake.learning.platt import Platt, fit_platt
from biolake.statistics.columns import Flags, Floats, Indices
from biolake.statistics.conformal import calibrate_conformal
from biolake.statistics.logistic import expit


@dataclass(frozen=True)
class LeftOut:
    """Each row's answers from the model that did not see it."""

    fold: Indices
    log_odds: Floats  # rows × labels, as the method gave them
    risk: Floats  # after the curve learned from the other folds
    sets: Flags  # rows × labels × (no, yes); all true where nothing can be promised
    level: float


def rows_of(examples: Examples, rows: np.ndarray) -> Examples:
    """Return some of the examples."""
    if isinstance(examples, np.ndarray):
        return np.asarray(examples[rows])
    return [examples[row] for row in rows]


def cross_validate(
    method: Method,
    examples: Examples,
    training: Training,
    fold: Indices,
    *,
    level: float = 0.9,
    progress: Callable[[str], None] = lambda _said: None,
) -> LeftOut:
    """Fit on all folds but one, in turn. Raises DataRefused where a subject is in two folds."""
    refuse_split_subjects(training.groups, fold)
    found = np.full(training.labels.shape, np.nan)
    numbers = np.unique(fold)
    for turn, number in enumerate(numbers, 1):
        progress(f"fold {turn} of {len(numbers)}")
        seen, judged = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        fitted = fit_on(method, examples, training, seen)
        found[judged] = fitted.log_odds(rows_of(examples, judged))
    risk = cross_fitted_risk(found, training.labels, fold)
    return LeftOut(fold, found, risk, cross_fitted_sets(risk, training.labels, fold, level), level)


def fit_on(method: Method, examples: Examples, training: Training, rows: np.ndarray) -> Fitted:
    """Fit a method on some of the rows."""
    part = replace(training, labels=training.labels[rows], groups=training.groups[rows])
    return method.fit(rows_of(examples, rows), part)


def curves_of(log_odds: Floats, labels: Flags) -> tuple[Platt, ...]:
    """Learn each label's curve from left-out answers."""
    return tuple(fit_platt(x, y) for x, y in zip(log_odds.T, labels.T, strict=True))


def cross_fitted_risk(log_odds: Floats, labels: Flags, fold: Indices) -> Floats:
    """Return each fold's probabilities by curves learned from the other folds."""
    risk = np.empty_like(log_odds)
    for number in np.unique(fold):
        mine = fold == number
        for k, curve in enumerate(curves_of(log_odds[~mine], labels[~mine])):
            risk[mine, k] = expit(curve.log_odds(log_odds[mine, k]))
    return risk


def cross_fitted_sets(risk: Floats, labels: Flags, fold: Indices, level: float) -> Flags:
    """Return conformal sets (rows × labels × 2) by limits learned from the other folds."""
    sets = np.ones((*risk.shape, 2), dtype=np.bool_)
    for number in np.unique(fold):
        mine = fold == number
        for k in range(risk.shape[1]):
            try:
                learned = calibrate_conformal(labels[~mine, k], risk[~mine, k], level=level)
            except DataRefused:  # too few of one class: the set that says nothing stays
                continue
            sets[mine, k] = learned.sets(risk[mine, k])
    return sets


def refuse_split_subjects(groups: Indices, fold: Indices) -> None:
    """Refuse folds that share a subject."""
    pairs = np.unique(np.column_stack([groups, fold]), axis=0)
    split = len(pairs) - len(np.unique(groups))
    if split:
        raise DataRefused(
            f"{split} subjects are in more than one fold",
            next="Split by subject: give every asset of a subject the same fold.",
        )


def stratified_folds(labels: Flags, groups: Indices, folds: int, seed: int) -> Indices:
    """Give every subject a fold so that each label is spread over the folds; rare labels first."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        raise DataRefused(f"{folds} folds need {folds} subjects, and there are {len(names)}")
    has = np.zeros((len(names), labels.shape[1]))
    np.maximum.at(has, codes, labels)
    rarity = np.argsort(has.sum(axis=0))
    order = np.random.default_rng(seed).permutation(len(names))
    # Subjects sorted by their rarest label are dealt out in turn.
    key: Sequence[np.ndarray] = [-has[order][:, label] for label in rarity[::-1]]
    dealt = order[np.lexsort(key)]
    fold = np.empty(len(names), dtype=np.intp)
    fold[dealt] = np.arange(len(names)) % folds
    return np.asarray(fold[codes], dtype=np.intp)
