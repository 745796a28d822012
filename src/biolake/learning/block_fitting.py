"""One ridge-Cox model a block of columns (a modality), and blocks together: early and late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.fitting import Fitted, Part, Setting
from biolake.learning.models import Model
from biolake.learning.preprocessing import Preprocessing, learn_preprocessing
from biolake.learning.ridge_cox import (
    Chosen,
    RidgeCox,
    Rows,
    baseline,
    choose,
    fuse,
    narrowed,
    training_rows,
)
from biolake.learning.tuning import FOLDS
from biolake.statistics.columns import Floats, Indices

Fusion = Literal["late", "early"]
NAME = "ridge_cox"
_JUDGED = f"{FOLDS}-fold cross-validation in train and tuning"


@dataclass(frozen=True)
class _Fit:
    """What every model of one fit shares."""

    columns: tuple[str, ...]
    steps: Preprocessing
    rows: Rows
    horizons: tuple[float, ...]

    def model(
        self, name: str, slopes: Floats, outputs: Indices, said: Mapping[str, float | str]
    ) -> Model:
        """Freeze slopes; only the steps of the columns used are kept."""
        learner = RidgeCox(
            narrowed(self.steps, outputs),
            slopes[outputs],
            np.array(self.horizons),
            baseline(self.rows, slopes, self.horizons),
        )
        longest = max(self.horizons)
        return Model(
            name, "ridge_cox", self.columns, learner, horizon=longest, hyperparameters=dict(said)
        )


def fit_blocks(
    columns: Sequence[str],
    part: Part,
    blocks: Mapping[str, Sequence[int]],
    horizons: Sequence[float],
    fusions: Sequence[Fusion],
    setting: Setting,
) -> list[Fitted]:
    """Fit the blocks together in the ways asked for, then each alone; one block is one model.

    Late fusion weighs the blocks' left-out linear predictors by a Cox model without negative
    weights; early fusion is one model of all columns, each block given equal room.
    """
    if part.follow_up is None:
        raise DataRefused("a survival model needs an outcome with durations")
    steps = learn_preprocessing(columns, part.values)
    rows = training_rows(steps.apply(part.values), part.follow_up, part.subjects, setting.seed)
    outputs = _outputs(steps, columns, blocks)
    fit = _Fit(tuple(columns), steps, rows, tuple(float(h) for h in horizons))
    alone = {name: choose(rows, mine) for name, mine in outputs.items()}
    if len(blocks) == 1:
        ((name, chosen),) = alone.items()
        return [_alone(fit, NAME, chosen, outputs[name])]
    together = {"late": _late, "early": _early}
    found = [together[fusion](fit, alone, outputs) for fusion in fusions]
    return found + [
        _alone(fit, f"{NAME}_{name}", chosen, outputs[name]) for name, chosen in alone.items()
    ]


def _outputs(
    steps: Preprocessing, columns: Sequence[str], blocks: Mapping[str, Sequence[int]]
) -> dict[str, Indices]:
    """Return which standardised columns are each block's."""
    place = {name: number for number, name in enumerate(columns)}
    names = [step.column for step in steps.steps] + [mark.column for mark in steps.indicators]
    read = np.array([place[name] for name in names])
    found = {name: np.flatnonzero(np.isin(read, list(mine))) for name, mine in blocks.items()}
    for name, mine in found.items():
        if not len(mine):
            raise DataRefused(
                f"block '{name}' has no column that varies among the training samples",
                next="Take it out of `blocks`, or choose codes that this population has.",
            )
    return found


def _alone(fit: _Fit, name: str, chosen: Chosen, outputs: Indices) -> Fitted:
    said = {"penalty": chosen.penalty}
    return Fitted(fit.model(name, chosen.slopes, outputs, said), chosen.trials, _JUDGED)


def _early(fit: _Fit, alone: Mapping[str, Chosen], outputs: Mapping[str, Indices]) -> Fitted:
    chosen = choose(fit.rows, *outputs.values())
    every = np.sort(np.concatenate(list(outputs.values())))
    return _alone(fit, f"{NAME}_early", chosen, every)


def _late(fit: _Fit, alone: Mapping[str, Chosen], outputs: Mapping[str, Indices]) -> Fitted:
    weights = fuse(fit.rows, list(alone.values()))
    slopes = np.zeros(fit.rows.design.shape[1])
    for weight, chosen in zip(weights, alone.values(), strict=True):
        slopes += weight * chosen.slopes
    said = {f"weight of {name}": float(w) for name, w in zip(alone, weights, strict=True)}
    every = np.sort(np.concatenate(list(outputs.values())))
    trials = tuple(trial for chosen in alone.values() for trial in chosen.trials)
    return Fitted(fit.model(f"{NAME}_late", slopes, every, said), trials, _JUDGED)
