"""Tissue on a whole-slide image: where it is, how much, and what else lies on the glass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused
from biolake.core.media import Slide

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_FINEST, _COARSEST = 0.01, 200.0  # micrometres a pixel that a microscope can have
_SCALE = 8.0  # micrometres a pixel of the overview: cells melt into tissue
_SHORTEST, _LONGEST = 512, 2048  # pixels of the overview
_FAINTEST, _DENSEST = 0.05, 0.15  # optical density: where Otsu's threshold may lie
_COLOURLESS = 0.04  # (brightest − darkest channel) / 255: dust, shadow and bubbles stay below
_UNSEEN = 12  # all channels: never scanned, written black
_SPECK = 0.00002  # of the slide: smaller pieces are dirt
_DARK = 60  # all channels: black ink; the darkest nuclei are still violet


@dataclass(frozen=True)
class Tissue:
    """Masks on the overview; `pixel` is full-resolution pixels a mask pixel (column, row)."""

    overview: NDArray[np.uint8]
    mask: Flags
    pen: Flags
    pixel: tuple[float, float]
    threshold: float

    @property
    def share(self) -> float:
        """Share of the slide that is tissue."""
        return float(self.mask.mean())

    @property
    def pen_share(self) -> float:
        return float(self.pen.mean())

    def area(self, mpp: tuple[float, float]) -> float:
        """Return the tissue's area in mm2."""
        each = self.pixel[0] * mpp[0] * self.pixel[1] * mpp[1]
        return float(np.count_nonzero(self.mask) * each / 1e6)


def tissue_of(slide: Slide) -> Tissue:
    """Find tissue by optical density (Otsu, IEEE Trans SMC 1979;9:62) where there is colour.

    On blank glass the threshold is bounded, so that noise does not become tissue.
    """
    overview = np.asarray(slide.thumbnail(_overview_length(slide)))
    if overview.ndim != 3 or overview.shape[2] < 3 or 0 in overview.shape:
        raise DataRefused("The slide's overview is not a colour picture.")
    overview = np.ascontiguousarray(overview[..., :3])
    rows, columns = overview.shape[:2]
    pixel = (slide.size[0] / columns, slide.size[1] / rows)
    density = optical_density(overview).mean(axis=2)
    colour = (overview.max(axis=2) - overview.min(axis=2)) / 255.0
    seen = overview.max(axis=2) > _UNSEEN
    pen = pen_of(overview) & seen
    usable = density[seen & ~pen]
    otsu = threshold_of(usable) if usable.size else _DENSEST
    threshold = float(np.clip(otsu, _FAINTEST, _DENSEST))
    mask = (density > threshold) & (colour > _COLOURLESS) & seen & ~pen
    return Tissue(overview, _tidy(mask), pen, pixel, threshold)


def resolution_of(slide: Slide) -> tuple[float, float] | None:
    """Return a slide's micrometres per pixel, or None when it tells none that can be."""
    if slide.mpp is None or not all(_FINEST <= each <= _COARSEST for each in slide.mpp):
        return None
    return slide.mpp


def _overview_length(slide: Slide) -> int:
    resolution = resolution_of(slide)
    if resolution is None:
        return _LONGEST
    length = max(size * mpp for size, mpp in zip(slide.size, resolution, strict=True))
    return int(np.clip(length / _SCALE, _SHORTEST, _LONGEST))


def optical_density(rgb: NDArray[np.uint8]) -> Floats:
    """Return −log10 of the light let through, per channel: 0 for clear glass."""
    return np.asarray(-np.log10((rgb.astype(np.float32) + 1.0) / 256.0), dtype=np.float32)


def threshold_of(values: Floats) -> float:
    """Return Otsu's threshold: the cut that leaves least variance within both classes."""
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2.0
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middles)
    split = (below > 0) & (above > 0)
    if not split.any():
        return float(values.max())
    means = total[split] / below[split] - (total[-1] - total[split]) / above[split]
    between = below[split] * above[split] * means**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))  # an empty valley: its middle
    return float(edges[1:][split][best].mean())


def pen_of(rgb: NDArray[np.uint8]) -> Flags:
    """Find ink by colours that no stain of haematoxylin and eosin has."""
    from scipy import ndimage

    r, g, b = (rgb[..., channel].astype(np.int32) for channel in range(3))
    green = (g > 1.15 * r) & (g > 1.02 * b) & (g - r > 20)
    blue = (b > 1.5 * r) & (g > 1.05 * r) & (b - r > 40)  # haematoxylin lets red through
    red = (r > 140) & (g < 70) & (b < 80) & (r > 2 * g)
    black = (np.maximum(np.maximum(r, g), b) < _DARK) & (np.abs(r - b) < 12)
    # Ink is broad: single pixels of such a colour are noise or pigment.
    return np.asarray(ndimage.binary_opening(green | blue | red | black, iterations=2))


def _tidy(mask: Flags) -> Flags:
    """Close thin gaps, drop specks, fill pinholes."""
    from scipy import ndimage

    closed = ndimage.binary_closing(np.pad(mask, 2), iterations=2)[2:-2, 2:-2] | mask
    least = max(8, int(_SPECK * mask.size))
    kept = _without_small(closed, least)
    return ~_without_small(~kept, least)


def _without_small(mask: Flags, least: int) -> Flags:
    from scipy import ndimage

    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= least)[labels])
