"""The region as grey levels: intensities put in bins, cropped to the region, with an empty rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused, WrongUse

# A co-occurrence matrix has levels² cells for each of 13 directions.
MOST_LEVELS = 1024


@dataclass(frozen=True)
class Binning:
    """How intensities become grey levels: bins of one `width` from zero, or `count` equal bins."""

    width: float = 25.0
    count: int | None = None

    def __post_init__(self) -> None:
        if not self.width > 0 or (self.count is not None and not 1 <= self.count <= MOST_LEVELS):
            raise WrongUse(f"Bins need a width above 0, or a count of 1 to {MOST_LEVELS}.")


@dataclass(frozen=True)
class Region:
    """One region of a volume: its voxels' values, and the levels on its bounding box.

    `levels` is 0 outside the region and has a rim of one empty voxel on every side; `present` are
    the levels that occur, `count` the highest of them.
    """

    values: NDArray[np.float64]
    levels: NDArray[np.uint16]
    spacing: tuple[float, float, float]
    present: NDArray[np.intp]

    @property
    def count(self) -> int:
        return int(self.present[-1])


def region(
    voxels: NDArray[np.generic],
    mask: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    binning: Binning,
) -> Region:
    """Cut the region out and bin it; refuses an empty region and values that are not numbers."""
    if voxels.shape != mask.shape or voxels.ndim != 3:
        raise WrongUse("The volume and its mask must have the same three dimensions.")
    if not all(step > 0 and np.isfinite(step) for step in spacing):
        raise DataRefused("The distance between voxels is not known: sizes would be wrong.")
    box = bounding_box(mask)
    inside = mask[box]
    values = voxels[box][inside].astype(np.float64)
    if not np.isfinite(values).all():
        raise DataRefused("The region holds voxels without a value; mask them out first.")
    levels = np.zeros(tuple(n + 2 for n in inside.shape), dtype=np.uint16)
    found = _binned(values, binning)
    levels[1:-1, 1:-1, 1:-1][inside] = found
    present = np.flatnonzero(np.bincount(found))
    return Region(values, levels, spacing, present)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Return the smallest box that holds the mask; refuses an empty one."""
    sides = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if hits.size == 0:
            raise DataRefused("The mask is empty: there is no region to measure.")
        sides.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return sides[0], sides[1], sides[2]


def _binned(values: NDArray[np.float64], binning: Binning) -> NDArray[np.uint16]:
    """Number the bins from 1, as pyradiomics does."""
    low, high = float(values.min()), float(values.max())
    if binning.count is not None:
        edges = np.histogram_bin_edges(values, binning.count)
        edges[-1] += 1.0  # the highest value belongs to the last bin
        return np.asarray(np.digitize(values, edges), dtype=np.uint16)
    if (high - low) / binning.width > MOST_LEVELS - 2:
        raise DataRefused(
            f"Bins {binning.width:g} wide give more than {MOST_LEVELS} grey levels.",
            next="Use wider bins, a bin count, or leave extreme voxels out of the mask.",
        )
    first = np.floor(low / binning.width)
    return np.asarray(np.floor(values / binning.width) - first + 1, dtype=np.uint16)
