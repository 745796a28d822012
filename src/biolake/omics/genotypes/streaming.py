"""Genotypes some megabytes at a time, packed, whatever format they are read from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biolake.core.media import Genotypes
from biolake.omics.genotypes.packed import pack, row_bytes

BLOCK = 1 << 23  # bytes of packed rows


def packed_rows(genotypes: Genotypes, variants: np.ndarray | slice) -> np.ndarray:
    """Return packed rows as the file has them, or packed here."""
    read = getattr(genotypes, "packed", None)
    rows: np.ndarray = pack(genotypes.dosages(variants)) if read is None else read(variants)
    return rows


def blocks(
    genotypes: Genotypes, variants: np.ndarray, size: int = BLOCK
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield which of `variants` (their places in it) come, and their packed rows."""
    step = max(1, size // max(1, row_bytes(len(genotypes.samples))))
    for start in range(0, len(variants), step):
        part = slice(start, min(start + step, len(variants)))
        yield part, packed_rows(genotypes, variants[part])


def spread(numbers: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the numbers, evenly spread over them."""
    if len(numbers) <= most:
        return numbers
    places = np.linspace(0, len(numbers) - 1, most).round().astype(np.int64)
    return np.asarray(numbers[places])
