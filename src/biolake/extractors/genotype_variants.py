"""The variants of a cohort's genotypes: where they lie, how frequent, how well called."""

from __future__ import annotations

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Genotypes, Opened

_CODES = (
    FoundCode(
        "GENOTYPE//*",
        "Copies of an allele in a subject (0, 1, 2), for variants kept by `biolake variants keep`",
        "1",
    ),
)


@extractor(
    "Variants of genotypes: table of alleles, frequency, call rate, Hardy-Weinberg",
    needs="genotype",
    version="1",
    codes=_CODES,
    extra="omics",
)
def genotype_variants(opened: Opened) -> Measured:
    """Fill the table `variants`: one row a variant that can be told apart.

    Frequency is that of the alt allele among the file's samples, on X with one copy in men;
    `hwe_p` the exact test (Wigginton 2005), on X of women alone. Left out are variants without a
    position, with alleles that are not of A, C, G and T, and repeats of an earlier one; the load
    of the file has said which.
    """
    if not isinstance(opened, Genotypes):
        return Measured()
    require("omics", "numba", to="count genotypes")
    import numpy as np
    import pyarrow as pa

    from biolake.omics.genotypes.alleles import faults
    from biolake.omics.genotypes.variants import summarise

    variants, summary = opened.variants, summarise(opened)
    kept = np.ones(len(variants), dtype=bool)
    kept[list(faults(variants))] = False
    rows = np.flatnonzero(kept)
    table = pa.table(
        {
            "item": pa.array(np.zeros(len(rows), np.int32)),
            "number": pa.array(rows.astype(np.int32)),
            "chromosome": pa.array(variants.chromosome[rows], pa.string()),
            "position": pa.array(variants.position[rows], pa.int64()),
            "variant": pa.array([name or None for name in variants.name[rows]], pa.string()),
            "ref": pa.array(variants.ref[rows], pa.string()),
            "alt": pa.array(variants.alt[rows], pa.string()),
            "build": pa.array([variants.build or None] * len(rows), pa.string()),
            "alt_frequency": pa.array(summary.alt_frequency[rows], from_pandas=True),
            "call_rate": pa.array(summary.call_rate[rows]),
            "hwe_p": pa.array(summary.hwe_p[rows], from_pandas=True),
        }
    )
    skipped = {} if len(rows) else {0: "no variant of it can be told apart"}
    return Measured(tables={"variants": table}, skipped=skipped)
