"""What a cohort's genotypes say of each variant: frequency, call rate, Hardy-Weinberg test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.media import Genotypes, VariantList
from biolake.omics.genotypes.alleles import AUTOSOMES
from biolake.omics.genotypes.hardy import hardy_weinberg
from biolake.omics.genotypes.packed import genotype_counts
from biolake.omics.genotypes.streaming import blocks

# The parts of X that pair with Y, where men have two copies (Genome Reference Consortium).
_PSEUDO_AUTOSOMAL = {
    "GRCh37": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
    "GRCh38": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
}
MALE = 1


@dataclass(frozen=True)
class VariantSummary:
    """One entry a variant; NaN where there is nothing to tell."""

    counts: np.ndarray  # variants × 4: samples with 0, 1, 2 alt alleles, and without a call
    alt_frequency: np.ndarray
    call_rate: np.ndarray
    hwe_p: np.ndarray


def autosomal(variants: VariantList) -> np.ndarray:
    """Mark the variants on chromosomes 1 to 22."""
    return np.isin(variants.chromosome.astype(str), AUTOSOMES)


def on_x(variants: VariantList) -> np.ndarray:
    """Mark the variants of X of which men have one copy."""
    marked = variants.chromosome.astype(str) == "X"
    for first, last in _PSEUDO_AUTOSOMAL.get(variants.build, ()):
        marked &= ~((variants.position >= first) & (variants.position <= last))
    return np.asarray(marked)


def summarise(genotypes: Genotypes) -> VariantSummary:
    """Go through all variants once, counting at two bits a genotype.

    On X men count one allele, and the test is of women alone; both need the sexes, without which X
    is counted as it is stored and not tested. On Y only men count, on Y and MT one allele each. A
    heterozygous call where there is one copy is none.
    """
    variants = genotypes.variants
    men = np.asarray(genotypes.sexes) == MALE
    women = np.asarray(genotypes.sexes) > MALE
    names = variants.chromosome.astype(str)
    kinds = np.select([on_x(variants), names == "Y", names == "MT"], [1, 2, 3], 0)
    counts = np.zeros((len(variants), 4), dtype=np.int64)
    frequency, tested = np.full(len(variants), np.nan), np.full(len(variants), np.nan)
    for part, packed in blocks(genotypes, np.arange(len(variants))):
        for kind in np.unique(kinds[part]).tolist():
            rows = np.flatnonzero(kinds[part] == kind)
            at = rows + part.start
            among = men if kind == 2 and men.any() else None
            counts[at] = genotype_counts(packed[rows], len(men), among)
            if kind == 0:
                tested[at] = hardy_weinberg(counts[at])
                frequency[at] = _share(counts[at])
            elif kind == 1 and (men | women).any():
                told = [genotype_counts(packed[rows], len(men), one) for one in (~men, men)]
                frequency[at] = _share(told[0], told[1])
                tested[at] = hardy_weinberg(genotype_counts(packed[rows], len(men), women))
            else:
                frequency[at] = _share(counts[at]) if kind == 1 else _share(None, counts[at])
    total = counts.sum(axis=1)
    rate = np.divide(total - counts[:, 3], total, out=np.zeros(len(total)), where=total > 0)
    return VariantSummary(counts, frequency, rate, tested)


def _share(pairs: np.ndarray | None, singles: np.ndarray | None = None) -> np.ndarray:
    """Return the alt allele's share among samples with two copies and samples with one."""
    alt, alleles = np.zeros(1), np.zeros(1)
    if pairs is not None:
        alt = alt + pairs[:, 1] + 2 * pairs[:, 2]
        alleles = alleles + 2 * pairs[:, :3].sum(axis=1)
    if singles is not None:
        alt = alt + singles[:, 2]
        alleles = alleles + singles[:, 0] + singles[:, 2]
    share: np.ndarray = np.divide(
        alt, alleles, out=np.full(alleles.shape, np.nan), where=alleles > 0
    )
    return share
