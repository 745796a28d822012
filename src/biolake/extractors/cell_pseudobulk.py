"""Expression of each gene in each sample and cell type, as a bulk assay of them would tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import extractor
from biolake.core.installed import require
from biolake.core.media import Cells, Opened

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from biolake.omics.cells.pseudobulk import Summed

_CPM, _LOG = "{log2(CPM+1)}", "{mean ln(CPX+1)}"
_CODES = (
    FoundCode(
        "PSEUDOBULK//*",
        "Expression of a gene in the cells of one type: log2 of 1 + counts per million of the sum"
        " of their counts",
        _CPM,
    ),
    FoundCode(
        "PSEUDOBULK_LOG1P//*",
        "Mean, over the cells of one type, of values that the file says are ln(1 + normalised"
        " counts), where it has no counts",
        _LOG,
    ),
)
_NO_COUNTS = (
    "the matrix holds no counts, nor does the file say that its values are ln(1 + normalised"
    " counts): a sum of them would mean nothing"
)
_EMPTY = "most of the barcodes hold no cell: it is the matrix before cells were called"
_FEW = "no sample has 10 cells of one type"


@extractor("Pseudobulk expression", needs="cells", version="1", codes=_CODES, extra="omics")
def pseudobulk(opened: Opened) -> Measured:
    """Sum the counts of a sample's cells of one type: `PSEUDOBULK//T cell//TP53`.

    The value is log2(1 + counts per million), the million being of all genes of the group; the text
    tells the sum and the cells. Groups of fewer than 10 cells are left out, and genes found in
    fewer than 10 % of a group's cells. Without annotation all cells of a sample are of type `all`,
    and a matrix of all barcodes, empty droplets among them, is passed over. Values that are no
    counts are never summed: means are given, by another code, where the file says that they are
    logs. Squair et al., Nature Communications 12:5692 (2021).
    """
    return _measured(opened)


@extractor(
    "Pseudobulk expression in place", needs="spatial", version="1", codes=_CODES, extra="omics"
)
def spatial_pseudobulk(opened: Opened) -> Measured:
    """Sum the counts of a sample's cells or spots of one type.

    As `pseudobulk`, for spatial assays.
    """
    return _measured(opened)


def _measured(opened: Opened) -> Measured:
    if not isinstance(opened, Cells):
        return Measured()
    if not (opened.raw or opened.log1p):
        return Measured(skipped={0: _NO_COUNTS})
    require("omics", "numba", "scipy", to="sum cells")
    import numpy as np
    import pyarrow as pa

    from biolake.omics.cells.findings import together
    from biolake.omics.cells.names import as_code, told_apart
    from biolake.omics.cells.pseudobulk import genes_of, summed
    from biolake.omics.cells.quality import before_calling, cell_quality

    if opened.raw and opened.cell_type is None and before_calling(opened, cell_quality(opened)):
        return Measured(skipped={0: _EMPTY})
    names = np.array([as_code(name) for name in told_apart(opened.features)], dtype=object)
    genes = genes_of(opened) & (names != "")
    symbols = pa.array(names.tolist(), pa.string())
    tables = (_of_group(opened, each, genes, symbols) for each in summed(opened))
    found = together(table for table in tables if len(table))
    return Measured(skipped={0: _FEW}) if found is None else Measured(found)


def _of_group(cells: Cells, found: Summed, genes: np.ndarray, symbols: pa.Array) -> pa.Table:
    """Return the findings of one group, a gene each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from biolake.omics.cells.findings import table_of
    from biolake.omics.cells.names import as_code
    from biolake.omics.cells.pseudobulk import expressed, log_cpm

    kept = expressed(found, genes)
    group, count = found.group, len(kept)
    family, unit = ("PSEUDOBULK", _CPM) if cells.raw else ("PSEUDOBULK_LOG1P", _LOG)
    values = log_cpm(found.sums, genes)[kept] if cells.raw else found.sums[kept] / group.cells
    before = pa.scalar(f"{family}//{as_code(group.type)}//")
    codes = pc.binary_join_element_wise(before, symbols.take(pa.array(kept)), "")
    after = pa.scalar(f" counts in {group.cells} cells" if cells.raw else f"{group.cells} cells")
    sums = pa.array(found.sums[kept].astype(np.int64)).cast(pa.string())
    texts = pc.binary_join_element_wise(sums, after, "") if cells.raw else pa.repeat(after, count)
    samples = np.full(count, group.sample, dtype=np.int32)
    return table_of(cells, samples, codes, values, pa.repeat(pa.scalar(unit), count), texts)
