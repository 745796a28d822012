"""How good a radiograph is as a picture: exposure, contrast, sharpness, borders, orientation.

Everything is relative to the picture's own range, since radiographs have no unit. The suspicions
(turned, inverted, text) are hints for a person to look, from heuristics, not diagnoses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused
from biolake.imaging.windows import fit

Floats = NDArray[np.float32]

_SIZE = 512  # sharpness is compared at one size
_EVEN = 0.02  # of the range: a row or column that varies less is border
_SMALLEST = 16  # pixels


@dataclass(frozen=True)
class Quality:
    """Shares are of 1; `sharpness` is the Laplacian's variance over the picture's."""

    exposure: float  # the median's place between darkest and brightest
    contrast: float  # from the 5th to the 95th percentile, of the range
    clipped_dark: float
    clipped_bright: float
    sharpness: float
    border: float  # share of the picture that even rows and columns at its edges take
    aspect: float  # columns over rows, in mm where the spacing is known
    turned: bool
    inverted: bool
    text: bool


def quality_of(pixels: NDArray[np.generic], spacing: tuple[float, float] | None = None) -> Quality:
    """Measure a picture (rows × columns, or × 3); refuses one that is too small or has no range."""
    grey = scaled(pixels)
    rows, columns = _field(grey)
    field = grey[rows, columns]
    inner = fit(field, _SIZE)
    known = spacing is not None and all(np.isfinite(step) and step > 0 for step in spacing)
    down, across = spacing if known and spacing else (1.0, 1.0)
    symmetric, mirrored = _symmetry(field)
    return Quality(
        exposure=float(np.median(field)),
        contrast=float(np.subtract(*np.percentile(field, (95, 5)))),
        clipped_dark=float(np.mean(field <= 0.0)),
        clipped_bright=float(np.mean(field >= 1.0)),
        sharpness=laplacian_share(inner),
        border=1.0 - field.size / grey.size,
        aspect=float(grey.shape[1] * across / (grey.shape[0] * down)),
        turned=mirrored > symmetric + 0.2 and mirrored > 0.5,
        inverted=_inverted(field),
        text=_written_on(grey),
    )


def scaled(pixels: NDArray[np.generic]) -> Floats:
    """Return a picture as grey values from 0 to 1; colour becomes luma (ITU-R BT.601)."""
    values = np.asarray(pixels, dtype=np.float32)
    if values.ndim == 3 and values.shape[2] == 3:
        values = values @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    if values.ndim != 2 or min(values.shape) < _SMALLEST:
        raise DataRefused(f"A picture of at least {_SMALLEST} rows and columns is needed.")
    if not np.isfinite(values).all():
        raise DataRefused("The picture holds pixels without a value.")
    low, high = float(values.min()), float(values.max())
    if high <= low:
        raise DataRefused("Every pixel of the picture has the same value: it shows nothing.")
    return (values - low) / np.float32(high - low)


def _field(grey: Floats) -> tuple[slice, slice]:
    """Return the picture without the even rows and columns at its edges."""
    sides = []
    for axis in (1, 0):
        spread = np.subtract(*np.percentile(grey, (98, 2), axis=axis))
        busy = np.flatnonzero(spread > _EVEN)
        enough = busy.size and busy[-1] - busy[0] >= _SMALLEST
        sides.append(slice(int(busy[0]), int(busy[-1]) + 1) if enough else slice(None))
    return sides[0], sides[1]


def laplacian_share(grey: Floats) -> float:
    """Return the Laplacian's variance over the picture's own."""
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * inner
    spread = float(inner.var())
    return float(laplacian.var()) / spread if spread > 0 else 0.0


def _symmetry(field: Floats) -> tuple[float, float]:
    """Return how alike the picture is to its left-right and to its up-down mirror image."""
    small = fit(field, 64)
    return _alike(small, small[:, ::-1]), _alike(small, small[::-1])


def _alike(one: Floats, other: Floats) -> float:
    if one.std() == 0:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _inverted(field: Floats) -> bool:
    """Say whether a chest seems shown negative: the spine darker than both lungs beside it."""
    rows, columns = field.shape
    band = field[int(0.3 * rows) : int(0.65 * rows)]
    means = [
        float(band[:, int(start * columns) : int(end * columns)].mean())
        for start, end in ((0.18, 0.34), (0.44, 0.56), (0.66, 0.82))
    ]
    return means[1] < min(means[0], means[2]) - 0.1


def _written_on(grey: Floats) -> bool:
    """Say whether four or more small, fully bright shapes stand in one line, as letters do."""
    from scipy import ndimage

    labels, count = ndimage.label(grey > 0.94, np.ones((3, 3)))
    if not 4 <= count <= 5000:
        return False
    rows, columns = grey.shape
    middles, heights = [], []
    for down, across in ndimage.find_objects(labels):
        height, width = down.stop - down.start, across.stop - across.start
        letter = 0.012 * rows < height < 0.06 * rows and 0.1 * height < width < 2.0 * height
        if letter and height >= 5 and width < 0.06 * columns and _stands_out(grey, down, across):
            middles.append((down.start + down.stop) / 2.0)
            heights.append(height)
    found, size = np.array(middles), np.array(heights)
    return any(
        np.sum((np.abs(found - m) < 0.4 * h) & (np.abs(size - h) < 0.35 * h)) >= 4
        for m, h in zip(middles, heights, strict=True)
    )


def _stands_out(grey: Floats, down: slice, across: slice) -> bool:
    """Say whether the ring around a shape is much darker than it: drawn, not shone through."""
    ring = grey[max(down.start - 2, 0) : down.stop + 2, max(across.start - 2, 0) : across.stop + 2]
    edge = np.concatenate((ring[0], ring[-1], ring[:, 0], ring[:, -1]))
    return float(np.median(edge)) < 0.6
