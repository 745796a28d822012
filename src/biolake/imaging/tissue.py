"""Tissue on a whole-slide image: where it is, how much, and what else lies on the glass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused
from biolake.core.media import Slide
from biolake.imaging.glass import UNSEEN, stained_of

Flags = NDArray[np.bool_]

_FINEST, _COARSEST = 0.01, 200.0  # micrometres a pixel that a microscope can have
_SCALE = 8.0  # micrometres a pixel of the overview: cells melt into tissue
_SHORTEST, _LONGEST = 512, 2048  # pixels of the overview
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
    """Find tissue: what lets through less light than the glass, by more than noise, and has colour.

    The glass is measured on the slide itself, so that pale stroma is told from it however dark a
    tumour beside it is; where no glass is in view, Otsu's threshold decides within bounds.
    """
    overview = np.asarray(slide.thumbnail(_overview_length(slide)))
    if overview.ndim != 3 or overview.shape[2] < 3 or 0 in overview.shape:
        raise DataRefused("The slide's overview is not a colour picture.")
    overview = np.ascontiguousarray(overview[..., :3])
    rows, columns = overview.shape[:2]
    pixel = (slide.size[0] / columns, slide.size[1] / rows)
    pen = pen_of(overview) & (overview.max(axis=2) > UNSEEN)
    mask, threshold = stained_of(overview, pen)
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
