"""First-order statistics: the intensities of a region, wherever they lie in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.radiomics.levels import Region


def first_order(region: Region) -> dict[str, float]:
    """Return the 18 first-order features; entropy and uniformity are of the grey levels."""
    values = region.values
    p10, p25, median, p75, p90 = np.percentile(values, (10, 25, 50, 75, 90))
    mean = values.mean()
    away = values - mean
    square = away * away
    variance = square.mean()
    energy = float(values @ values)
    middle = values[(values >= p10) & (values <= p90)]
    low, high = values.min(), values.max()
    found = {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "InterquartileRange": p75 - p25,
        "Kurtosis": (square @ square) / values.size / variance**2 if variance else 0.0,
        "Maximum": high,
        "MeanAbsoluteDeviation": np.abs(away).mean(),
        "Mean": mean,
        "Median": median,
        "Minimum": low,
        "Range": high - low,
        "RobustMeanAbsoluteDeviation": np.abs(middle - middle.mean()).mean(),
        "RootMeanSquared": np.sqrt(energy / values.size),
        "Skewness": (square @ away) / values.size / variance**1.5 if variance else 0.0,
        "TotalEnergy": energy * float(np.prod(region.spacing)),
        "Variance": variance,
    }
    share = np.bincount(region.levels.ravel())[region.present] / values.size
    found["Entropy"] = entropy(share)
    found["Uniformity"] = share @ share
    return {name: float(value) for name, value in found.items()}


def entropy(share: NDArray[np.float64]) -> float:
    """Return Shannon's entropy in bits; empty cells add nothing."""
    some = share[share > 0]
    return float(-(some @ np.log2(some)))
