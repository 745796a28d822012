"""Pictures as histograms of oriented gradients and coarse grey levels: no weights."""

from __future__ import annotations

import numpy as np

from biolake.core.assets import ImageInput
from biolake.core.catalogue import encoder

_SIZE, _CELL, _COARSE = 64, 8, 16


@encoder(
    "Radiograph by shape and grey levels",
    needs="xray",
    version="1",
    inputs=ImageInput(_SIZE),
    dimension=832,
    licence="none: nothing is learned from data",
    extra="imaging",
)
def radiograph_shape(batch: np.ndarray) -> np.ndarray:
    """Encode a radiograph as 576 oriented gradients (8 × 8 cells) and 256 grey levels (16 × 16).

    A baseline that a learned encoder has to beat. Dalal & Triggs, CVPR 2005.
    """
    from biolake.imaging.gradients import oriented_gradients

    step = _SIZE // _COARSE
    coarse = batch.reshape(len(batch), _COARSE, step, _COARSE, step).mean(axis=(2, 4))
    found = [oriented_gradients(batch, _CELL), coarse.reshape(len(batch), -1)]
    return np.concatenate(found, axis=1).astype(np.float32)
