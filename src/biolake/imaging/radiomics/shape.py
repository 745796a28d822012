"""Shape of a region: how large, how round, how long; its intensities play no part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.core.compiled import compiled
from biolake.imaging.radiomics.mesh import area_and_volume, surface_points

Floats = NDArray[np.float64]


def shape(inside: NDArray[np.bool_], spacing: tuple[float, float, float]) -> dict[str, float]:
    """Return the 14 shape features of a mask with an empty rim; lengths in mm."""
    area, volume = area_and_volume(inside, spacing)
    sphere = (36.0 * np.pi * volume**2) ** (1.0 / 3.0)
    found = {
        "MeshVolume": volume,
        "VoxelVolume": float(np.count_nonzero(inside) * np.prod(spacing)),
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "Sphericity": sphere / area,
    }
    return found | _axes(inside, spacing) | _diameters(inside, spacing)


def _axes(inside: NDArray[np.bool_], spacing: tuple[float, float, float]) -> dict[str, float]:
    """Return axis lengths: four times the spread of the voxels' centres along each axis."""
    places = np.stack(np.nonzero(inside)).astype(np.float64) * np.array(spacing)[:, None]
    places -= places.mean(axis=1, keepdims=True)
    spread = np.linalg.eigvalsh(places @ places.T / places.shape[1])
    least, minor, major = np.sqrt(np.maximum(spread, 0.0))
    found = {
        "MajorAxisLength": 4.0 * float(major),
        "MinorAxisLength": 4.0 * float(minor),
        "LeastAxisLength": 4.0 * float(least),
    }
    if major > 0:  # one voxel is neither long nor flat
        found |= {"Elongation": float(minor / major), "Flatness": float(least / major)}
    return found


def _diameters(inside: NDArray[np.bool_], spacing: tuple[float, float, float]) -> dict[str, float]:
    """Return the greatest distances between surface points: anywhere, and in planes."""
    from scipy.spatial import ConvexHull

    points = surface_points(inside)
    places = points * (np.asarray(spacing) / 2.0)
    corners = places[ConvexHull(places).vertices]
    found = {"Maximum3DDiameter": _widest(corners)}
    for axis, name in enumerate(("Slice", "Column", "Row")):
        first, second = (a for a in range(3) if a != axis)
        order = np.lexsort((points[:, second], points[:, first], points[:, axis]))
        planes = np.flatnonzero(np.diff(points[order, axis])) + 1
        ends = np.concatenate((planes, [len(points)]))
        flat = np.ascontiguousarray(places[order][:, (first, second)])
        found[f"Maximum2DDiameter{name}"] = _widest_plane(flat, ends)
    return found


@compiled
def _widest(points: Floats) -> float:
    """Return the greatest distance between any two points."""
    most = 0.0
    for i in range(points.shape[0]):
        for j in range(i):
            apart = 0.0
            for axis in range(points.shape[1]):
                apart += (points[i, axis] - points[j, axis]) ** 2
            most = max(most, apart)
    return float(np.sqrt(most))


@compiled
def _widest_plane(points: Floats, ends: NDArray[np.int64]) -> float:
    """Return the greatest distance within any one group of points, each sorted by x, then y."""
    most = 0.0
    start = 0
    hull = np.empty((2 * points.shape[0] + 2, 2), dtype=np.float64)
    for end in ends:
        size = 0
        for side in range(2):  # Andrew's monotone chain: lower, then upper
            base = size
            for step in range(end - start):
                place = start + step if side == 0 else end - 1 - step
                x, y = points[place, 0], points[place, 1]
                while size > base + 1:
                    ax, ay = hull[size - 2, 0], hull[size - 2, 1]
                    bx, by = hull[size - 1, 0], hull[size - 1, 1]
                    if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                        break
                    size -= 1
                hull[size, 0], hull[size, 1] = x, y
                size += 1
        most = max(most, _widest(hull[:size]))
        start = end
    return most
