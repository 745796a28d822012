"""LightGBM as a model: the declared grid judged on rows not fitted, the number of trees with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biolake.learning.trees import GRID, Grown, Trees, grow
from biolake.learning.tuning import Fold, Trial, best
from biolake.statistics.columns import Floats


@dataclass(frozen=True)
class Forest:
    """Trees on the columns as they come: gaps go down a branch of their own."""

    trees: Trees

    def predict(self, values: Floats, threads: int = 1) -> Floats:
        return self.trees.predict(values, threads)


def fit_forest(
    train: tuple[Floats, Floats],
    folds: Sequence[Fold],
    *,
    seed: int,
    threads: int,
    grid: Sequence[Mapping[str, float]] = GRID,
) -> tuple[Forest, list[Trial]]:
    """Choose from the grid by log-loss on the judged rows; the chosen is grown on all of train."""
    trials: list[Trial] = []
    grown: list[list[Grown]] = []
    for setting in grid:
        tried = [
            grow(fold.fitted, fold.judged, setting, seed=seed, threads=threads) for fold in folds
        ]
        sizes = [len(fold.judged[1]) for fold in folds]
        loss = float(np.average([one.loss for one in tried], weights=sizes))
        rounds = int(np.median([one.rounds for one in tried]))
        trials.append(Trial({**setting, "rounds": rounds}, loss))
        grown.append(tried)
    chosen = best(trials)
    if len(folds) == 1:  # fitted on the whole of train already
        return Forest(grown[trials.index(chosen)][0].trees), trials
    setting = {name: value for name, value in chosen.setting.items() if name != "rounds"}
    rounds = int(chosen.setting["rounds"])
    last = grow(train, None, setting, seed=seed, threads=threads, rounds=rounds)
    return Forest(last.trees), trials
