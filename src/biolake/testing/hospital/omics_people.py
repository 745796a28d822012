"""Who gives a sample, what is true of them, and what is drawn for each: the molecular truths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.testing.hospital.clock import YEAR
from biolake.testing.hospital.columns import Columns
from biolake.testing.hospital.population import Population

STREAM = 32_452_843
"""Sets these draws apart from all others."""

VARIANTS, ON_X = 460, 60
"""Enough on X that the sex of a sample can be told."""
CAUSAL = 137
"""The variant, numbered from 0, that raises LDL cholesterol."""
BETA, LDL_BASE, LDL_SD, PER_DECADE = 12.0, 118.0, 24.0, 3.0
"""LDL in mg/dL: base + BETA an alternate allele + PER_DECADE a decade of age over 60 + noise."""

SIGNATURE = (
    "ISG15", "IFIT1", "IFIT3", "IFI6", "IFI44L", "MX1", "OAS1", "OAS2", "STAT1", "CXCL10",
    "IL6", "CXCL8", "TNF", "CCL2", "S100A8", "S100A9", "LCN2", "SAA1", "CRP", "PTX3",
)  # fmt: skip
"""Genes that are raised by SHIFT (log2) in people who have COPD when the sample is taken."""
SHIFT = 0.8
OTHERS = (
    "ACTB", "GAPDH", "TP53", "BRCA1", "EGFR", "KRAS", "MYC", "PTEN", "VEGFA", "HIF1A", "ALB",
    "APOE", "LDLR", "PCSK9", "INS", "GCG", "NPPB", "TNNT2", "MYH7", "SFTPC",
)  # fmt: skip
GENES = (*SIGNATURE, *OTHERS, *(f"SYN{n:04d}" for n in range(160)))

CELL_TYPES = ("B cell", "Monocyte", "T cell")
SHARES = {False: (0.2, 0.15, 0.65), True: (0.15, 0.40, 0.45)}
"""Shares of the cell types, without and with diabetes when the sample is taken."""
CELLS_EACH, DONORS = 60, 12


@dataclass(frozen=True)
class Givers(Columns):
    """One row a sample: whose, when it was taken, and what is true of them then."""

    index: np.ndarray
    male: np.ndarray
    taken: np.ndarray
    age: np.ndarray
    copd: np.ndarray
    diabetic: np.ndarray


def givers(people: Population, site: int, seed: int, share: float) -> Givers:
    """Choose the subjects of a site who give a sample, at their entry visit."""
    drawn = [np.random.default_rng([seed, STREAM, i]).random() for i in people.index.tolist()]
    kept = np.flatnonzero((people.site == site) & (np.array(drawn) < share))
    some = people.take(kept)
    taken = some.entry + 1800
    return Givers(
        some.index,
        some.male,
        taken,
        (taken - some.birth) / YEAR,
        some.has("copd", taken),
        some.has("diabetes", taken),
    )


def sample_name(index: int) -> str:
    """Return what the laboratory calls a subject's sample."""
    return f"SMP{index * 3 + 1_000_001:07d}"


def frequencies(seed: int) -> np.ndarray:
    """Return the frequency of the alternate allele of each variant, the same at every site."""
    found: np.ndarray = np.random.default_rng([seed, STREAM + 1]).uniform(0.05, 0.5, VARIANTS)
    return found


def dosages(givers: Givers, seed: int) -> np.ndarray:
    """Draw variants × samples int8 in Hardy-Weinberg proportions; the last ON_X lie on X."""
    common = frequencies(seed)
    drawn = np.empty((VARIANTS, len(givers.index)), np.int8)
    for place, index in enumerate(givers.index.tolist()):
        rng = np.random.default_rng([seed, STREAM + 2, index])
        alleles = (rng.random((2, VARIANTS)) < common).astype(np.int8)
        if givers.male[place]:
            alleles[1, -ON_X:] = alleles[0, -ON_X:]  # one X, written as PLINK does: 0 or 2
        drawn[:, place] = alleles.sum(axis=0)
    return drawn


def cholesterol(givers: Givers, dosage: np.ndarray, seed: int) -> np.ndarray:
    """Draw each giver's LDL cholesterol, mg/dL, from their dosage of the causal variant."""
    noise = [np.random.default_rng([seed, STREAM + 3, i]).normal() for i in givers.index.tolist()]
    mean = LDL_BASE + BETA * dosage + PER_DECADE * (givers.age - 60) / 10
    return np.asarray(np.round(mean + LDL_SD * np.array(noise), 1))


def expression(givers: Givers, seed: int) -> np.ndarray:
    """Draw genes × samples, log2(TPM + 1), with the signature raised in COPD."""
    base = np.random.default_rng([seed, STREAM + 4]).uniform(2.0, 9.0, len(GENES))
    drawn = np.empty((len(GENES), len(givers.index)))
    for place, index in enumerate(givers.index.tolist()):
        rng = np.random.default_rng([seed, STREAM + 5, index])
        drawn[:, place] = base + rng.normal(0, 0.7, len(GENES)) + rng.normal(0, 0.15)
    drawn[: len(SIGNATURE), givers.copd] += SHIFT
    return np.round(np.maximum(drawn, 0), 3)


@dataclass(frozen=True)
class DrawnCells:
    """Cells × genes counts, with each cell's donor (a row of the givers) and type."""

    counts: np.ndarray  # int32
    donor: np.ndarray
    kind: np.ndarray


def cells(givers: Givers, seed: int) -> DrawnCells:
    """Draw the cells of the first DONORS givers."""
    counts, donors, kinds = [], [], []
    profile = np.random.default_rng([seed, STREAM + 6]).gamma(0.6, 1.2, (3, len(GENES)))
    for place in range(min(DONORS, len(givers.index))):
        rng = np.random.default_rng([seed, STREAM + 7, int(givers.index[place])])
        kind = rng.choice(3, CELLS_EACH, p=SHARES[bool(givers.diabetic[place])])
        depth = rng.lognormal(0.0, 0.3, CELLS_EACH)[:, None]
        counts.append(rng.poisson(profile[kind] * depth).astype(np.int32))
        donors.append(np.full(CELLS_EACH, place))
        kinds.append(kind)
    if not counts:
        empty = np.empty(0, np.int64)
        return DrawnCells(np.empty((0, len(GENES)), np.int32), empty, empty)
    return DrawnCells(np.concatenate(counts), np.concatenate(donors), np.concatenate(kinds))
