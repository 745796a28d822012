"""Put shifted or unevenly spaced slices onto one regular grid, linearly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.readers._dicom.refusals import MixedSeries

_ON_IT = 1e-6  # this near to a slice, it is the slice
_LARGEST_GROWTH = 4  # times the pixels of a slice


@dataclass(frozen=True)
class Straight:
    """Slices put over each other: their new corner in pixels, and which rows and columns each has.

    `outside` fills what a slice does not cover.
    """

    slices: np.ndarray
    corner: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    outside: float

    def covered(self, at: int) -> np.ndarray:
        return np.asarray(self.rows[at][:, None] & self.columns[at])


def straightened(slices: np.ndarray, moved: np.ndarray, outside: float) -> Straight:
    """Move each slice by its shift in pixels (rows, columns).

    A tilted gantry takes slices that are shifted against each other within their plane. The
    result is large enough to hold all of each.
    """
    low = np.floor(moved.min(axis=0) + 1e-9).astype(int)
    high = np.ceil(moved.max(axis=0) - 1e-9).astype(int)
    count, rows, columns = slices.shape
    shape = (rows + high[0] - low[0], columns + high[1] - low[1])
    if shape[0] * shape[1] > _LARGEST_GROWTH * rows * columns:
        raise MixedSeries("the slices are shifted so far that they hardly overlap")
    found = np.full((count, *shape), outside, slices.dtype)
    down, right = moved[:, 0] - low[0], moved[:, 1] - low[1]
    for at in range(count):
        by_row = _moved(slices[at], down[at], shape[0], outside)
        whole = _moved(by_row.T, right[at], shape[1], outside).T
        found[at] = _as(whole, slices.dtype)
    return Straight(
        found,
        (int(low[0]), int(low[1])),
        np.stack([_inside(shift, shape[0], rows) for shift in down]),
        np.stack([_inside(shift, shape[1], columns) for shift in right]),
        outside,
    )


def _inside(shift: float, size: int, given: int) -> np.ndarray:
    """Say which places a moved slice reaches: half a pixel beyond its outermost centres too."""
    where = np.arange(size) - shift
    return np.asarray((where >= -0.5) & (where <= given - 0.5))


def _moved(picture: np.ndarray, shift: float, size: int, outside: float) -> np.ndarray:
    """Move a picture down by a part of a row too: linear between rows, exact for whole ones."""
    where = np.arange(size) - shift
    last = len(picture) - 1
    near = np.clip(where, 0, last)
    below = np.floor(near).astype(int)
    above = np.minimum(below + 1, last)
    part = (near - below)[:, None]
    wide = picture.astype(np.float64, copy=False)
    blended = wide[below] * (1 - part) + wide[above] * part
    blended[~_inside(shift, size, len(picture))] = outside
    return np.asarray(blended)


def evenly(
    slices: np.ndarray, along: np.ndarray, step: float, straight: Straight | None = None
) -> np.ndarray:
    """Return slices `step` mm apart from the first on, each linear between its neighbours.

    Where one of the two does not reach, the result is `outside` rather than a blend with it.
    """
    wanted = along[0] + step * np.arange(int((along[-1] - along[0]) / step + 1e-6) + 1)
    below = np.clip(np.searchsorted(along, wanted + 1e-9) - 1, 0, len(along) - 2)
    part = np.clip((wanted - along[below]) / (along[below + 1] - along[below]), 0.0, 1.0)
    found = np.empty((len(wanted), *slices.shape[1:]), slices.dtype)
    for at, (low, share) in enumerate(zip(below, part, strict=True)):
        if abs(share - round(share)) < _ON_IT:
            found[at] = slices[low + round(share)]
            continue
        found[at] = _as(slices[low] * (1.0 - share) + slices[low + 1] * share, slices.dtype)
        if straight is not None:
            both = straight.covered(low) & straight.covered(low + 1)
            found[at][~both] = straight.outside
    return found


def _as(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
