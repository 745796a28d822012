"""Volumes and masks on another grid: linear for intensities, nearest for labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biolake.core.compiled import compiled
from biolake.core.errors import DataRefused, WrongUse
from biolake.core.media import Volume

Spacing = tuple[float, float, float]
MOST_VOXELS = 2**30


def resampled(
    volume: Volume, spacing: Spacing, how: Literal["linear", "nearest"] = "linear"
) -> Volume:
    """Resample to a spacing in mm (slice, row, column); the centre of the volume stays where it is.

    Intensities come back as float32, labels (`nearest`) in their own type. Beyond the outermost
    voxel centres the outermost value holds. Thick slices stay coarse: nothing is invented.
    """
    voxels = volume.voxels
    if voxels.ndim != 3 or not all(step > 0 for step in (*spacing, *volume.spacing)):
        raise WrongUse("Resampling needs three dimensions and spacings above 0.")
    shape = [
        max(1, round(n * old / new))
        for n, old, new in zip(voxels.shape, volume.spacing, spacing, strict=True)
    ]
    if np.prod(shape, dtype=np.float64) > MOST_VOXELS:
        raise DataRefused("That spacing gives more than 2^30 voxels.", next="Use a wider one.")
    places = [
        _places(n, count, old, new)
        for n, count, old, new in zip(voxels.shape, shape, volume.spacing, spacing, strict=True)
    ]
    if how == "nearest":
        nearest = [np.rint(place).astype(np.intp) for place in places]
        found: NDArray[np.generic] = voxels[np.ix_(*nearest)]
    else:
        found = _trilinear(np.ascontiguousarray(voxels), *places)
    shift = [
        _first(n, count, old, new) * old
        for n, count, old, new in zip(voxels.shape, shape, volume.spacing, spacing, strict=True)
    ]
    origin = np.asarray(volume.origin) + np.asarray(shift) @ volume.axes
    x, y, z = (float(v) for v in origin)
    return replace(volume, voxels=found, spacing=spacing, origin=(x, y, z))


def _first(before: int, after: int, old: float, new: float) -> float:
    """Return where the first new voxel lies, in old voxels: both grids share their centre."""
    return (before - 1) / 2.0 - (after - 1) / 2.0 * new / old


def _places(before: int, after: int, old: float, new: float) -> NDArray[np.float64]:
    at = _first(before, after, old, new) + np.arange(after) * new / old
    return np.clip(at, 0.0, before - 1.0)


@compiled
def _trilinear(
    voxels: NDArray[np.generic],
    slices: NDArray[np.float64],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
) -> NDArray[np.float32]:
    found = np.empty((slices.size, rows.size, columns.size), dtype=np.float32)
    for k in range(slices.size):
        z0 = int(slices[k])
        z1 = min(z0 + 1, voxels.shape[0] - 1)
        fz = slices[k] - z0
        for j in range(rows.size):
            y0 = int(rows[j])
            y1 = min(y0 + 1, voxels.shape[1] - 1)
            fy = rows[j] - y0
            for i in range(columns.size):
                x0 = int(columns[i])
                x1 = min(x0 + 1, voxels.shape[2] - 1)
                fx = columns[i] - x0
                near = (1 - fx) * voxels[z0, y0, x0] + fx * voxels[z0, y0, x1]
                near = (1 - fy) * near + fy * (
                    (1 - fx) * voxels[z0, y1, x0] + fx * voxels[z0, y1, x1]
                )
                far = (1 - fx) * voxels[z1, y0, x0] + fx * voxels[z1, y0, x1]
                far = (1 - fy) * far + fy * (
                    (1 - fx) * voxels[z1, y1, x0] + fx * voxels[z1, y1, x1]
                )
                found[k, j, i] = (1 - fz) * near + fz * far
    return found
