import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from biolake.core.errors import WrongUse
from biolake.core.hashing import content_hash

COLUMNS = ["subject", "time", "code", "value", "text"]


def small_table() -> pa.Table:
    at = dt.datetime(2020, 2, 29, 23, 59, 59, 1)  # noqa: DTZ001  the lake's times are naive
    return pa.table(
        {
            "subject": pa.array([1, 1, 2, None], pa.int64()),
            "time": pa.array([at, None, at, at], pa.timestamp("us")),
            "code": pa.array(["A", "B", "", None]),
            "value": pa.array([1.5, 0.0, None, float("nan")], pa.float64()),
            "text": pa.array(["x", None, "y", "é"]),
        }
    )


def one(value, kind) -> int:
    return int(content_hash(pa.table({"a": pa.array([value], kind)}), ["a"])[0])


def test_hashes_never_change():
    assert content_hash(small_table(), COLUMNS).tolist() == [
        2074387151313388952,
        -165338583527145066,
        1301989923083505616,
        -7980566436379914086,
    ]


def test_null_zero_and_empty_differ():
    assert one(None, pa.string()) != one("", pa.string())
    assert one(None, pa.int64()) != one(0, pa.int64())
    assert one(None, pa.float64()) != one(0.0, pa.float64())


def test_negative_zero_is_zero_and_every_nan_is_one():
    assert one(-0.0, pa.float64()) == one(0.0, pa.float64())
    other_nan = np.array([0xFFF8000000000123], dtype=np.uint64).view(np.float64)
    table = pa.table({"a": pa.array([*other_nan, float("nan")])})
    first, second = content_hash(table, ["a"])
    assert first == second


def test_storage_type_does_not_matter():
    table = small_table()
    other = table
    kinds = {"code": pa.dictionary(pa.int8(), pa.large_string()), "text": pa.large_string()}
    for name, kind in (kinds | {"subject": pa.int32()}).items():
        other = other.set_column(other.schema.get_field_index(name), name, other[name].cast(kind))
    assert content_hash(table, COLUMNS).tolist() == content_hash(other, COLUMNS).tolist()
    assert one(0.5, pa.float32()) == one(0.5, pa.float64())
    assert one(7, pa.timestamp("s")) == one(7_000_000, pa.timestamp("us"))
    assert one(1, pa.date32()) == one(86_400, pa.timestamp("s"))


def test_chunking_and_slicing_do_not_matter():
    table = pa.concat_tables([small_table()] * 3)
    whole = content_hash(table.combine_chunks(), COLUMNS)
    assert content_hash(table, COLUMNS).tolist() == whole.tolist()
    assert content_hash(table.slice(3, 5), COLUMNS).tolist() == whole[3:8].tolist()


def test_a_null_inside_a_dictionary_is_a_null():
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array([None, "a"]))
    hashed = content_hash(pa.table({"a": array}), ["a"])
    assert hashed[0] == hashed[2] == one(None, pa.string())


def test_values_swapped_between_columns_differ():
    table = pa.table({"a": [1, 2], "b": [2, 1]})
    assert content_hash(table, ["a", "b"])[0] != content_hash(table, ["a", "b"])[1]
    assert content_hash(table, ["a", "b"])[0] == content_hash(table, ["b", "a"])[1]


def test_no_collisions_among_structured_rows():
    side = np.arange(400)
    first, second = (axis.ravel() for axis in np.meshgrid(side, side))
    table = pa.table({"a": first, "b": second, "c": pa.array((first % 7).astype(str))})
    assert len(np.unique(content_hash(table, ["a", "b", "c"]))) == table.num_rows


def test_each_bit_moves_about_half_of_the_hash():
    values = np.random.default_rng(0).integers(0, 1 << 62, 2000)
    plain = content_hash(pa.table({"a": values, "b": values}), ["a", "b"])
    flipped = content_hash(pa.table({"a": values ^ 1, "b": values}), ["a", "b"])
    bits = np.unpackbits((plain ^ flipped).view(np.uint8)).mean()
    assert 0.48 < bits < 0.52


def test_an_empty_table_and_a_column_of_nulls_are_hashed():
    assert len(content_hash(small_table().slice(0, 0), COLUMNS)) == 0
    assert one(None, pa.null()) == one(None, pa.string())


def test_a_nested_column_is_refused():
    with pytest.raises(WrongUse, match="column 'a'"):
        content_hash(pa.table({"a": [[1]]}), ["a"])
