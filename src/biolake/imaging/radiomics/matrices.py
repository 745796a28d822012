"""Texture matrices counted in one pass each: pairs, runs, zones, and neighbourhoods of levels.

All take a region's levels: 0 outside the region, with a rim of zeros, so no loop asks where the
volume ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.core.compiled import compiled

Levels = NDArray[np.uint16]
Counts = NDArray[np.int64]

# One of each pair of opposite neighbours among the 26.
DIRECTIONS = np.array(
    [
        (dz, dy, dx)
        for dz in (1, 0, -1)
        for dy in (1, 0, -1)
        for dx in (1, 0, -1)
        if (dz, dy, dx) > (0, 0, 0)
    ],
    dtype=np.int64,
)


@compiled
def pairs(levels: Levels, count: int, directions: Counts) -> Counts:
    """Count level pairs of neighbours: directions × levels × levels, one way round (GLCM)."""
    found = np.zeros((directions.shape[0], count, count), dtype=np.int64)
    for z in range(1, levels.shape[0] - 1):
        for y in range(1, levels.shape[1] - 1):
            for x in range(1, levels.shape[2] - 1):
                here = np.int64(levels[z, y, x])
                if here == 0:
                    continue
                for d in range(directions.shape[0]):
                    there = np.int64(
                        levels[z + directions[d, 0], y + directions[d, 1], x + directions[d, 2]]
                    )
                    if there > 0:
                        found[d, here - 1, there - 1] += 1
    return found


@compiled
def runs(levels: Levels, count: int, longest: int, directions: Counts) -> Counts:
    """Count runs of one level: directions × levels × lengths (GLRLM)."""
    found = np.zeros((directions.shape[0], count, longest), dtype=np.int64)
    for z in range(1, levels.shape[0] - 1):
        for y in range(1, levels.shape[1] - 1):
            for x in range(1, levels.shape[2] - 1):
                here = levels[z, y, x]
                if here == 0:
                    continue
                for d in range(directions.shape[0]):
                    dz, dy, dx = directions[d, 0], directions[d, 1], directions[d, 2]
                    if levels[z - dz, y - dy, x - dx] == here:
                        continue  # the run began before
                    length = 1
                    while levels[z + length * dz, y + length * dy, x + length * dx] == here:
                        length += 1
                    found[d, np.int64(here) - 1, length - 1] += 1
    return found


@compiled
def zones(levels: Levels) -> tuple[Counts, Counts]:
    """Return the level and the size of every zone of one level, 26-connected (GLSZM)."""
    rows, columns = levels.shape[1], levels.shape[2]
    left = levels.copy().ravel()
    voxels = np.count_nonzero(left)
    stack = np.empty(voxels, dtype=np.int64)
    zone_levels = np.empty(voxels, dtype=np.int64)
    zone_sizes = np.empty(voxels, dtype=np.int64)
    total = 0
    for start in range(left.size):
        here = left[start]
        if here == 0:
            continue
        left[start] = 0
        stack[0] = start
        top, size = 1, 0
        while top > 0:
            top -= 1
            voxel = stack[top]
            size += 1
            for dz in range(-1, 2):
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        there = voxel + (dz * rows + dy) * columns + dx
                        if left[there] == here:
                            left[there] = 0
                            stack[top] = there
                            top += 1
        zone_levels[total] = here
        zone_sizes[total] = size
        total += 1
    return zone_levels[:total].copy(), zone_sizes[:total].copy()


@compiled
def neighbourhoods(  # noqa: C901 - one loop an axis, twice
    levels: Levels, count: int, tolerance: int
) -> tuple[Counts, NDArray[np.float64]]:
    """Return levels × neighbours alike (GLDM), and each level's summed difference (NGTDM).

    Alike is within `tolerance` levels; the difference is from the mean of the neighbours inside.
    """
    alike = np.zeros((count, 27), dtype=np.int64)
    difference = np.zeros(count, dtype=np.float64)
    for z in range(1, levels.shape[0] - 1):
        for y in range(1, levels.shape[1] - 1):
            for x in range(1, levels.shape[2] - 1):
                here = np.int64(levels[z, y, x])
                if here == 0:
                    continue
                same, inside, total = -1, -1, np.int64(-here)  # the voxel meets itself once
                for dz in range(-1, 2):
                    for dy in range(-1, 2):
                        for dx in range(-1, 2):
                            there = np.int64(levels[z + dz, y + dy, x + dx])
                            if there > 0:
                                inside += 1
                                total += there
                                if abs(there - here) <= tolerance:
                                    same += 1
                alike[here - 1, same] += 1
                if inside > 0:
                    difference[here - 1] += abs(here - total / inside)
    return alike, difference
