"""Kinship beyond ancestry: PC-Relate, for samples whose ancestries are mixed.

Conomos et al., Am J Hum Genet 2016;98:127: each sample's expected dosages come from its principal
components; what it shares with another beyond these is kinship (equation 3). The components must be
of unrelated samples: where relatives make an axis of their own, it explains them away.
"""

from __future__ import annotations

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.packed import decode
from biolake.omics.genotypes.streaming import blocks

_AT_ONCE = 1 << 20  # bytes of packed rows


def pc_relate(genotypes: Genotypes, variants: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return samples × samples kinship given components (samples × k); NaN without a variant.

    A missing call, and an expected frequency not between 0 and 1, leave that pair out of a variant.
    Takes twice samples² × 8 bytes.
    """
    samples = len(genotypes.samples)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(samples), components]))
    shared, scale = np.zeros((samples, samples)), np.zeros((samples, samples))
    for _, packed in blocks(genotypes, variants, _AT_ONCE):
        dosages = decode(packed, samples).astype(float)
        missing = dosages < 0
        called = np.maximum((~missing).sum(axis=1, keepdims=True), 1)
        mean = np.where(missing, 0.0, dosages).sum(axis=1, keepdims=True) / called
        dosages = np.where(missing, mean, dosages)
        expected = (dosages @ basis) @ basis.T / 2.0
        out = missing | (expected <= 0.0) | (expected >= 1.0)
        rest = np.where(out, 0.0, dosages - 2.0 * expected)
        spread = np.sqrt(np.where(out, 0.0, expected * (1.0 - expected)))
        shared += rest.T @ rest
        scale += spread.T @ spread
    kinship: np.ndarray = np.divide(
        shared, 4.0 * scale, out=np.full(shared.shape, np.nan), where=scale > 0
    )
    return kinship
