"""Movement from a worn accelerometer: how much, and whether it was worn at all.

ENMO: van Hees et al., PLoS ONE 2013;8:e61691. Worn or not: van Hees et al., PLoS ONE 2011;6:e22922.
"""

from __future__ import annotations

import numpy as np

GRAVITY = {"g": 1.0, "m/s2": 9.80665, "mg": 1000.0, "m/s^2": 9.80665, "[g]": 1.0, "gn": 1.0}
STILL_G = 0.013  # standard deviation of an axis that nobody moves
STILL_SECONDS = 1800.0


def acceleration_in_g(axes: np.ndarray, unit: str) -> np.ndarray | None:
    """Return three axes in g, or None when the unit is unknown or is not what it says.

    At rest the three axes make one g: a median size outside 0.8 to 1.2 says that the unit is
    another than the one told.
    """
    if unit not in GRAVITY or axes.shape[0] != 3:
        return None
    scaled = np.asarray(axes, np.float64) / GRAVITY[unit]
    size = np.sqrt((scaled**2).sum(axis=0))
    if not np.isfinite(size).any() or not 0.8 <= float(np.nanmedian(size)) <= 1.2:
        return None
    return scaled


def worn(axes: np.ndarray, rate: float) -> np.ndarray:
    """Say of each sample whether the device was worn: moved within its half hour, and not missing.

    A recording shorter than half an hour is judged as one.
    """
    total = axes.shape[1]
    present = np.isfinite(axes).all(axis=0)
    step = max(1, int(STILL_SECONDS * rate))
    for low in range(0, total, step):
        part = slice(low, min(total, low + step))
        seen = axes[:, part][:, present[part]]
        if seen.shape[1] < 2 or (seen.std(axis=1) < STILL_G).sum() >= 2:
            present[part] = False
    return np.asarray(present)


def enmo(axes: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm minus one g, not below zero, in mg; axes in g."""
    size = np.sqrt((np.asarray(axes, np.float64) ** 2).sum(axis=0))
    return np.asarray(np.clip(size - 1.0, 0.0, None) * 1000.0)
