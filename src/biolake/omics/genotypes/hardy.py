"""The exact test of Hardy-Weinberg proportions.

Wigginton, Cutler & Abecasis, Am J Hum Genet 2005;76:887.
"""

from __future__ import annotations

import numpy as np

from biolake.omics.genotypes.packed import loops


def hardy_weinberg(counts: np.ndarray) -> np.ndarray:
    """Return for each row of counts (0, 1, 2 alt alleles) the probability of no likelier counts.

    NaN where nobody has a call.
    """
    return np.asarray(loops().hardy_rows(np.ascontiguousarray(counts[:, :3], dtype=np.int64)))
