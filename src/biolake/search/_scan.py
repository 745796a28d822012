"""The compiled loops over vectors of single bytes."""

from __future__ import annotations

import numpy as np

from biolake.core.compiled import compiled


@compiled
def scan(codes: np.ndarray, scale: np.ndarray, asked: np.ndarray, found: np.ndarray) -> None:
    """Set `found` to the inner product of every vector with the one that is asked for."""
    for row in range(codes.shape[0]):
        total = np.int32(0)
        for at in range(codes.shape[1]):
            total += np.int32(codes[row, at]) * np.int32(asked[at])
        found[row] = total * scale[row]


@compiled
def scan_rows(
    codes: np.ndarray, scale: np.ndarray, rows: np.ndarray, asked: np.ndarray, found: np.ndarray
) -> None:
    """Do the same for some of the vectors."""
    for place in range(len(rows)):
        row = rows[place]
        total = np.int32(0)
        for at in range(codes.shape[1]):
            total += np.int32(codes[row, at]) * np.int32(asked[at])
        found[place] = total * scale[row]
