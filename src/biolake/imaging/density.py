"""How dense tissue is: a histogram of Hounsfield units, read out as shares and percentiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = -1200, 3200  # HU: what lies beyond is counted at the end


@dataclass(frozen=True)
class Density:
    """Voxels a Hounsfield unit, from LOWEST up; everything else is read from it."""

    counts: NDArray[np.int64]

    @property
    def voxels(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        return float(self.counts @ self._units / self.voxels)

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.counts @ (self._units - self.mean) ** 2 / self.voxels))

    @property
    def _units(self) -> NDArray[np.float64]:
        return np.arange(LOWEST, HIGHEST + 1, dtype=np.float64)

    def percentile(self, percent: float) -> float:
        """Return the HU below or at which this percentage of the voxels lies."""
        reached = np.cumsum(self.counts) >= percent / 100.0 * self.voxels
        return float(LOWEST + int(np.argmax(reached)))

    def share(self, low: float = -np.inf, high: float = np.inf) -> float:
        """Return the percentage of voxels from `low` up to, but without, `high`."""
        units = self._units
        return float(100.0 * self.counts[(units >= low) & (units < high)].sum() / self.voxels)


def density(values: NDArray[np.generic]) -> Density:
    """Count values in HU; those without a number are not counted."""
    numbers = np.asarray(values).ravel()
    if numbers.dtype.kind == "f":
        numbers = np.floor(numbers[np.isfinite(numbers)])
    bounded = np.clip(numbers, LOWEST, HIGHEST).astype(np.int64) - LOWEST
    return Density(np.bincount(bounded, minlength=HIGHEST - LOWEST + 1))


def summed(parts: list[Density]) -> Density:
    """Return the histogram of several parts together."""
    total = np.zeros(HIGHEST - LOWEST + 1, dtype=np.int64)
    for part in parts:
        total += part.counts
    return Density(total)
