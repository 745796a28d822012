"""A method of single items applied to assets of several: windows of a recording, slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biolake.learning.methods.contract import Examples, Fitted, Method, Takes, Training
from biolake.statistics.columns import Floats, Indices

MOST_ITEMS = 8  # of one asset, spread evenly


@dataclass(frozen=True)
class FittedItems:
    """Log odds of an asset are the mean over its items."""

    inner: Fitted

    def log_odds(self, examples: Examples) -> Floats:
        batch, of = flattened(examples)
        found = self.inner.log_odds(batch)
        counts = np.bincount(of, minlength=len(examples))
        sums = [np.bincount(of, column, minlength=len(examples)) for column in found.T]
        return np.stack(sums, axis=1) / counts[:, None]

    def arrays(self) -> dict[str, np.ndarray]:
        return self.inner.arrays()

    def facts(self) -> dict[str, Any]:
        return self.inner.facts()


@dataclass(frozen=True)
class Items:
    """Every item learns its asset's labels; an asset is one subject's, so items stay together."""

    inner: Method

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def takes(self) -> Takes:
        return "bags"

    def fit(self, examples: Examples, training: Training) -> FittedItems:
        batch, of = flattened(examples)
        items = replace(training, labels=training.labels[of], groups=training.groups[of])
        return FittedItems(self.inner.fit(batch, items))

    def restore(self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FittedItems:
        return FittedItems(self.inner.restore(facts, arrays))


def spread(items: np.ndarray, most: int = MOST_ITEMS) -> np.ndarray:
    """Return at most so many items, evenly spread."""
    if len(items) <= most:
        return items
    return np.asarray(items[np.linspace(0, len(items) - 1, most).astype(np.intp)])


def flattened(examples: Examples) -> tuple[np.ndarray, Indices]:
    """Return all items as one array, and the number of each item's asset."""
    counts = [len(one) for one in examples]
    return np.concatenate(list(examples)), np.repeat(np.arange(len(counts)), counts)
