"""What part of each sample's cells is of which type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import extractor
from biolake.core.media import Cells, Opened

if TYPE_CHECKING:
    import numpy as np

UNTYPED = "unannotated"
_CODES = (
    FoundCode(
        "CELL_SHARE//*",
        "Share of the sample's cells annotated as this type; cells nobody annotated count too",
        "1",
    ),
)
_NONE = "the file names no cell type"


@extractor("Shares of cell types", needs="cells", version="1", codes=_CODES, extra="omics")
def cell_shares(opened: Opened) -> Measured:
    """Tell the share of each annotated cell type in each sample: `CELL_SHARE//T cell`.

    The text of a finding says of how many cells. A type of the file that a sample has no cell of is
    0 there. What is no annotation (numbers of clusters) is not taken for a type.
    """
    return _measured(opened)


@extractor(
    "Shares of cell types in place", needs="spatial", version="1", codes=_CODES, extra="omics"
)
def spatial_shares(opened: Opened) -> Measured:
    """Tell the share of each annotated type of cell or spot in each sample.

    As `cell-shares`, for spatial assays.
    """
    return _measured(opened)


def _measured(opened: Opened) -> Measured:
    if not isinstance(opened, Cells):
        return Measured()
    import numpy as np

    from biolake.omics.cells.findings import measured
    from biolake.omics.cells.names import as_code
    from biolake.omics.cells.quality import rows_of_samples

    if opened.cell_type is None:
        return Measured(skipped={0: _NONE})
    types = np.array([as_code(str(each)) for each in opened.cell_type], dtype=object)
    names = sorted({str(name) for name in types if name})
    if not names:
        return Measured(skipped={0: _NONE})
    rows, texts = [], []
    for number, cells in enumerate(rows_of_samples(opened)):
        for name, count in _counted(types[cells], names):
            rows.append((number, f"CELL_SHARE//{name}", count / len(cells), "1"))
            texts.append(f"{count} of {len(cells)} cells")
    return measured(opened, rows, texts)


def _counted(types: np.ndarray, names: list[str]) -> list[tuple[str, int]]:
    """Count the cells of each type, and last of none where there are any."""
    from collections import Counter

    if not len(types):
        return []
    counts = Counter(str(each) for each in types)
    untyped = [(UNTYPED, counts[""])] if counts[""] else []
    return [(name, counts[name]) for name in names] + untyped
