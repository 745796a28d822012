"""A chest that is known: ellipsoid lungs with a windpipe, bowel gas, a table and lesions."""

from __future__ import annotations

import numpy as np

from biolake.core.media import Volume


def chest(
    shape: tuple[int, int, int] = (60, 128, 128),
    *,
    spacing: tuple[float, float, float] = (5.0, 3.0, 3.0),
    seed: int = 0,
    opacity: float = 0.0,
    joined: bool = False,
    lung: float = -850.0,
    noise: float = 20.0,
) -> tuple[Volume, np.ndarray]:
    """Return a CT (first slice at the feet, columns to the patient's left) and its true lungs.

    The mask is 1 right, 2 left; `opacity` is the share of their height, from
    the base, that is given −200 HU; `lung` is the density of the rest.
    """
    rng = np.random.default_rng(seed)
    voxels = np.empty(shape, dtype=np.int16)
    truth = np.zeros(shape, dtype=np.uint8)
    y = ((np.arange(shape[1]) - shape[1] / 2) * spacing[1])[:, None]
    x = ((np.arange(shape[2]) - shape[2] / 2) * spacing[2])[None, :]
    tall = shape[0] * spacing[0]
    for number in range(shape[0]):
        z = number * spacing[0]
        hu = np.full(shape[1:], -1000.0)
        hu[(x / 165) ** 2 + (y / 110) ** 2 < 1] = 40.0
        hu[(np.abs(y - 135) < 2.0) & (np.abs(x) < 170)] = 100.0  # the table's shell
        hu[(y > 137) & (y < 155) & (np.abs(x) < 170)] = -880.0  # its foam
        hu[(np.abs(y - 157) < 2.0) & (np.abs(x) < 170)] = 100.0
        height = (z - 0.55 * tall) / (0.36 * tall)
        gap = 62.0 if joined else 75.0
        for label, centre in ((1, -gap), (2, gap)):
            inside = ((x - centre) / 62) ** 2 + (y / 80) ** 2 + height**2 < 1
            truth[number][inside & (truth[number] == 0)] = label
            hu[inside] = lung
            if opacity and height < -1 + 2 * opacity:
                hu[inside] = -200.0
        if z > 0.6 * tall:  # windpipe
            hu[(x / 9) ** 2 + ((y + 5) / 9) ** 2 < 1] = -1000.0
            truth[number][(x / 9) ** 2 + ((y + 5) / 9) ** 2 < 1] = 0
        if abs(z - 0.6 * tall) < 7:  # the main bronchi, open into both lungs
            hu[(np.abs(x) < gap) & (np.abs(y + 5) < 6) & (truth[number] == 0)] = -1000.0
        if 0.04 * tall < z < 0.12 * tall:  # bowel
            hu[((x - 40) / 40) ** 2 + ((y + 50) / 25) ** 2 < 1] = -1000.0
        voxels[number] = np.rint(hu + rng.normal(0.0, noise, hu.shape))
    return Volume(voxels, spacing, "HU"), truth


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the overlap of two masks: 1 when they are the same."""
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
