"""Windows and frames: intensities mapped to 0…1, pictures fitted into a square."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import WrongUse

Floats = NDArray[np.float32]

# Centre and width in HU as radiologists set them.
LUNG, SOFT_TISSUE, BONE, BRAIN = (-600.0, 1500.0), (40.0, 400.0), (400.0, 1800.0), (40.0, 80.0)


def window(voxels: NDArray[np.generic], centre: float, width: float) -> Floats:
    """Map centre ± width/2 onto 0 to 1 and clip what lies outside; any shape."""
    if not width > 0:
        raise WrongUse("A window needs a width above 0.")
    low = centre - width / 2.0
    found: Floats = np.asarray(voxels, dtype=np.float32) - np.float32(low)
    found /= np.float32(width)
    np.clip(found, 0.0, 1.0, out=found)
    return found


def percentile_window(pixels: NDArray[np.generic], low: float = 1.0, high: float = 99.0) -> Floats:
    """Map the pixels' own percentiles onto 0 to 1; an even picture becomes 0."""
    values = np.asarray(pixels, dtype=np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.shape, dtype=np.float32)
    bottom, top = (float(v) for v in np.percentile(finite, (low, high)))
    if top <= bottom:
        return np.zeros(values.shape, dtype=np.float32)
    return window(np.nan_to_num(values, nan=bottom), (bottom + top) / 2.0, top - bottom)


def fit_square(
    image: NDArray[np.generic], size: int, spacing: tuple[float, float] = (1.0, 1.0)
) -> Floats:
    """Resize a picture (rows × columns, or × 3) to size × size, aspect kept, padded with zeros."""
    small = fit(image, size, spacing)
    rows, columns = small.shape[:2]
    found = np.zeros((size, size, *image.shape[2:]), dtype=np.float32)
    top, left = (size - rows) // 2, (size - columns) // 2
    found[top : top + rows, left : left + columns] = small
    return found


def fit(image: NDArray[np.generic], size: int, spacing: tuple[float, float] = (1.0, 1.0)) -> Floats:
    """Resize a picture so that its longer side is `size`, aspect kept.

    `spacing` is the distance between rows and between columns: pixels that are not square become
    so. Shrinking averages the area a new pixel covers, so that fine detail does not alias.
    """
    if size < 1 or image.ndim not in (2, 3) or 0 in image.shape[:2]:
        raise WrongUse("A picture of rows × columns and a size of at least 1 are needed.")
    height, width = image.shape[0] * spacing[0], image.shape[1] * spacing[1]
    scale = size / max(height, width)
    rows, columns = (max(1, min(size, round(side * scale))) for side in (height, width))
    small = np.asarray(image, dtype=np.float32)
    return _resized(_resized(small, rows, 0), columns, 1)


def _resized(image: Floats, length: int, axis: int) -> Floats:
    """Resize one axis: area average when it shrinks, linear when it grows."""
    before = image.shape[axis]
    if before == length:
        return image
    weights = _averages(before, length) if length < before else _linear(before, length)
    return np.moveaxis(np.tensordot(weights, image, axes=(1, axis)), 0, axis)


def _averages(before: int, after: int) -> Floats:
    """Return after × before weights: the share of each old pixel in each new one."""
    edges = np.linspace(0.0, before, after + 1)
    start, stop = edges[:-1, None], edges[1:, None]
    old = np.arange(before)[None, :]
    overlap = np.minimum(stop, old + 1) - np.maximum(start, old)
    return np.asarray(np.clip(overlap, 0.0, None) * (after / before), dtype=np.float32)


def _linear(before: int, after: int) -> Floats:
    """Return after × before weights of linear interpolation between pixel centres."""
    place = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    left = np.minimum(place.astype(np.intp), max(before - 2, 0))
    part = (place - left).astype(np.float32)
    weights = np.zeros((after, before), dtype=np.float32)
    weights[np.arange(after), left] = 1.0 - part
    weights[np.arange(after), np.minimum(left + 1, before - 1)] += part
    return weights
