"""What an analysis gives back: data, never a picture, so every surface can show it its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

VegaLite = dict[str, Any]  # a Vega-Lite specification with its data inside


@dataclass(frozen=True)
class Result:
    """One analysis' answer. `estimates` is a long table: one row an estimate, with its interval.

    Columns of `estimates`: name, group, estimate, low, high, unit (all but `estimate` may be null).
    `tables` are the detailed ones (a curve's points, Table 1), by name.
    """

    title: str
    estimates: pa.Table
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    charts: Sequence[VegaLite] = ()
    notes: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


ESTIMATES = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("estimate", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("unit", pa.string()),
    ]
)


def estimates(
    rows: Sequence[tuple[str, str | None, float | None, float | None, float | None, str | None]],
) -> pa.Table:
    """Return estimate rows (name, group, estimate, low, high, unit) as a table."""
    columns = zip(*rows, strict=True) if rows else [[] for _ in ESTIMATES]
    return pa.table(dict(zip(ESTIMATES.names, columns, strict=True)), schema=ESTIMATES)
