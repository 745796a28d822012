"""Seeded volumes with masks, and the IBSI digital phantom: what radiomics is compared on."""

from __future__ import annotations

import numpy as np

# name → seed and how pyradiomics is told to bin
REGIONS: dict[str, tuple[int, dict[str, float]]] = {
    "ball": (1, {"binWidth": 25}),
    "ragged": (2, {"binWidth": 25}),
    "anisotropic": (3, {"binCount": 16}),
    "slab": (4, {"binWidth": 10}),
    "flat": (5, {"binWidth": 25}),
    "speck": (6, {"binWidth": 5}),
}


def make(name: str) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Return the volume, the mask and the spacing (slice, row, column) of one region."""
    rng = np.random.default_rng(REGIONS[name][0])
    shape, spacing = (18, 20, 22), (1.0, 1.0, 1.0)
    z, y, x = np.indices(shape)
    ball = (z - 9) ** 2 + (y - 10) ** 2 + (x - 10.5) ** 2 < 60
    smooth = 40.0 * np.sin(z / 3.0) + 60.0 * np.cos(x / 4.0) + 3.0 * y
    volume = np.round(smooth + rng.normal(0.0, 12.0, shape) - 20.0).astype(np.int16)
    if name == "ragged":  # every case of the marching cubes, holes and islands
        return volume, rng.random(shape) < 0.5, (1.0, 1.0, 1.0)
    if name == "anisotropic":
        return volume.astype(np.float32) / 7, ball & (rng.random(shape) < 0.97), (5.0, 0.7, 0.9)
    if name == "slab":
        return volume, ball & (z == 9), (3.0, 1.2, 1.2)
    if name == "flat":
        return np.full(shape, 40, dtype=np.int16), ball, spacing
    if name == "speck":
        return volume, ball & (z < 11) & (z > 8) & (y < 12) & (y > 9) & (x < 14), (2.0, 1.0, 1.0)
    return volume, ball, spacing


_OUT = np.nan
# Slices of the digital phantom of the IBSI reference manual: 4 × 4 × 5 voxels of 2 mm.
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [_OUT, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, _OUT, _OUT], [1, 1, 1, 1, 1], [1, 1, _OUT, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, _OUT, _OUT], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
