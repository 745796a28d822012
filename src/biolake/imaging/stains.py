"""How strongly a slide is stained with haematoxylin and eosin, and with what hues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.glass import optical_density

Floats = NDArray[np.float64]

# Optical densities (red, green, blue) of haematoxylin and eosin:
# Ruifrok & Johnston, Anal Quant Cytol Histol 2001;23:291.
_VECTORS = np.array([(0.650, 0.704, 0.286), (0.072, 0.990, 0.105)])
_CLEAR = 0.15  # Macenko's β: pixels with less optical density in every channel tell no hue
_EXTREME = 1.0  # Macenko's α, per cent


@dataclass(frozen=True)
class Stains:
    """Mean optical densities of the stains over tissue, and the tissue's mean colour (0…255)."""

    haematoxylin: float
    eosin: float
    residual: float
    red: float
    green: float
    blue: float


def stains_of(rgb: NDArray[np.uint8]) -> Stains:
    """Unmix tissue pixels (n × 3) with the standard vectors of Ruifrok & Johnston.

    The residual is what lies at right angles to both; brown and yellow dyes make it large.
    """
    both = np.vstack((_VECTORS, np.cross(_VECTORS[0], _VECTORS[1])))
    unit = both / np.linalg.norm(both, axis=1, keepdims=True)
    amounts = optical_density(rgb).astype(np.float64).mean(axis=0) @ np.linalg.inv(unit)
    colour = rgb.mean(axis=0)
    return Stains(
        float(amounts[0]),
        float(amounts[1]),
        float(amounts[2]),
        float(colour[0]),
        float(colour[1]),
        float(colour[2]),
    )


def own_vectors(rgb: NDArray[np.uint8]) -> Floats | None:
    """Estimate a slide's own two stain vectors (haematoxylin first), or None without two hues.

    Macenko et al., IEEE ISBI 2009:1107. `rgb` are tissue pixels (n × 3).
    """
    density = optical_density(rgb).astype(np.float64) * np.log(10.0)
    dense = density[(density > _CLEAR).all(axis=1)]
    if len(dense) < 100:
        return None
    _, directions = np.linalg.eigh(np.cov(dense.T))
    plane = directions[:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    flat = dense @ plane
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    low, high = np.percentile(angles, (_EXTREME, 100.0 - _EXTREME))
    pair = np.array([plane @ (np.cos(a), np.sin(a)) for a in (low, high)])
    pair = pair / np.linalg.norm(pair, axis=1, keepdims=True)
    # Haematoxylin takes more red than eosin does.
    return np.asarray(pair if pair[0, 0] >= pair[1, 0] else pair[::-1])
