"""How good a cohort's genotypes are, sample by sample: calls, sex, relatives, ancestry axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Genotypes, Opened

if TYPE_CHECKING:
    import numpy as np

    from biolake.omics.genotypes.variants import VariantSummary

COMPONENTS = 10
FEWEST_SAMPLES = 10  # below, frequencies in the file say nothing of heterozygosity or ancestry
FEWEST_VARIANTS = 100  # polymorphic ones, for heterozygosity, kinship and components
_PAIRED = ((2_000, 100_000), (20_000, 20_000))  # up to so many samples: variants compared
_CANDIDATES = 20_000  # variants that components may rest on, before pruning
_COMMON, _CALLED = 0.05, 0.98

_CODES = (
    FoundCode("GENOTYPE_QC//call_rate", "Share of the file's variants called, less Y", "1"),
    FoundCode(
        "GENOTYPE_QC//heterozygosity_F",
        "1 − observed / expected heterozygous calls on chromosomes 1 to 22: low (< 0) speaks of"
        " mixed-up DNA, high of related parents or lost calls",
        "1",
    ),
    FoundCode("GENOTYPE_QC//x_F", "The same on X: near 1 in men, near 0 in women", "1"),
    FoundCode(
        "GENOTYPE_QC//sex_mismatch",
        "Whether X contradicts the sex that the file tells (1) or fits it (0)",
        "1",
    ),
    FoundCode(
        "GENOTYPE_QC//relatives",
        "How many other samples of the file are related, third degree and nearer (KING-robust)",
        "1",
    ),
    FoundCode(
        "GENOTYPE_QC//closest_kinship",
        "Kinship with the nearest other sample: 0.5 the same person or a twin, 0.25 first degree",
        "1",
    ),
    *(
        FoundCode(f"GENOTYPE_PC//{n}", f"Principal component {n} of the file's genotypes", "1")
        for n in range(1, COMPONENTS + 1)
    ),
)


@extractor(
    "Quality of genotypes by sample: calls, heterozygosity, sex, relatives, ancestry axes",
    needs="genotype",
    version="1",
    codes=_CODES,
    extra="omics",
)
def genotype_quality(opened: Opened) -> Measured:
    """Measure every sample of a genotype file, as facts without a time.

    Call rate over all variants but Y's. Heterozygosity from 10 samples and 100 polymorphic
    variants on. Sex from 50 polymorphic variants of X on: F below 0.2 is a woman's, above 0.8 a
    man's (PLINK's limits), between them nothing is said. Relatives by KING-robust kinship over up
    to 100,000 variants (20,000 beyond 2,000 samples; none beyond 20,000 samples), within this file
    only. Ten components of common, well-called variants thinned by linkage (r² ≤ 0.2), each of
    length 1 over the file: they compare samples of one file, not of two, and mirror family
    structure where relatives are many.
    """
    if not isinstance(opened, Genotypes) or not opened.samples:
        return Measured()
    require("omics", "numba", "scipy", to="measure genotypes")
    from biolake.omics.genotypes.variants import summarise

    summary = summarise(opened)
    return _columns(list(_measures(opened, summary)))


def _measures(
    opened: Genotypes, summary: VariantSummary
) -> Iterator[tuple[str, np.ndarray, list[str] | None]]:
    """Yield code, one value a sample (NaN: none), and texts."""
    import numpy as np

    from biolake.omics.genotypes.sample_quality import sample_quality
    from biolake.omics.genotypes.variants import autosomal

    quality = sample_quality(opened, summary)
    yield "GENOTYPE_QC//call_rate", quality.call_rate, None
    if len(opened.samples) < FEWEST_SAMPLES:
        return
    enough = quality.variants >= FEWEST_VARIANTS
    if enough:
        yield "GENOTYPE_QC//heterozygosity_F", quality.heterozygosity_f, None
    yield "GENOTYPE_QC//x_F", quality.x_f, None
    told = np.asarray(opened.sexes)
    judged = (told > 0) & (quality.sex > 0)
    yield "GENOTYPE_QC//sex_mismatch", np.where(judged, told != quality.sex, np.nan), None
    if enough:
        yield from _relatives(opened, np.flatnonzero(autosomal(opened.variants)))
        yield from _components(opened, summary)


def _relatives(
    opened: Genotypes, variants: np.ndarray
) -> Iterator[tuple[str, np.ndarray, list[str] | None]]:
    from biolake.omics.genotypes.kinship import degree, relatives
    from biolake.omics.genotypes.streaming import spread

    samples = len(opened.samples)
    most = next((count for limit, count in _PAIRED if samples <= limit), 0)
    if most:
        found = relatives(opened, spread(variants, most))
        texts = [degree(kinship) for kinship in found.closest.tolist()]
        yield "GENOTYPE_QC//relatives", found.count.astype(float), None
        yield "GENOTYPE_QC//closest_kinship", found.closest, texts


def _components(
    opened: Genotypes, summary: VariantSummary
) -> Iterator[tuple[str, np.ndarray, list[str] | None]]:
    import numpy as np

    from biolake.omics.genotypes.components import principal_components
    from biolake.omics.genotypes.pruning import pruned
    from biolake.omics.genotypes.streaming import spread
    from biolake.omics.genotypes.variants import autosomal

    frequency = np.nan_to_num(summary.alt_frequency)
    common = np.minimum(frequency, 1.0 - frequency) >= _COMMON
    fit = common & (summary.call_rate >= _CALLED) & autosomal(opened.variants)
    chosen = spread(np.flatnonzero(fit), _CANDIDATES)
    if len(chosen) < FEWEST_VARIANTS:
        return
    chosen = pruned(opened, chosen, frequency[chosen])
    found = principal_components(opened, chosen, frequency[chosen], COMPONENTS)
    for number, vector in enumerate(found.vectors.T, 1):
        yield f"GENOTYPE_PC//{number}", vector, None


def _columns(measures: list[tuple[str, np.ndarray, list[str] | None]]) -> Measured:
    """Return the values there are as columns, code by code."""
    import numpy as np
    import pyarrow as pa

    from biolake.core.schema import FINDINGS

    parts = []
    for code, values, texts in measures:
        told = np.flatnonzero(np.isfinite(values))
        columns = {name: pa.nulls(len(told), FINDINGS.field(name).type) for name in FINDINGS.names}
        columns["item"] = pa.array(np.zeros(len(told), np.int32))
        columns["sample"] = pa.array(told.astype(np.int32))
        columns["code"] = pa.array([code] * len(told), pa.string())
        columns["value"] = pa.array(values[told].astype(float))
        columns["unit"] = pa.array(["1"] * len(told), pa.string())
        if texts is not None:
            columns["text"] = pa.array([texts[n] for n in told.tolist()], pa.string())
        columns["timeless"] = pa.array(np.ones(len(told), bool))
        parts.append(pa.table(columns, schema=FINDINGS))
    found = pa.concat_tables(parts) if parts else FINDINGS.empty_table()
    return Measured(found if found.num_rows else None)
