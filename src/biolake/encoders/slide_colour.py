"""Tissue tiles as colour and texture: how much stain, how it is spread, how rough. No weights."""

from __future__ import annotations

import numpy as np

from biolake.core.assets import TileInput
from biolake.core.catalogue import encoder

# Absorption of haematoxylin, eosin and what is left (Ruifrok & Johnston, Anal Quant Cytol 2001).
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SCALES = (1, 2, 4, 8)  # pixels between the compared


@encoder(
    "Tissue tiles by stain, colour and texture",
    needs="slide",
    version="1",
    inputs=TileInput(size=224, mpp=1.0, most=128),
    dimension=48,
    licence="none: nothing is learned from data",
    extra="slides",
)
def slide_colour(batch: np.ndarray) -> np.ndarray:
    """Encode each tile as 48 numbers: quantiles of stain and density, contrast at four scales.

    Stain amounts differ between laboratories: a model on these vectors is judged on another
    laboratory's slides before it is believed.
    """
    return np.stack([_tile(tile) for tile in batch]).astype(np.float32)


def _tile(tile: np.ndarray) -> np.ndarray:
    density = -np.log10((tile[..., :3].astype(np.float64) + 1.0) / 256.0)
    stains = density @ np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True))
    levels = [np.quantile(stains, _QUANTILES, axis=(0, 1)).ravel()]
    levels.append(np.quantile(density, _QUANTILES, axis=(0, 1)).ravel())
    levels.append(stains.std(axis=(0, 1)))
    levels.append(density.std(axis=(0, 1)))
    return np.concatenate([*levels, *(_contrast(stains, scale) for scale in _SCALES)])


def _contrast(stains: np.ndarray, scale: int) -> np.ndarray:
    """Return each stain's mean absolute difference between pixels `scale` apart."""
    across = np.abs(stains[:, scale:] - stains[:, :-scale]).mean(axis=(0, 1))
    down = np.abs(stains[scale:] - stains[:-scale]).mean(axis=(0, 1))
    return np.asarray(0.5 * (across + down))
