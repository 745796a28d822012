"""Histograms of oriented gradients: the shape of a picture as numbers, with nothing learned.

Dalal & Triggs, CVPR 2005, with soft votes between orientations and one norm a block of 2 × 2 cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BINS = 9


def shape_and_grey(images: NDArray[np.floating], cell: int, coarse: int) -> Floats:
    """Return each picture's oriented gradients, then its grey levels on a coarse × coarse grid."""
    step = images.shape[1] // coarse
    grey = images.reshape(len(images), coarse, step, coarse, step).mean(axis=(2, 4))
    found = [oriented_gradients(images, cell), grey.reshape(len(images), -1)]
    return np.concatenate(found, axis=1).astype(np.float32)


def oriented_gradients(images: NDArray[np.floating], cell: int) -> Floats:
    """Return n × (cells · cells · 9) for n square pictures whose side is a multiple of `cell`."""
    rows = np.gradient(images, axis=1)
    columns = np.gradient(images, axis=2)
    strength = np.hypot(rows, columns)
    place = np.arctan2(rows, columns) % np.pi / np.pi * BINS
    lower = np.floor(place).astype(np.intp)
    upper_share = place - lower
    votes = np.zeros((*images.shape, BINS), dtype=np.float32)
    for share, bin_ in ((1.0 - upper_share, lower % BINS), (upper_share, (lower + 1) % BINS)):
        np.put_along_axis(
            votes,
            bin_[..., None],
            np.take_along_axis(votes, bin_[..., None], axis=3) + (share * strength)[..., None],
            axis=3,
        )
    count = images.shape[1] // cell
    cells = votes.reshape(len(images), count, cell, count, cell, BINS).sum(axis=(2, 4))
    return _block_normalised(cells).reshape(len(images), -1)


def _block_normalised(cells: Floats) -> Floats:
    """Divide each cell by the mean norm of the blocks of 2 × 2 cells it is in."""
    energy = np.pad((cells**2).sum(axis=3), ((0, 0), (1, 1), (1, 1)), mode="edge")
    blocks = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:]
    norms = np.sqrt(blocks)
    around = (norms[:, :-1, :-1] + norms[:, 1:, :-1] + norms[:, :-1, 1:] + norms[:, 1:, 1:]) / 4.0
    return np.asarray(cells / (around + 1e-3)[..., None], dtype=np.float32)
