"""How many cells each sample has and how good they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Cells, Opened

if TYPE_CHECKING:
    from biolake.omics.cells.quality import SampleQuality

_CODES = (
    FoundCode("CELLS//cells", "Cells, or spots, of the sample", "{cells}"),
    FoundCode("CELLS//counts_per_cell", "Median molecules counted in a cell", "{counts}"),
    FoundCode("CELLS//genes_per_cell", "Median genes found in a cell", "{genes}"),
    FoundCode(
        "CELLS//mitochondrial_share", "Median share of a cell's molecules of the mitochondrion", "1"
    ),
    FoundCode(
        "CELLS//few_genes_share",
        "Share of cells in which fewer than 200 genes were found (matrices of 500 genes or more)",
        "1",
    ),
    FoundCode(
        "CELLS//high_mitochondrial_share",
        "Share of cells of which more than 10 % of the molecules are of the mitochondrion",
        "1",
    ),
)
_EMPTY = "most of the barcodes hold no cell: it is the matrix before cells were called"


@extractor("Quality of cells", needs="cells", version="1", codes=_CODES, extra="omics")
def cell_quality(opened: Opened) -> Measured:
    """Count the cells of each sample, and their molecules, genes and mitochondrial share.

    Where the matrix holds no counts, cells are only counted. A matrix of all barcodes, empty
    droplets among them, is passed over. Genes of the mitochondrion are those named MT-. Thresholds:
    200 genes (the usual least of Seurat's and scanpy's tutorials); 10 % (Osorio and Cai,
    Bioinformatics 37:963, 2021, human tissues).
    """
    return _measured(opened)


@extractor(
    "Quality of cells or spots in place", needs="spatial", version="1", codes=_CODES, extra="omics"
)
def spatial_quality(opened: Opened) -> Measured:
    """Count the cells or spots of each sample, their molecules, genes and mitochondrial share.

    As `cell-quality`, for spatial assays.
    """
    return _measured(opened)


def _measured(opened: Opened) -> Measured:
    if not isinstance(opened, Cells):
        return Measured()
    require("omics", "numba", "scipy", to="measure cells")
    from biolake.omics.cells.findings import measured
    from biolake.omics.cells.quality import before_calling, sample_quality
    from biolake.omics.cells.quality import cell_quality as quality_of

    quality = quality_of(opened) if opened.raw else None
    if quality is not None and before_calling(opened, quality):
        return Measured(skipped={0: _EMPTY})
    samples = sample_quality(opened, quality)
    rows = [
        (number, code, value, unit)
        for number, sample in enumerate(samples)
        for code, value, unit in _values(sample)
    ]
    return measured(opened, rows)


def _values(sample: SampleQuality) -> Iterator[tuple[str, float, str]]:
    values = (
        float(sample.cells),
        sample.molecules,
        sample.genes,
        sample.mitochondrial,
        sample.few_genes,
        sample.high_mitochondrial,
    )
    for code, value in zip(_CODES, values, strict=True):
        if value is not None and sample.cells:
            yield code.code, value, code.unit
