"""Label tables: what is valid MEDS, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import meds
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.cohorts.labels import read_labels, validate, value_column, write_labels
from biolake.core.errors import DataRefused, SetupMissing

NOON = datetime(2150, 3, 1, 12)  # noqa: DTZ001 - lake times are naive


def table(**columns: object) -> pa.Table:
    keys = {"subject_id": [3, 1, 1], "prediction_time": [NOON, NOON + timedelta(1), NOON]}
    return pa.table(keys | columns)


def test_a_written_label_table_is_valid_meds(tmp_path: Path):
    empty = {name: pa.nulls(3) for name in ("integer_value", "float_value", "categorical_value")}
    write_labels(table(boolean_value=[True, False, True], **empty), tmp_path / "labels.parquet")
    back = read_labels(tmp_path / "labels.parquet")
    meds.LabelSchema.validate(pq.read_table(tmp_path / "labels.parquet"))
    assert back.column_names == ["subject_id", "prediction_time", "boolean_value"]
    assert back["subject_id"].to_pylist() == [1, 1, 3]
    assert back["boolean_value"].to_pylist() == [True, False, True]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("integer_value", pa.array([1, 2, 3], pa.int32())),
        ("float_value", pa.array([0.1, 0.2, 0.3])),
        ("categorical_value", pa.array(["a", "b", "a"]).dictionary_encode()),
    ],
)
def test_every_kind_of_label_is_brought_to_the_schema(name: str, values: pa.Array):
    valid = validate(table(**{name: values}))
    meds.LabelSchema.validate(valid)
    assert value_column(valid) == name


def test_a_folder_of_shards_is_one_table(tmp_path: Path):
    whole = validate(table(boolean_value=[True, False, True]))
    for row in range(3):
        write_labels(whole.slice(row, 1), tmp_path / "train" / f"{row}.parquet")
    assert read_labels(tmp_path).equals(whole)


def test_a_table_without_rows_is_a_label_table():
    assert validate(table().slice(0, 0)).column_names[-1] == "boolean_value"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (table(), "none is"),
        (table(boolean_value=[True] * 3, integer_value=[1, 2, 3]), "boolean_value, integer_value"),
        (table(boolean_value=[True, None, True]), "is empty in 1 of 3 rows"),
        (table(bool_value=[True] * 3), "Did you mean 'boolean_value'"),
        (table(float_value=[1.0, float("nan"), 2.0]), "not numbers"),
        (table(integer_value=["1", "x", "3"]), "does not fit int64"),
        (table(boolean_value=[True] * 3).drop(["subject_id"]), "no column 'subject_id'"),
        (pa.concat_tables([table(boolean_value=[True] * 3)] * 2), "3 labels repeat"),
        (
            table(boolean_value=[True] * 3, prediction_time=pa.nulls(3)),
            "'prediction_time' is empty",
        ),
    ],
)
def test_what_a_label_table_must_not_be(wrong: pa.Table, said: str):
    with pytest.raises(DataRefused, match=said):
        validate(wrong)


def test_times_with_a_zone_are_refused():
    zoned = pa.array([NOON] * 3, pa.timestamp("us", "UTC"))
    with pytest.raises(DataRefused, match="time zone"):
        validate(table(boolean_value=[True] * 3, prediction_time=zoned))


def test_missing_and_foreign_files_are_told_apart(tmp_path: Path):
    with pytest.raises(SetupMissing, match="no labels here"):
        read_labels(tmp_path)
    (tmp_path / "x.parquet").write_text("not a table")
    with pytest.raises(DataRefused, match="not Parquet"):
        read_labels(tmp_path)
