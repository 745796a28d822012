"""Opened genotypes whose rows are packed at two bits each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biolake.omics.genotypes.packed import decode


class PackedGenotypes:
    """Genotypes read as packed rows; whoever opens a format says how runs of rows are read."""

    samples: tuple[str, ...]

    def _run(self, start: int, count: int) -> np.ndarray:
        """Return `count` packed rows from `start`, variants × bytes."""
        raise NotImplementedError

    def packed(self, variants: np.ndarray | slice) -> np.ndarray:
        """Return variants × bytes uint8 in PLINK's two-bit code, counting alt as A1."""
        parts = [self._run(start, count) for start, count in _runs(self._numbers(variants))]
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        """Return variants × samples int8: alt alleles 0, 1, 2; -1 missing."""
        return decode(self.packed(variants), len(self.samples))

    def _numbers(self, variants: np.ndarray | slice) -> np.ndarray:
        if isinstance(variants, slice):
            return np.arange(*variants.indices(self._count()))
        return np.asarray(variants, dtype=np.int64)

    def _count(self) -> int:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held open."""


def _runs(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield first and length of each run of consecutive numbers; one empty run for none."""
    if not len(numbers):
        yield 0, 0
        return
    ends = np.flatnonzero(np.diff(numbers) != 1) + 1
    for run in np.split(numbers, ends):
        yield int(run[0]), len(run)
