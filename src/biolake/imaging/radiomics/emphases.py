"""Features shared by run, zone and dependence matrices: how often level i comes in size j.

GLRLM: Galloway, Comput Graph Image Process 1975;4:172. GLSZM: Thibault et al., PRIP 2009.
GLDM: Sun & Wee, Comput Vis Graph Image Process 1983;23:341.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.radiomics.first_order import entropy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Words:
    """How one family names its features: Run, Zone or Dependence; their sizes; the rest."""

    small: str
    large: str
    level: str
    sizes: str
    kind: str


RUNS = Words("ShortRun", "LongRun", "GrayLevelRun", "RunLength", "Run")
ZONES = Words("SmallArea", "LargeArea", "GrayLevelZone", "SizeZone", "Zone")
DEPENDENCES = Words("SmallDependence", "LargeDependence", "GrayLevel", "Dependence", "Dependence")


def emphases(words: Words, level: Floats, size: Floats, count: Floats) -> dict[str, float]:
    """Return the features of a matrix given as its filled cells: level, size, and count."""
    total = count.sum()
    share = count / total
    low, high = 1.0 / level**2, level**2
    small, large = 1.0 / size**2, size**2
    by_level, by_size = _summed(level, share), _summed(size, share)
    found = {
        f"{words.small}Emphasis": share @ small,
        f"{words.large}Emphasis": share @ large,
        f"Low{words.level}Emphasis": share @ low,
        f"High{words.level}Emphasis": share @ high,
        f"{words.small}LowGrayLevelEmphasis": share @ (small * low),
        f"{words.small}HighGrayLevelEmphasis": share @ (small * high),
        f"{words.large}LowGrayLevelEmphasis": share @ (large * low),
        f"{words.large}HighGrayLevelEmphasis": share @ (large * high),
        "GrayLevelNonUniformity": (by_level @ by_level) * total,
        f"{words.sizes}NonUniformity": (by_size @ by_size) * total,
        f"{words.sizes}NonUniformityNormalized": by_size @ by_size,
        "GrayLevelVariance": share @ (level - share @ level) ** 2,
        f"{words.kind}Variance": share @ (size - share @ size) ** 2,
        f"{words.kind}Entropy": entropy(share),
    }
    if words is not DEPENDENCES:  # of dependences both are known: uniformity, and 1
        found["GrayLevelNonUniformityNormalized"] = by_level @ by_level
        found[f"{words.kind}Percentage"] = total / (count @ size)
    return {name: float(value) for name, value in found.items()}


def _summed(key: Floats, share: Floats) -> Floats:
    return np.bincount(key.astype(np.intp), weights=share).astype(np.float64)


def run_features(counts: NDArray[np.int64], lines: NDArray[np.bool_]) -> dict[str, float]:
    """Return the 16 GLRLM features: the mean over the directions whose `lines` meet the region."""
    each = [
        _of_matrix(RUNS, matrix)
        for matrix, meets in zip(counts, lines, strict=True)
        if meets and matrix.any()
    ]
    if not each:
        return {}
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def zone_features(levels: NDArray[np.int64], sizes: NDArray[np.int64]) -> dict[str, float]:
    """Return the 16 GLSZM features."""
    cells, count = np.unique(np.stack((levels, sizes)), axis=1, return_counts=True)
    level, size = cells.astype(np.float64)
    return emphases(ZONES, level, size, count.astype(np.float64))


def dependence_features(counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the 14 GLDM features; a voxel's dependence counts itself."""
    return _of_matrix(DEPENDENCES, counts)


def _of_matrix(words: Words, counts: NDArray[np.int64]) -> dict[str, float]:
    level, size = np.nonzero(counts)
    count = counts[level, size].astype(np.float64)
    return emphases(words, level.astype(np.float64) + 1, size.astype(np.float64) + 1, count)
