"""Features of the neighbouring grey tone difference matrix (NGTDM).

Amadasun & King, IEEE Trans SMC 1989;19:1264.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Coarseness of a region without any difference, as pyradiomics gives it.
_EVEN = 1e6


def tone_difference(counts: NDArray[np.int64], difference: NDArray[np.float64]) -> dict[str, float]:
    """Return the five features from each level's voxels and summed difference."""
    some = counts > 0
    level = np.flatnonzero(some) + 1.0
    voxels = float(counts.sum())
    p, s = counts[some] / voxels, difference[some]
    kinds = len(level)
    coarse = float(p @ s)
    gap = level[:, None] - level[None, :]
    weighted = level * p
    busy = float(np.abs(weighted[:, None] - weighted[None, :]).sum())
    both = p[:, None] + p[None, :]
    ps = p * s
    spread = float((np.outer(p, p) * gap**2).sum())
    complexity = np.abs(gap) * (ps[:, None] + ps[None, :]) / both
    return {
        "Coarseness": 1.0 / coarse if coarse else _EVEN,
        "Contrast": spread * s.sum() / voxels / (kinds * (kinds - 1)) if kinds > 1 else 0.0,
        "Busyness": coarse / busy if busy else 0.0,
        "Complexity": float(complexity.sum() / voxels),
        "Strength": float((both * gap**2).sum() / s.sum()) if s.sum() else 0.0,
    }
