"""How good each sample is: call rate, heterozygosity, and whether X fits the sex that was told.

F is 1 − observed / expected heterozygous calls, the expectation from the alleles' frequencies in
the same samples (method of moments; Purcell et al., Am J Hum Genet 2007;81:559).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.packed import loops
from biolake.omics.genotypes.streaming import blocks
from biolake.omics.genotypes.variants import VariantSummary, autosomal, on_x

FEMALE_BELOW, MALE_ABOVE = 0.2, 0.8  # PLINK's --check-sex
FEWEST_ON_X = 50  # polymorphic variants from which a sex is told


@dataclass(frozen=True)
class SampleQuality:
    """One entry a sample; NaN where it cannot be told."""

    call_rate: np.ndarray
    heterozygosity_f: np.ndarray  # over 1 to 22
    x_f: np.ndarray
    sex: np.ndarray  # as X tells: 1 male, 2 female, 0 neither
    variants: int  # polymorphic ones of 1 to 22


@dataclass
class _Sums:
    missing: np.ndarray
    hets: np.ndarray
    lost: np.ndarray  # expected heterozygosity at variants without a call

    @staticmethod
    def of(samples: int) -> _Sums:
        return _Sums(np.zeros(samples, np.int64), np.zeros(samples, np.int64), np.zeros(samples))

    def add(self, genotypes: Genotypes, numbers: np.ndarray, expected: np.ndarray) -> None:
        for part, packed in blocks(genotypes, numbers):
            loops().add_samples(packed, expected[part], self.missing, self.hets, self.lost)

    def f(self, expected: np.ndarray) -> np.ndarray:
        left = expected.sum() - self.lost
        share = np.divide(self.hets, left, out=np.full(len(left), np.nan), where=left > 1e-9)
        return np.asarray(1.0 - share)


def sample_quality(genotypes: Genotypes, summary: VariantSummary) -> SampleQuality:
    """Measure every sample against the cohort of the file; call rates leave out Y."""
    variants, samples = genotypes.variants, len(genotypes.samples)
    frequency = np.nan_to_num(summary.alt_frequency)
    expected = 2.0 * frequency * (1.0 - frequency)
    normal, x = autosomal(variants), on_x(variants)
    rest = ~(normal | x) & (variants.chromosome.astype(str) != "Y")
    sums = []
    for marks in (normal, x, rest):
        numbers = np.flatnonzero(marks)
        one = _Sums.of(samples)
        one.add(genotypes, numbers, expected[numbers])
        sums.append(one)
    seen = int(normal.sum() + x.sum() + rest.sum())
    missing = sum((one.missing for one in sums), np.zeros(samples, np.int64))
    rate = 1.0 - missing / seen if seen else np.full(samples, np.nan)
    x_f = sums[1].f(expected[x])
    if int((expected[x] > 0).sum()) < FEWEST_ON_X:
        x_f = np.full(samples, np.nan)
    sex = np.select([x_f < FEMALE_BELOW, x_f > MALE_ABOVE], [2, 1], 0)
    polymorphic = int((expected[normal] > 0).sum())
    return SampleQuality(rate, sums[0].f(expected[normal]), x_f, sex, polymorphic)
