"""Vectors (embeddings, radiomics, wave measurements), then ridge: the linear probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.learning.methods.contract import Examples, Takes, Training, array_of
from biolake.learning.ridge import Ridge, fit_ridge
from biolake.statistics.columns import Floats


@dataclass(frozen=True)
class FittedVectors:
    """Medians for what is missing, limits for what is extreme, and a ridge."""

    median: Floats
    low: Floats
    high: Floats
    ridge: Ridge

    def log_odds(self, examples: Examples) -> Floats:
        return self.ridge.log_odds(self._completed(array_of(examples, 2, "vectors")))

    def _completed(self, table: np.ndarray) -> Floats:
        return np.clip(np.where(np.isfinite(table), table, self.median), self.low, self.high)

    def arrays(self) -> dict[str, np.ndarray]:
        own = {"median": self.median, "low": self.low, "high": self.high}
        return own | {f"ridge_{name}": values for name, values in self.ridge.arrays().items()}

    def facts(self) -> dict[str, Any]:
        return {"columns": len(self.median)}


@dataclass(frozen=True)
class Vectors:
    """Rows × columns → labels. What is missing (NaN) becomes the training median."""

    name: str = "logistic"
    takes: Takes = "vectors"

    def fit(self, examples: Examples, training: Training) -> FittedVectors:
        table = np.asarray(array_of(examples, 2, "vectors"), dtype=np.float64)
        known = np.where(np.isfinite(table), table, np.nan)
        empty = np.isnan(known).all(axis=0)
        known[:, empty] = 0.0
        median = np.nanmedian(known, axis=0)
        # Far outside what was seen a linear score says nothing; extremes of one row are not kept.
        center, reach = np.nanmean(known, axis=0), 5.0 * np.nanstd(known, axis=0)
        low, high = center - reach, center + reach
        completed = np.clip(np.where(np.isnan(known), median, known), low, high)
        ridge = fit_ridge(completed, training.labels, training.groups, seed=training.seed)
        return FittedVectors(median, low, high, ridge)

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedVectors:
        own = {k.removeprefix("ridge_"): v for k, v in arrays.items() if k.startswith("ridge_")}
        return FittedVectors(arrays["median"], arrays["low"], arrays["high"], Ridge.restored(own))
