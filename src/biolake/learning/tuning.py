"""On which rows hyperparameters are judged: the tuning split, or folds of train if it is small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biolake.core.errors import DataRefused
from biolake.statistics.columns import Floats

LEAST_EVENTS = 20  # on tuning, and as many without, before it may choose alone
FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Rows a candidate is fitted on, and rows it is judged on; no subject is in both."""

    fitted: tuple[Floats, Floats]
    judged: tuple[Floats, Floats]


@dataclass(frozen=True)
class Trial:
    """One candidate and its log-loss on the judged rows."""

    setting: Mapping[str, float]
    loss: float


def best(trials: Sequence[Trial]) -> Trial:
    """Return the trial of least loss; of equal ones (to 1e-9) the first, which is the stiffest."""
    least = min(trial.loss for trial in trials)
    return next(trial for trial in trials if trial.loss <= least + 1e-9)


def log_loss(outcome: Floats, risk: Floats) -> float:
    """Return the mean negative log-likelihood; risks are kept off 0 and 1 by 1e-15."""
    safe = np.clip(risk, 1e-15, 1.0 - 1e-15)
    return float(-(outcome * np.log(safe) + (1.0 - outcome) * np.log1p(-safe)).mean())


def folds(
    train: tuple[Floats, Floats],
    tuning: tuple[Floats, Floats],
    subjects: np.ndarray,
    seed: int,
) -> tuple[list[Fold], str]:
    """Return the folds and how they were made.

    `subjects` are those of the training rows. Raises DataRefused when train has one outcome only.
    """
    refuse_one_class(train[1])
    events = int(tuning[1].sum())
    if min(events, len(tuning[1]) - events) >= LEAST_EVENTS:
        return [Fold(train, tuning)], "tuning split"
    return cross_folds(train, subjects, seed), f"{FOLDS}-fold cross-validation in train"


def cross_folds(train: tuple[Floats, Floats], subjects: np.ndarray, seed: int) -> list[Fold]:
    """Deal subjects to folds so that each fold gets its share of those with the event."""
    place = fold_numbers(train[1], subjects, seed)
    found = []
    for number in range(FOLDS):
        out = place == number
        if out.any() and 0.0 < float(train[1][~out].mean()) < 1.0:
            found.append(Fold((train[0][~out], train[1][~out]), (train[0][out], train[1][out])))
    if not found:
        raise DataRefused("too few training samples with the outcome to tune a model on")
    return found


def fold_numbers(outcome: Floats, subjects: np.ndarray, seed: int) -> np.ndarray:
    """Return each row's fold: subjects stay whole, and those with the event are spread evenly."""
    ids, place = np.unique(subjects, return_inverse=True)
    had = np.zeros(len(ids))
    np.maximum.at(had, place, outcome)
    drawn = np.random.default_rng(seed).permutation(len(ids))
    order = drawn[np.argsort(-had[drawn], kind="stable")]
    fold = np.empty(len(ids), dtype=np.intp)
    fold[order] = np.arange(len(ids)) % FOLDS
    return np.asarray(fold[place])


def refuse_one_class(outcome: Floats) -> None:
    if len(outcome) == 0:
        raise DataRefused("no sample is in the training split")
    if outcome.min() == outcome.max():
        which = "has" if outcome[0] else "does not have"
        raise DataRefused(
            f"every training sample {which} the outcome: there is nothing to learn",
            next="Check the label's window, or widen the population.",
        )
