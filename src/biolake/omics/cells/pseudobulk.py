"""The counts of a sample's cells of one type, summed: what a bulk assay of them would have found.

Squair et al.: Confronting false discoveries in single-cell differential expression. Nature
Communications 12:5692 (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from biolake.core.compiled import compiled
from biolake.core.media import Cells
from biolake.omics.cells.blocks import blocks
from biolake.omics.cells.quality import gene_features

ALL = "all"  # the type of cells that nobody has typed
LEAST_CELLS = 10  # of a group: fewer do not stand for a type (decoupler's min_cells)
LEAST_SHARE = 0.10  # of a group's cells, in which a gene must be found
_SUMS = 16_000_000  # kept at once: 128 MB, and 64 MB of how many cells


@dataclass(frozen=True)
class Group:
    """The cells of one type in one sample; `sample` is -1 where the file names none."""

    sample: int
    type: str
    cells: int


@dataclass(frozen=True)
class Summed:
    """One group's sums over its cells, and in how many of them each feature was above zero."""

    group: Group
    sums: np.ndarray  # float64: whole numbers below 2^53 are exact
    expressing: np.ndarray  # int32


def groups_of(cells: Cells) -> tuple[list[Group], np.ndarray]:
    """Return the groups, by sample and type, and the group of each cell (-1: of none)."""
    rows = len(cells.sample)
    sample = cells.sample if cells.samples else np.zeros(rows, dtype=np.int32)
    if cells.cell_type is None:
        types, typed = [ALL], np.zeros(rows, dtype=np.int64)
    else:
        names, typed = np.unique(np.asarray(cells.cell_type, dtype=str), return_inverse=True)
        types = [str(name) for name in names]
        typed = np.where(np.array([bool(t.strip()) for t in types], bool)[typed], typed, -1)
    key = np.where((sample < 0) | (typed < 0), -1, sample.astype(np.int64) * len(types) + typed)
    keys, group, sizes = np.unique(key, return_inverse=True, return_counts=True)
    none = int(len(keys) > 0 and keys[0] == -1)
    found = [
        Group(int(k) // len(types) if cells.samples else -1, types[int(k) % len(types)], int(n))
        for k, n in zip(keys[none:], sizes[none:], strict=True)
    ]
    return found, group.reshape(-1).astype(np.int32) - none


def summed(cells: Cells, least_cells: int = LEAST_CELLS) -> Iterator[Summed]:
    """Sum the matrix over the cells of every group that has enough of them.

    A matrix with so many groups that their sums would not fit is read more than once.
    """
    groups, of_cell = groups_of(cells)
    large = [n for n, group in enumerate(groups) if group.cells >= least_cells]
    features = len(cells.features)
    step = max(1, _SUMS // max(1, features))
    for first in range(0, len(large), step):
        chosen = large[first : first + step]
        places = np.full(len(groups) + 1, -1, dtype=np.int32)  # the last: of no group
        places[chosen] = np.arange(len(chosen), dtype=np.int32)
        sums = np.zeros((len(chosen), features))
        expressing = np.zeros((len(chosen), features), dtype=np.int32)
        _add(cells, places[of_cell], sums, expressing)
        for place, number in enumerate(chosen):
            yield Summed(groups[number], sums[place], expressing[place])


def log_cpm(sums: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Return log2(1 + counts per million) of every feature; the million is of all `genes`."""
    total = float(sums[genes].sum())
    return np.asarray(np.log2(1.0 + sums * (1e6 / total))) if total > 0 else np.zeros(len(sums))


def expressed(found: Summed, genes: np.ndarray) -> np.ndarray:
    """Return the places of the genes found in enough of a group's cells."""
    least = max(1, int(np.ceil(LEAST_SHARE * found.group.cells)))
    return np.flatnonzero(genes & (found.expressing >= least))


def genes_of(cells: Cells) -> np.ndarray:
    """Return which features are genes that have a name."""
    named = np.array([bool(str(name).strip()) for name in cells.features], dtype=bool)
    return np.asarray(gene_features(cells) & named)


def _add(cells: Cells, places: np.ndarray, sums: np.ndarray, expressing: np.ndarray) -> None:
    for start, block in blocks(cells.counts):
        part = places[start : start + block.shape[0]]
        if isinstance(block, np.ndarray):
            _dense_loop()(block, part, sums, expressing)
        else:
            _sparse_loop()(block.data, block.indices, block.indptr, part, sums, expressing)


_Loop = Callable[..., None]


@cache
def _sparse_loop() -> _Loop:
    return compiled(_sparse)


@cache
def _dense_loop() -> _Loop:
    return compiled(_dense)


def _sparse(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    places: np.ndarray,
    sums: np.ndarray,
    expressing: np.ndarray,
) -> None:
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        for at in range(indptr[row], indptr[row + 1]):
            sums[place, indices[at]] += data[at]
            if data[at] > 0:
                expressing[place, indices[at]] += 1


def _dense(block: np.ndarray, places: np.ndarray, sums: np.ndarray, expressing: np.ndarray) -> None:
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        for column in range(block.shape[1]):
            value = block[row, column]
            sums[place, column] += value
            if value > 0:
                expressing[place, column] += 1
