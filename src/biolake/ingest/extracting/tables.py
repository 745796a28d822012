"""Rows of derived tables (spans, variants), as the lake stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from biolake.core.schema import DERIVED
from biolake.ingest.extracting.due import DueAsset


def derived(
    name: str, version: str, assets: Sequence[DueAsset], tables: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """Return rows with their asset, its subject, and the extractor that said so."""
    ids = pa.array([asset.asset_id for asset in assets], pa.string())
    subjects = pa.array([asset.subject_id for asset in assets], pa.int64())
    return {
        table: _whole(table, rows, ids, subjects, name, version)
        for table, rows in tables.items()
        if len(rows)
    }


def _whole(
    table: str, rows: pa.Table, ids: pa.Array, subjects: pa.Array, name: str, version: str
) -> pa.Table:
    items = rows["item"].combine_chunks()
    columns = {each: rows[each] for each in rows.column_names if each != "item"}
    columns["asset_id"] = ids.take(items)
    columns["subject_id"] = subjects.take(items)
    columns["annotator"] = pa.repeat(pa.scalar(name, pa.string()), len(rows))
    columns["version"] = pa.repeat(pa.scalar(version, pa.string()), len(rows))
    schema = DERIVED[table]
    return pa.table({each: columns[each] for each in schema.names}).cast(schema)
