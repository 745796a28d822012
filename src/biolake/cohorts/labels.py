"""Labels: what is predicted, for whom and when, as tables of the MEDS 0.4 label schema.

A label table has `subject_id`, `prediction_time` and one value column, filled in every row. A
subject has at most one label at one time. Everything else is refused: a model trained on a label
table that says two things says neither.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.core.errors import DataRefused, SetupMissing, did_you_mean
from biolake.core.schema import MICROSECONDS

KEYS = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("prediction_time", MICROSECONDS, nullable=False),
    ]
)

VALUES = pa.schema(
    [
        pa.field("boolean_value", pa.bool_(), nullable=False),
        pa.field("integer_value", pa.int64(), nullable=False),
        pa.field("float_value", pa.float32(), nullable=False),
        pa.field("categorical_value", pa.string(), nullable=False),
    ]
)


def validate(table: pa.Table, where: str = "") -> pa.Table:
    """Return a label table in the MEDS schema: its keys and its one value column, in key order."""
    known = [*KEYS.names, *VALUES.names]
    for name in table.column_names:
        if name not in known:
            near = did_you_mean(name, known)
            raise DataRefused(
                f"a label table has no column '{name}'.{near}",
                where=where,
                next=f"It may have {', '.join(known)}.",
            )
    value = _value_column(table, where)
    fields = [*KEYS, VALUES.field(value)]
    columns = [_column(table, field, where) for field in fields]
    valid = pa.table(columns, pa.schema(fields))
    ordered = valid.sort_by([(name, "ascending") for name in KEYS.names])
    _refuse_repeats(ordered, where)
    return ordered


def value_column(labels: pa.Table) -> str:
    """Return the name of the value column of a valid label table."""
    (name,) = (name for name in labels.column_names if name in VALUES.names)
    return str(name)


def read_labels(path: Path) -> pa.Table:
    """Read a label file, or a folder of them (as ACES writes, one a shard)."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise SetupMissing("there are no labels here", where=str(path))
    try:
        tables = [pq.ParquetFile(file).read() for file in files]
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        raise DataRefused(
            "these are not Parquet files of one label table", where=str(path)
        ) from None
    return validate(whole, str(path))


def write_labels(labels: pa.Table, path: Path) -> None:
    """Write a label table that any MEDS tool can read."""
    valid = validate(labels, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(valid, path.absolute(), compression="zstd")


def _value_column(table: pa.Table, where: str) -> str:
    present = [name for name in VALUES.names if name in table.column_names]
    filled = [name for name in present if table[name].null_count < table.num_rows]
    if not table.num_rows:
        return str(present[0]) if present else "boolean_value"
    if len(filled) != 1:
        said = f"{', '.join(filled)} are" if filled else "none is"
        raise DataRefused(
            f"a label table has one value column that is filled; {said}",
            where=where,
            next="Keep one, and make a label table of each of the others.",
        )
    return str(filled[0])


def _column(table: pa.Table, field: pa.Field, where: str) -> pa.ChunkedArray:
    """Return one column in the schema's type, every row of it filled."""
    name = field.name
    if name not in table.column_names:
        if not table.num_rows and name in VALUES.names:
            return pa.chunked_array([], field.type)
        raise DataRefused(f"the labels have no column '{name}'", where=where)
    column = table[name]
    if column.null_count:
        raise DataRefused(
            f"column '{name}' is empty in {column.null_count} of {table.num_rows} rows", where=where
        )
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        raise DataRefused(
            f"column '{name}' has a time zone",
            where=where,
            next="The lake's times are naive: write the label times on the lake's own clock.",
        )
    if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
        raise DataRefused(f"column '{name}' holds values that are not numbers", where=where)
    return _cast(column, field, where)


def _cast(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.ChunkedArray:
    # MEDS holds floats in 32 bits: only there may a label lose digits.
    try:
        return pc.cast(column, field.type, safe=field.name != "float_value")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataRefused(
            f"column '{field.name}' is {column.type} and does not fit {field.type}", where=where
        ) from None


def _refuse_repeats(ordered: pa.Table, where: str) -> None:
    subject = ordered["subject_id"].to_numpy()
    time = ordered["prediction_time"].cast(pa.int64()).to_numpy()
    again = (subject[1:] == subject[:-1]) & (time[1:] == time[:-1])
    if repeats := int(np.count_nonzero(again)):
        raise DataRefused(
            f"{repeats} labels repeat the subject and prediction time of another",
            where=where,
            next="Keep one label a subject and time.",
        )
