"""All radiomics features of one region, by their pyradiomics names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.core.media import Volume
from biolake.imaging.radiomics.cooccurrence import cooccurrence
from biolake.imaging.radiomics.emphases import dependence_features, run_features, zone_features
from biolake.imaging.radiomics.first_order import first_order
from biolake.imaging.radiomics.levels import Binning, Region, region
from biolake.imaging.radiomics.matrices import DIRECTIONS, neighbourhoods, pairs, runs, zones
from biolake.imaging.radiomics.names import NAMES
from biolake.imaging.radiomics.shape import shape
from biolake.imaging.radiomics.tone_difference import tone_difference

__all__ = ["NAMES", "radiomics"]

_DEFAULT = Binning()


def radiomics(
    volume: Volume, mask: NDArray[np.bool_], binning: Binning = _DEFAULT, tolerance: int = 0
) -> dict[str, float]:
    """Measure one region of a volume: 107 features named as `original_firstorder_Mean`.

    Lengths are in mm. `tolerance` is the difference in levels that still counts as alike (GLDM).
    A feature that the region is too small for (no two voxels in a line) is left out.
    """
    found = region(volume.voxels, mask, volume.spacing, binning)
    families = {
        "firstorder": first_order(found),
        "shape": shape(found.levels > 0, volume.spacing),
        **_textures(found, tolerance),
    }
    return {
        f"original_{family}_{name}": value
        for family, features in families.items()
        for name, value in features.items()
    }


def _textures(found: Region, tolerance: int) -> dict[str, dict[str, float]]:
    levels, count = found.levels, found.count
    alike, difference = neighbourhoods(levels, count, tolerance)
    one_way = pairs(levels, count, DIRECTIONS)
    together = one_way + one_way.transpose(0, 2, 1)
    lines = np.array(
        [
            bool(matrix.any()) or _two_in_line(levels, direction)
            for matrix, direction in zip(one_way, DIRECTIONS, strict=True)
        ]
    )
    return {
        "glcm": cooccurrence(found, together),
        "gldm": dependence_features(alike),
        "glrlm": run_features(runs(levels, count, max(levels.shape), DIRECTIONS), lines),
        "glszm": zone_features(*zones(levels)),
        "ngtdm": tone_difference(alike.sum(axis=1), difference),
    }


def _two_in_line(levels: NDArray[np.uint16], direction: NDArray[np.int64]) -> bool:
    """Say whether any line along a direction holds two voxels of the region, touching or not."""
    voxels = np.argwhere(levels)
    axis = int(np.flatnonzero(direction)[0])
    steps = voxels[:, axis] * direction[axis]
    starts = voxels - steps[:, None] * direction
    return len(np.unique(starts, axis=0)) < len(voxels)
