"""Who is related to whom: KING's robust kinship of every pair of samples.

Manichaikul et al., Bioinformatics 2010;26:2867, equation 11: it needs no allele frequencies, so
people of several ancestries may be in one file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.packed import decode, loops
from biolake.omics.genotypes.streaming import blocks

# Table 1 there: the lower ends of a twin or duplicate, and of first to third degree.
DEGREES = ((0.354, "duplicate or twin"), (0.177, "first degree"), (0.0884, "second degree"),
           (0.0442, "third degree"))  # fmt: skip
RELATED = DEGREES[-1][0]
_WORD = 64


@dataclass(frozen=True)
class Relatives:
    """For each sample: how many others are related (third degree and nearer), and the nearest."""

    count: np.ndarray
    closest: np.ndarray  # kinship with the nearest other sample; NaN where it has no measure


def kinship_with_later(planes: np.ndarray, sample: int) -> np.ndarray:
    """Return the kinship of one sample with each sample after it, NaN where neither has hets.

    `planes` come from `bit_planes`.
    """
    counts = np.zeros((planes.shape[1], 4), dtype=np.int64)
    loops().joint_counts(planes[0], planes[1], planes[2], sample, counts)
    first, second, shared, opposite = counts[sample + 1 :].T.astype(float)
    least = np.minimum(first, second)
    apart = first + second - 2.0 * shared + 4.0 * opposite
    ratio = np.divide(apart, 4.0 * least, out=np.full(len(least), np.nan), where=least > 0)
    return np.asarray(0.5 - ratio)


def bit_planes(genotypes: Genotypes, variants: np.ndarray) -> np.ndarray:
    """Return 3 × samples × words: who is heterozygous, has none, has two, a bit a variant."""
    samples = len(genotypes.samples)
    words = -(-len(variants) // _WORD)
    planes = np.zeros((3, samples, words * 8), dtype=np.uint8)
    # Whole bytes of variants at a time, so that parts join without shifting.
    for start in range(0, len(variants), 4096):
        part = variants[start : start + 4096]
        found = np.concatenate([decode(rows, samples) for _, rows in blocks(genotypes, part)])
        for plane, dosage in zip(planes, (1, 0, 2), strict=True):
            bits = np.packbits((found == dosage).T, axis=1)
            plane[:, start // 8 : start // 8 + bits.shape[1]] = bits
    return planes.view(np.uint64)


def relatives(genotypes: Genotypes, variants: np.ndarray) -> Relatives:
    """Compare every pair of samples over these variants (of 1 to 22)."""
    planes = bit_planes(genotypes, variants)
    samples = planes.shape[1]
    count, closest = np.zeros(samples, np.int64), np.full(samples, np.nan)
    for sample in range(samples - 1):
        found = kinship_with_later(planes, sample)
        near = found >= RELATED
        count[sample] += int(near.sum())
        count[sample + 1 :] += near
        closest[sample + 1 :] = np.fmax(closest[sample + 1 :], found)
        closest[sample] = np.fmax(closest[sample], np.fmax.reduce(found))
    return Relatives(count, closest)


def degree(kinship: float) -> str:
    """Say how near two samples are, in words."""
    return next((word for least, word in DEGREES if kinship >= least), "unrelated")
