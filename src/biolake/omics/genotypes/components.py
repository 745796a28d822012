"""Principal components of samples: the axes along which their genotypes differ most.

Patterson, Price & Reich, PLoS Genet 2006;2:e190: dosages standardised by 2p and 2p(1 − p), the
eigenvectors of the samples' relationship matrix. Beyond some thousand samples by randomised block
Krylov iteration (Musco & Musco, NeurIPS 2015, algorithm 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.packed import decode
from biolake.omics.genotypes.streaming import blocks

EXACT_UP_TO = 3_000  # samples
_ROUNDS, _MORE = 8, 10  # iterations, and directions beyond those wanted
_AT_ONCE = 1 << 20  # bytes of packed rows: thirty-two times as many as float64


@dataclass(frozen=True)
class Components:
    """`vectors` is samples × components, each of length 1; `values` are their eigenvalues."""

    vectors: np.ndarray
    values: np.ndarray
    variants: int


def standardised(packed: np.ndarray, samples: int, frequency: np.ndarray) -> np.ndarray:
    """Return variants × samples of mean 0 and variance 1 under Hardy-Weinberg; no call is 0."""
    dosages = decode(packed, samples)
    rows = dosages - 2.0 * frequency[:, None]
    rows /= np.sqrt(2.0 * frequency * (1.0 - frequency))[:, None]
    rows[dosages < 0] = 0.0
    return np.asarray(rows)


def principal_components(
    genotypes: Genotypes,
    variants: np.ndarray,
    frequency: np.ndarray,
    wanted: int = 10,
    *,
    exact_up_to: int = EXACT_UP_TO,
    seed: int = 20,
) -> Components:
    """Return the first components over these variants, of frequencies (alt) not 0 or 1.

    Signs are set so that the entry of greatest size is positive.
    """
    samples = len(genotypes.samples)
    wanted = min(wanted, samples - 1, len(variants))
    if wanted < 1:
        return Components(np.empty((samples, 0)), np.empty(0), len(variants))
    exact = samples <= exact_up_to
    solve = _exact if exact else _randomised
    values, vectors = solve(genotypes, variants, frequency, wanted, seed)
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(wanted)])
    return Components(vectors, values, len(variants))


def _times(
    genotypes: Genotypes, variants: np.ndarray, frequency: np.ndarray, right: np.ndarray | None
) -> np.ndarray:
    """Return the relationship matrix, or its product with `right`, block by block."""
    samples = len(genotypes.samples)
    total = np.zeros((samples, samples if right is None else right.shape[1]))
    for part, packed in blocks(genotypes, variants, _AT_ONCE):
        rows = standardised(packed, samples, frequency[part])
        total += rows.T @ (rows if right is None else rows @ right)
    return total / len(variants)


def _exact(
    genotypes: Genotypes, variants: np.ndarray, frequency: np.ndarray, wanted: int, _seed: int
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.linalg import eigh

    matrix = _times(genotypes, variants, frequency, None)
    last = len(matrix) - 1
    values, vectors = eigh(matrix, subset_by_index=[last - wanted + 1, last])
    return values[::-1], vectors[:, ::-1]


def _randomised(
    genotypes: Genotypes, variants: np.ndarray, frequency: np.ndarray, wanted: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Search the space of all iterates, not of the last alone: near components part sooner."""
    samples = len(genotypes.samples)
    draw = np.random.default_rng(seed)
    basis = draw.standard_normal((samples, min(samples, wanted + _MORE)))
    found = np.empty((samples, 0))
    for _ in range(_ROUNDS):
        basis = _times(genotypes, variants, frequency, basis)
        for _again in range(2):  # twice is enough (Kahan and Parlett)
            basis = np.linalg.qr(basis - found @ (found.T @ basis))[0]
        found = np.hstack([found, basis])[:, :samples]
        basis = found[:, -basis.shape[1] :]
    small = found.T @ _times(genotypes, variants, frequency, found)
    values, inside = np.linalg.eigh((small + small.T) / 2.0)
    order = np.argsort(values)[::-1][:wanted]
    return values[order], found @ inside[:, order]
