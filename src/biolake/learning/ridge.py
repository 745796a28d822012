"""Ridge regression of several labels on thousands of columns, with calibrated probabilities.

Least squares on ±1 with the penalty of the largest mean AUC in grouped cross-validation; the scores
of rows left out also teach the curve that turns scores into probabilities. With more columns than
rows the rows × rows system is solved, otherwise columns × columns (Saunders et al., ICML 1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from biolake.core.errors import DataRefused, WrongUse
from biolake.learning.platt import Platt, fit_platt
from biolake.statistics.columns import Flags, Floats, Indices
from biolake.statistics.discrimination import auroc

PENALTIES = tuple(float(p) for p in np.geomspace(0.03, 300.0, 9))
_FOLDS, _MANY_ROWS = 5, 4000
_LEAST_SPREAD = 1e-4  # columns that hardly vary are not blown up


@dataclass(frozen=True)
class Ridge:
    """Standardisation, weights (columns × labels), and each label's curve."""

    center: Floats
    scale: Floats
    weights: Floats
    intercept: Floats
    curves: tuple[Platt, ...]

    def log_odds(self, table: np.ndarray) -> Floats:
        """Return the log odds of each label, rows × labels."""
        if table.ndim != 2 or table.shape[1] != len(self.center):
            raise WrongUse(f"The model reads {len(self.center)} columns, and got {table.shape}.")
        score = ((table - self.center) / self.scale) @ self.weights + self.intercept
        columns = [c.log_odds(score[:, k]) for k, c in enumerate(self.curves)]
        return np.stack(columns, axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "center": self.center.astype(np.float32),
            "scale": self.scale.astype(np.float32),
            "weights": self.weights.astype(np.float32),
            "intercept": self.intercept,
            "curves": np.array([(c.intercept, c.slope) for c in self.curves]),
        }

    @staticmethod
    def restored(arrays: dict[str, np.ndarray]) -> Ridge:
        curves = tuple(Platt(float(a), float(b)) for a, b in arrays["curves"])
        float64 = {k: np.asarray(v, dtype=np.float64) for k, v in arrays.items() if k != "curves"}
        return Ridge(curves=curves, **float64)


def fit_ridge(table: np.ndarray, labels: Flags, groups: Indices, *, seed: int = 0) -> Ridge:
    """Fit every label (rows × labels); `groups` (subjects) are never split between folds."""
    center = table.mean(axis=0, dtype=np.float64)
    scale = table.std(axis=0, dtype=np.float64) + _LEAST_SPREAD
    x = np.asarray((table - center) / scale / np.sqrt(table.shape[1]))
    if not np.isfinite(x.sum()):
        raise DataRefused("a column given to the model has missing or infinite values")
    target = 2.0 * labels.astype(np.float64) - 1.0
    scores = _left_out_scores(x, target, groups, seed)
    judged = np.isfinite(scores[0]).all(axis=1)
    best = int(np.argmax([_mean_area(labels[judged], score[judged]) for score in scores]))
    weights, intercept = next(islice(_solutions(x, target), best, None))
    curves = tuple(
        fit_platt(score, label)
        for score, label in zip(scores[best, judged].T, labels[judged].T, strict=True)
    )
    return Ridge(center, scale, weights / np.sqrt(table.shape[1]), intercept, curves)


def grouped_folds(groups: Indices, folds: int, seed: int) -> Indices:
    """Give each row a fold, whole groups at a time, by the seed."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        raise DataRefused(
            f"{folds} folds need {folds} subjects, and there are {len(names)}",
            next="Ask for fewer folds or find more subjects.",
        )
    order = np.random.default_rng(seed).permutation(np.arange(len(names)) % folds)
    return np.asarray(order[codes], dtype=np.intp)


def _left_out_scores(x: Floats, target: Floats, groups: Indices, seed: int) -> Floats:
    """Return penalties × rows × labels; NaN for rows that were not left out (many rows)."""
    found = np.full((len(PENALTIES), *target.shape), np.nan)
    fold = grouped_folds(groups, _FOLDS, seed)
    tried = 1 if len(x) > _MANY_ROWS else _FOLDS  # one judged fifth is enough rows then
    for number in range(tried):
        left_out, kept = fold == number, fold != number
        for place, (weights, intercept) in enumerate(_solutions(x[kept], target[kept])):
            found[place, left_out] = x[left_out] @ weights + intercept
    return found


def _solutions(x: Floats, target: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield weights and intercepts for each penalty."""
    intercept = target.mean(axis=0)
    wide = x.shape[1] > len(x)
    gram = x @ x.T if wide else x.T @ x
    centred = target - intercept
    pull = centred if wide else x.T @ centred
    for penalty in PENALTIES:
        solved = np.linalg.solve(gram + penalty * np.eye(len(gram)), pull)
        yield (x.T @ solved if wide else solved), intercept


def _mean_area(labels: Flags, scores: Floats) -> float:
    areas = [auroc(y, s) for y, s in zip(labels.T, scores.T, strict=True) if 0 < y.sum() < len(y)]
    return float(np.mean(areas)) if areas else 0.5
