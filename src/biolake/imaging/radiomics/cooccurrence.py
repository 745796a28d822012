"""Features of the grey level co-occurrence matrix (GLCM; Haralick, IEEE Trans SMC 1973;3:610)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.radiomics.first_order import entropy
from biolake.imaging.radiomics.levels import Region

Floats = NDArray[np.float64]


def cooccurrence(region: Region, counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the 24 GLCM features: the mean over the directions in which the region has pairs.

    Raises no error for a region without any pair; its features are then not given.
    """
    some = [matrix for matrix in counts if matrix.any()]
    if not some:
        return {}
    levels = region.present.astype(np.float64)
    keep = np.ix_(region.present - 1, region.present - 1)
    each = [_features(matrix[keep] / matrix.sum(), levels, region.count) for matrix in some]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _features(p: Floats, levels: Floats, count: int) -> dict[str, float]:
    """Return the features of one direction's symmetric matrix of shares."""
    px = p.sum(axis=1)
    mean = px @ levels
    away = levels - mean
    variance = px @ away**2
    apart = away[:, None] * away[None, :]
    deviation = away[:, None] + away[None, :]
    found = {
        "Autocorrelation": levels @ p @ levels,
        "JointAverage": mean,
        "ClusterProminence": (p * deviation**4).sum(),
        "ClusterShade": (p * deviation**3).sum(),
        "ClusterTendency": (p * deviation**2).sum(),
        "Correlation": (p * apart).sum() / variance if variance > 0 else 1.0,
        "JointEnergy": (p * p).sum(),
        "JointEntropy": entropy(p.ravel()),
        "MCC": _maximal_correlation(p, px),
        "MaximumProbability": p.max(),
        "SumSquares": variance,
    }
    found |= _differences(p, levels, count)
    found |= _sums(p, levels)
    found |= _information(p, px)
    return found


def _differences(p: Floats, levels: Floats, count: int) -> dict[str, float]:
    """Return the features of |i − j|."""
    gap = np.abs(levels[:, None] - levels[None, :]).astype(np.intp)
    share = np.bincount(gap.ravel(), weights=p.ravel(), minlength=count).astype(np.float64)
    k = np.arange(share.size, dtype=np.float64)
    mean = float(share @ k)
    return {
        "Contrast": float(share @ k**2),
        "DifferenceAverage": mean,
        "DifferenceEntropy": entropy(share),
        "DifferenceVariance": float(share @ (k - mean) ** 2),
        "Id": (share / (1 + k)).sum(),
        "Idm": (share / (1 + k**2)).sum(),
        "Idmn": (share / (1 + k**2 / count**2)).sum(),
        "Idn": (share / (1 + k / count)).sum(),
        "InverseVariance": (share[1:] / k[1:] ** 2).sum(),
    }


def _sums(p: Floats, levels: Floats) -> dict[str, float]:
    """Return the features of i + j."""
    total = (levels[:, None] + levels[None, :]).astype(np.intp)
    share = np.bincount(total.ravel(), weights=p.ravel()).astype(np.float64)
    k = np.arange(share.size, dtype=np.float64)
    return {"SumAverage": float(share @ k), "SumEntropy": entropy(share)}


def _information(p: Floats, px: Floats) -> dict[str, float]:
    """Return the two informational measures of correlation."""
    joint, marginal = entropy(p.ravel()), entropy(px)
    # For a symmetric matrix both cross entropies equal twice the marginal one.
    independent = 2.0 * marginal
    first = (joint - independent) / marginal if marginal > 0 else 0.0
    gain = max(independent - joint, 0.0)
    return {"Imc1": first, "Imc2": float(np.sqrt(1.0 - np.exp(-2.0 * gain)))}


def _maximal_correlation(p: Floats, px: Floats) -> float:
    """Return the second singular value of p scaled by its margins: no eigenvalue turns complex."""
    some = px > 0
    scaled = p[np.ix_(some, some)] / np.sqrt(np.outer(px[some], px[some]))
    if len(p) < 2:
        return 1.0
    values = np.linalg.svd(scaled, compute_uv=False)
    return float(values[1]) if len(values) > 1 else 0.0
