"""How sharp slide tiles are: the share of tissue that is out of focus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.radiograph import laplacian_share

_BLURRED = 0.03  # of a tile's variance: below, edges are wider than a few micrometres


def sharpness_of(tile: NDArray[np.uint8]) -> float:
    """Return the Laplacian's variance over the tile's own: falls when the focus is lost."""
    grey = tile.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return laplacian_share(grey)


def blurred(sharpness: float) -> bool:
    """Say whether a tile of about 1 micrometre a pixel is out of focus."""
    return sharpness < _BLURRED
