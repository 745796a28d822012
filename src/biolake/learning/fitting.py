"""Fit one model: tune, fit on train, recalibrate on tuning, weigh what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.forest import Forest, fit_forest
from biolake.learning.hazards import (
    DiscreteSurvival,
    FollowUp,
    Hazard,
    edges_of,
    fit_linear_hazard,
    fit_tree_hazard,
    has_competing,
)
from biolake.learning.linear import fit_linear
from biolake.learning.models import Kind, Learner, Model, rank
from biolake.learning.recalibration import Recalibration, learn_recalibration
from biolake.learning.trees import mean_absolute
from biolake.learning.tuning import Trial, best, folds
from biolake.statistics.columns import Floats

_EXPLAINED = 5000  # training rows whose attributions are averaged


@dataclass(frozen=True)
class Part:
    """The rows of one split: values, whose they are, and what became of them."""

    values: Floats
    subjects: np.ndarray
    outcome: Floats
    follow_up: FollowUp | None = None


@dataclass(frozen=True)
class Setting:
    """What a fit may use and what it must repeat."""

    seed: int
    threads: int = 1
    recalibrate: bool = True


@dataclass(frozen=True)
class Fitted:
    """A model, the candidates it was chosen from, and where they were judged."""

    model: Model
    trials: tuple[Trial, ...]
    judged_on: str


def fit_model(
    kind: Kind, name: str, columns: Sequence[str], train: Part, tuning: Part, setting: Setting
) -> Fitted:
    """Fit a model of a yes/no outcome."""
    fitted, judged = (train.values, train.outcome), (tuning.values, tuning.outcome)
    parts, judged_on = folds(fitted, judged, train.subjects, setting.seed)
    learner: Learner
    if kind == "elastic_net":
        learner, trials = fit_linear(columns, fitted, parts)
    else:
        learner, trials = fit_forest(fitted, parts, seed=setting.seed, threads=setting.threads)
    recalibration = Recalibration()
    if setting.recalibrate and len(tuning.outcome):
        raw = learner.predict(tuning.values, setting.threads)
        recalibration = learn_recalibration(raw, tuning.outcome)
    model = Model(
        name,
        kind,
        tuple(columns),
        learner,
        recalibration,
        hyperparameters=dict(best(trials).setting),
        importance=_importance(learner, columns, train.values, setting.threads),
    )
    return Fitted(model, tuple(trials), judged_on)


def fit_survival(
    kind: Kind,
    name: str,
    columns: Sequence[str],
    train: Part,
    tuning: Part,
    horizons: Sequence[float],
    setting: Setting,
) -> Fitted:
    """Fit a discrete-time model of time to event; its risks are by the longest horizon."""
    if train.follow_up is None or tuning.follow_up is None:
        raise DataRefused("a survival model needs an outcome with durations")
    if not (tuning.follow_up.observed == 1).any():
        raise DataRefused(
            "no tuning sample has the event: the penalty of a survival model cannot be chosen",
            next="Give tuning a larger share of the subjects.",
        )
    edges = edges_of(train.follow_up, horizons)
    hazards: list[Hazard] = []
    trials: list[Trial] = []
    causes = (1, 2) if has_competing(train.follow_up) else (1,)
    for cause in causes:
        hazard, tried = _fit_hazard(kind, columns, train, tuning, edges, cause, setting)
        hazards.append(hazard)
        trials += tried if cause == 1 else []
    learner = DiscreteSurvival(edges, hazards[0], hazards[1] if len(hazards) > 1 else None)
    model = Model(
        name,
        kind,
        tuple(columns),
        learner,
        horizon=float(max(horizons)),
        hyperparameters=dict(best(trials).setting),
    )
    return Fitted(model, tuple(trials), "tuning split")


def _fit_hazard(
    kind: Kind,
    columns: Sequence[str],
    train: Part,
    tuning: Part,
    edges: Floats,
    cause: int,
    setting: Setting,
) -> tuple[Hazard, list[Trial]]:
    assert train.follow_up is not None  # noqa: S101 - checked by the caller
    assert tuning.follow_up is not None  # noqa: S101
    fitted, judged = (train.values, train.follow_up), (tuning.values, tuning.follow_up)
    if kind == "elastic_net":
        return fit_linear_hazard(columns, fitted, judged, edges, cause)
    return fit_tree_hazard(fitted, judged, edges, cause, seed=setting.seed, threads=setting.threads)


def _importance(
    learner: Learner, columns: Sequence[str], values: Floats, threads: int
) -> tuple[tuple[str, float], ...]:
    """Return each column's mean |SHAP| over training rows; a linear model has slopes instead."""
    if not isinstance(learner, Forest):
        return ()
    return rank(columns, mean_absolute(learner.trees.attributions(values[:_EXPLAINED], threads)))
