"""A matrix of cells, some rows at a time, whether it is in memory or still in its file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from biolake.core.media import RowBlocks

_VALUES = 4_000_000  # looked at together


def blocks(counts: object) -> Iterator[tuple[int, Any]]:
    """Yield the first row and the rows of each part: a CSR matrix, or a NumPy array."""
    matrix = cast(Any, counts)
    rows, columns = matrix.shape
    if isinstance(counts, RowBlocks):
        step = int(getattr(counts, "step", 0)) or max(1, _VALUES // max(1, columns))
        for start in range(0, rows, step):
            yield start, counts.rows(start, min(rows, start + step))
    elif isinstance(counts, np.ndarray):
        yield 0, counts
    else:
        yield 0, matrix.tocsr()


def whole(counts: object) -> Any:
    """Return the matrix in memory, as it is: CSR or a NumPy array."""
    if not isinstance(counts, RowBlocks):
        return counts
    parts = [block for _, block in blocks(counts)]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    from scipy.sparse import vstack

    return vstack(parts, format="csr", dtype=counts.dtype)
