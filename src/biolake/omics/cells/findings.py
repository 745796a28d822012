"""Findings per sample, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from biolake.core.assets import Measured
from biolake.core.media import Cells
from biolake.core.schema import FINDINGS


def measured(
    cells: Cells,
    rows: Sequence[tuple[int, str, float, str]],
    texts: Sequence[str | None] | None = None,
) -> Measured:
    """Return findings of (sample, code, value, unit) as columns; nothing where there are none."""
    if not rows:
        return Measured()
    samples, codes, values, units = zip(*rows, strict=True)
    return Measured(
        table_of(
            cells,
            np.array(samples, dtype=np.int32),
            pa.array(codes, pa.string()),
            np.array(values, dtype=np.float64),
            pa.array(units, pa.string()),
            pa.array(texts or [None] * len(rows), pa.string()),
        )
    )


def table_of(
    cells: Cells,
    samples: np.ndarray,
    codes: pa.Array,
    values: np.ndarray,
    units: pa.Array,
    texts: pa.Array,
) -> pa.Table:
    """Return findings of one asset; the sample is left out where the file names none."""
    count = len(values)
    nothing = {name: pa.nulls(count, FINDINGS.field(name).type) for name in ("at", "lasts")}
    columns = {
        "item": pa.array(np.zeros(count, dtype=np.int32)),
        "sample": pa.array(samples) if cells.samples else pa.nulls(count, pa.int32()),
        "code": codes,
        "value": pa.array(values),
        "unit": units,
        "text": texts,
        "timeless": pa.nulls(count, pa.bool_()),
        **nothing,
    }
    return pa.table([columns[name] for name in FINDINGS.names], schema=FINDINGS)


def together(tables: Iterable[pa.Table]) -> pa.Table | None:
    """Put findings of several runs into one table; None where there are none."""
    parts = list(tables)
    return pa.concat_tables(parts) if parts else None
