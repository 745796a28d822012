"""The elastic net as a model: preprocessing and coefficients together, tuned on rows not fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.learning.preprocessing import Preprocessing, learn_preprocessing
from biolake.learning.tuning import Fold, Trial, best, log_loss
from biolake.statistics.columns import Floats
from biolake.statistics.elastic_net import fit_path
from biolake.statistics.logistic import expit

L1_RATIOS = (0.1, 0.5, 1.0)
PATH_LENGTH, PATH_RATIO = 30, 1e-3
SHORT_RATIO, FEW_EVENTS = 1e-2, 10  # the path stops sooner with fewer events a column than this
NOTHING = 1e-6  # a slope this small is the solver's rounding


@dataclass(frozen=True)
class Coefficients:
    """Intercept and slopes of standardised columns at one penalty and mixing."""

    penalty: float
    l1_ratio: float
    intercept: float
    slopes: Floats

    def log_odds(self, table: Floats) -> Floats:
        return np.asarray(self.intercept + table @ self.slopes)


@dataclass(frozen=True)
class Linear:
    """Preprocessing learned on train, then a logistic model of the standardised columns."""

    preprocessing: Preprocessing
    coefficients: Coefficients

    def predict(self, values: Floats, threads: int = 1) -> Floats:
        return expit(self.coefficients.log_odds(self.preprocessing.apply(values)))

    def slopes(self) -> list[tuple[str, float]]:
        """Return the columns with a slope (log odds a standard deviation), largest first."""
        return slopes_of(self.preprocessing.outputs, self.coefficients.slopes)

    def to_json(self) -> dict[str, Any]:
        fit = self.coefficients
        return {
            "penalty": fit.penalty,
            "l1_ratio": fit.l1_ratio,
            "intercept": fit.intercept,
            "outputs": list(self.preprocessing.outputs),
            "slopes": fit.slopes.tolist(),
        }

    @staticmethod
    def from_json(said: Mapping[str, Any], preprocessing: Preprocessing) -> Linear:
        slopes = np.asarray(said["slopes"], dtype=np.float64)
        fit = Coefficients(said["penalty"], said["l1_ratio"], said["intercept"], slopes)
        return Linear(preprocessing, fit)


def slopes_of(names: Sequence[str], slopes: Floats) -> list[tuple[str, float]]:
    """Return the names that have a slope, the steepest first."""
    pairs = zip(names, slopes.tolist(), strict=True)
    return sorted(((n, b) for n, b in pairs if abs(b) > NOTHING), key=lambda p: (-abs(p[1]), p[0]))


def fit_linear(
    columns: Sequence[str],
    train: tuple[Floats, Floats],
    folds: Sequence[Fold],
    l1_ratios: Sequence[float] = L1_RATIOS,
) -> tuple[Linear, list[Trial]]:
    """Choose mixing and penalty by log-loss on each fold's judged rows, then fit on all of train.

    Preprocessing is learned anew on the rows each fold fits, so that no judged row is seen.
    """
    preprocessing = learn_preprocessing(columns, train[0])
    table, outcome = preprocessing.apply(train[0]), train[1]
    prepared = [_prepared(columns, fold) for fold in folds]
    trials: list[Trial] = []
    for ratio in l1_ratios:
        trials += _judge(prepared, penalties(table, outcome, ratio), ratio)
    chosen = best(trials).setting
    path = penalties(table, outcome, chosen["l1_ratio"])
    kept = path[path >= chosen["penalty"] * (1.0 - 1e-12)]
    return Linear(preprocessing, path_of(table, outcome, kept, chosen["l1_ratio"])[-1]), trials


def penalties(table: Floats, outcome: Floats, l1_ratio: float) -> Floats:
    """Return the path, falling from the least penalty that leaves no slope.

    It ends at 1/1000 of that, or at 1/100 where the events could not carry weaker penalties.
    """
    pull = table.T @ (outcome - outcome.mean()) / len(outcome)
    top = max(float(np.abs(pull).max()) / max(l1_ratio, 1e-3), 1e-8)
    rare = min(float(outcome.sum()), float((1.0 - outcome).sum()))
    ratio = SHORT_RATIO if rare < FEW_EVENTS * table.shape[1] else PATH_RATIO
    return np.asarray(np.geomspace(top, top * ratio, PATH_LENGTH))


def path_of(table: Floats, outcome: Floats, path: Floats, l1_ratio: float) -> list[Coefficients]:
    """Fit every penalty of a path on columns that are standardised already."""
    fit = fit_path(table, outcome, mixing=l1_ratio, penalties=path.tolist(), standardise=False)
    return [
        Coefficients(float(penalty), l1_ratio, float(intercept), slopes)
        for penalty, intercept, slopes in zip(
            fit.penalties, fit.intercepts, fit.coefficients, strict=True
        )
    ]


_Prepared = tuple[Floats, Floats, Floats, Floats]


def _prepared(columns: Sequence[str], fold: Fold) -> _Prepared:
    steps = learn_preprocessing(columns, fold.fitted[0])
    return steps.apply(fold.fitted[0]), fold.fitted[1], steps.apply(fold.judged[0]), fold.judged[1]


def _judge(folds: Sequence[_Prepared], path: Floats, ratio: float) -> list[Trial]:
    """Return each penalty's log-loss on the judged rows, all folds together."""
    losses = [
        [
            log_loss(truth, expit(fit.log_odds(judged)))
            for fit in path_of(table, outcome, path, ratio)
        ]
        for table, outcome, judged, truth in folds
    ]
    means = np.average(np.array(losses), axis=0, weights=[len(fold[3]) for fold in folds])
    return [
        Trial({"l1_ratio": ratio, "penalty": penalty}, loss)
        for penalty, loss in zip(path.tolist(), means.tolist(), strict=True)
    ]
