"""Variants that tell different things: those in linkage disequilibrium with others left out."""

from __future__ import annotations

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.components import standardised
from biolake.omics.genotypes.streaming import blocks

WINDOW, MOST_R2 = 50, 0.2
_AT_ONCE = 1 << 20  # bytes of packed rows: eight times as many as float32, sixteen times over


def pruned(
    genotypes: Genotypes,
    variants: np.ndarray,
    frequency: np.ndarray,
    *,
    window: int = WINDOW,
    most: float = MOST_R2,
) -> np.ndarray:
    """Return those of `variants` that correlate with none of the `window` kept before them.

    In the order given, chromosome by chromosome: a variant stays when its r² with each of the last
    kept ones is at most `most`. Missing calls are set to the mean. `frequency` is one a variant of
    `variants`, none of them 0 or 1.
    """
    chromosomes = genotypes.variants.chromosome.astype(str)[variants]
    samples = len(genotypes.samples)
    kept: list[int] = []
    near = np.zeros((window, samples), dtype=np.float32)
    held, last = 0, ""
    for part, packed in blocks(genotypes, variants, _AT_ONCE):
        rows = _unit(standardised(packed, samples, frequency[part]).astype(np.float32))
        for place, row in enumerate(rows, part.start):
            if chromosomes[place] != last:
                held, last = 0, chromosomes[place]
            r = near[: min(held, window)] @ row
            if not len(r) or float(np.max(r * r)) <= most:
                near[held % window] = row
                held += 1
                kept.append(place)
    return np.asarray(variants[kept])


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
