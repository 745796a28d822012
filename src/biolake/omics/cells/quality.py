"""How good the cells of each sample are: molecules, genes and mitochondrial share of each cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.compiled import compiled
from biolake.core.media import Cells
from biolake.omics.cells.blocks import blocks

FEW_GENES = 200  # the usual least (min_genes of Seurat's and scanpy's tutorials)
HIGH_SHARE = 0.10  # mitochondrial, human tissues (Osorio and Cai 2021)
WHOLE_PANEL = 500  # features; of fewer, a small number of molecules is no sign of an empty droplet
EMPTY = 10  # molecules: background of a droplet without a cell
_MITOCHONDRIAL = r"(?i)^(?:[a-z0-9.]+_+)?MT-"  # also GRCh38_MT-ND1 of two genomes
_TYPES = ("feature_types", "feature_type")
_GENES = "Gene Expression"


@dataclass(frozen=True)
class CellQuality:
    """Of each cell; `mitochondrial` is NaN where the matrix has no such genes, or no molecules."""

    molecules: np.ndarray  # float64
    genes: np.ndarray  # int32
    mitochondrial: np.ndarray  # float64, share of molecules
    nonzero: int


@dataclass(frozen=True)
class SampleQuality:
    """Of one sample: medians over its cells, and how many of them fall short."""

    cells: int
    molecules: float | None = None
    genes: float | None = None
    mitochondrial: float | None = None
    few_genes: float | None = None  # share of cells
    high_mitochondrial: float | None = None  # share of cells


def gene_features(cells: Cells) -> np.ndarray:
    """Return which features are genes: all, unless the file has antibodies or guides too."""
    count = len(cells.features)
    for name in _TYPES:
        if cells.var is not None and name in cells.var.column_names and len(cells.var) == count:
            kinds = cells.var[name].combine_chunks()
            kinds = kinds.dictionary_decode() if isinstance(kinds, pa.DictionaryArray) else kinds
            genes = pc.fill_null(pc.equal(kinds.cast(pa.string()), _GENES), False)
            found = np.asarray(genes.to_numpy(zero_copy_only=False), dtype=bool)
            return found if found.any() else np.ones(count, dtype=bool)
    return np.ones(count, dtype=bool)


def mitochondrial_features(cells: Cells) -> np.ndarray:
    """Return which features are genes of the mitochondrion, by their symbols (MT-ND1, mt-Nd1)."""
    names = pa.array(np.asarray(cells.features, dtype=object), pa.string())
    found = pc.match_substring_regex(pc.fill_null(names, ""), _MITOCHONDRIAL)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def cell_quality(cells: Cells) -> CellQuality:
    """Count molecules and genes of every cell, in one pass over counts."""
    counts: Any = cells.counts
    kinds = gene_features(cells).astype(np.uint8)
    marked = mitochondrial_features(cells) & (kinds > 0)
    kinds[marked] = 2
    rows = counts.shape[0]
    molecules, mitochondrial = np.zeros(rows), np.zeros(rows)
    genes = np.zeros(rows, dtype=np.int32)
    nonzero = 0
    for start, block in blocks(cells.counts):
        part = slice(start, start + block.shape[0])
        into = (molecules[part], genes[part], mitochondrial[part])
        if isinstance(block, np.ndarray):
            _dense_loop()(block, kinds, *into)
            nonzero += int(np.count_nonzero(block))
        else:
            _sparse_loop()(block.data, block.indices, block.indptr, kinds, *into)
            nonzero += int(np.count_nonzero(block.data))
    shares = np.full(rows, np.nan)
    if marked.any():
        np.divide(mitochondrial, molecules, out=shares, where=molecules > 0)
    return CellQuality(molecules, genes, shares, nonzero)


def before_calling(cells: Cells, quality: CellQuality) -> bool:
    """Say whether most barcodes hold no cell: all droplets, before cells were called in them."""
    whole = len(cells.features) >= WHOLE_PANEL and len(quality.molecules) > 0
    return whole and float(np.median(quality.molecules)) < EMPTY


def sample_quality(cells: Cells, quality: CellQuality | None) -> list[SampleQuality]:
    """Sum up the cells of each sample; of one without a name, where the file names none.

    Without `quality` (the matrix holds no counts) cells are only counted.
    """
    found = []
    for rows in rows_of_samples(cells):
        if quality is None or not len(rows):
            found.append(SampleQuality(len(rows)))
            continue
        shares = quality.mitochondrial[rows]
        shares = shares[np.isfinite(shares)]
        genes = quality.genes[rows]
        found.append(
            SampleQuality(
                len(rows),
                float(np.median(quality.molecules[rows])),
                float(np.median(genes)),
                float(np.median(shares)) if len(shares) else None,
                float((genes < FEW_GENES).mean()) if len(cells.features) >= WHOLE_PANEL else None,
                float((shares > HIGH_SHARE).mean()) if len(shares) else None,
            )
        )
    return found


def rows_of_samples(cells: Cells) -> list[np.ndarray]:
    """Return the rows of each sample, in order; all rows, where the file names no sample."""
    if not cells.samples:
        counts: Any = cells.counts
        return [np.arange(counts.shape[0])]
    order = np.argsort(cells.sample, kind="stable")
    ends = np.searchsorted(cells.sample[order], np.arange(len(cells.samples) + 1))
    return [order[a:b] for a, b in pairwise(ends)]


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
    kinds: np.ndarray,
    molecules: np.ndarray,
    genes: np.ndarray,
    mitochondrial: np.ndarray,
) -> None:
    for row in range(len(molecules)):
        for at in range(indptr[row], indptr[row + 1]):
            kind, value = kinds[indices[at]], data[at]
            if kind > 0 and value > 0:
                molecules[row] += value
                genes[row] += 1
                if kind == 2:
                    mitochondrial[row] += value


def _dense(
    block: np.ndarray,
    kinds: np.ndarray,
    molecules: np.ndarray,
    genes: np.ndarray,
    mitochondrial: np.ndarray,
) -> None:
    for row in range(block.shape[0]):
        for column in range(block.shape[1]):
            kind, value = kinds[column], block[row, column]
            if kind > 0 and value > 0:
                molecules[row] += value
                genes[row] += 1
                if kind == 2:
                    mitochondrial[row] += value
