"""Pictures as histograms of oriented gradients and coarse grey levels: no weights."""

from __future__ import annotations

import numpy as np

from biolake.core.assets import ImageInput
from biolake.core.catalogue import encoder

_SIZE, _CELL, _COARSE = 64, 8, 16


@encoder(
    "CT slices by shape and grey levels, lung window",
    needs="ct",
    version="1",
    inputs=ImageInput(_SIZE, window=(-600.0, 1500.0)),
    dimension=832,
    licence="none: nothing is learned from data",
    extra="imaging",
)
def ct_slice_shape(batch: np.ndarray) -> np.ndarray:
    """Encode a slice as 576 oriented gradients (8 × 8 cells) and 256 grey levels (16 × 16).

    A baseline that a learned encoder has to beat. Dalal & Triggs, CVPR 2005.
    """
    from biolake.imaging.gradients import shape_and_grey

    return shape_and_grey(batch, _CELL, _COARSE)
