import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.core.bounds import FIRST_TIME
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Tally
from biolake.readers.meds import meds
from biolake.testing.readers import ReaderTests, opened, read

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
AT = dt.datetime(2020, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001  MEDS times are naive

ROWS = {
    "subject_id": [7, 7, 7, 8],
    "time": [None, AT, AT, AT],
    "code": ["SEX//F", "LAB//1", "LAB//1", "NOTE"],
    "numeric_value": [None, 1.5, 1.5, None],
    "text_value": [None, None, None, "well"],
}


def write_dataset(folder: Path, **columns: pa.Array) -> Path:
    (folder / "data" / "train").mkdir(parents=True)
    (folder / "metadata").mkdir()
    table = pa.table(
        {name: pa.array(values) for name, values in ROWS.items()}
        | {"time": pa.array(ROWS["time"], pa.timestamp("us"))}
        | {"numeric_value": pa.array(ROWS["numeric_value"], pa.float32())}
        | columns
    )
    pq.write_table(table, folder / "data" / "train" / "0.parquet")
    codes = {"code": ["LAB//1"], "description": ["Sodium"], "parent_codes": [["LOINC//2951-2"]]}
    pq.write_table(pa.table(codes), folder / "metadata" / "codes.parquet")
    (folder / "metadata" / "dataset.json").write_text(json.dumps({"dataset_name": "small"}))
    return folder


def all_events(source: Path) -> list[dict]:
    return [row for c in read(meds, source) if c.events for row in c.events.to_pylist()]


class TestMedsReader(ReaderTests):
    reader = meds

    def write_source(self, folder: Path) -> Path:
        return write_dataset(folder)


def test_every_row_is_kept_repeats_and_static_rows_too(tmp_path):
    rows = all_events(write_dataset(tmp_path))
    assert [row["subject"] for row in rows] == ROWS["subject_id"]
    assert [row["time"] for row in rows] == ROWS["time"]
    assert [row["numeric_value"] for row in rows] == ROWS["numeric_value"]
    assert [row["text_value"] for row in rows] == ROWS["text_value"]
    assert rows[1]["row_key"] == rows[2]["row_key"]


def test_the_dataset_names_the_identifier_system(tmp_path):
    reading = opened(meds, write_dataset(tmp_path))
    assert (reading.subjects.name, reading.subjects.integer) == ("meds:small", True)
    assert reading.clock == "local"


def test_codes_carry_description_and_parents(tmp_path):
    (codes,) = [chunk.codes for chunk in read(meds, write_dataset(tmp_path)) if chunk.codes]
    assert codes.to_pylist() == [
        {"code": "LAB//1", "description": "Sodium", "parent_codes": ["LOINC//2951-2"]}
    ]


def test_a_row_without_subject_or_code_is_rejected(tmp_path):
    source = write_dataset(
        tmp_path,
        subject_id=pa.array([None, 7, 7, None], pa.int64()),
        code=pa.array([None, "A", None, "B"]),
    )
    tally = Tally()
    for chunk in read(meds, source):
        tally.add(chunk.tally)
    rejects = sorted((each.row, each.column) for each in tally.rejects)
    assert rejects == [(1, "subject_id"), (3, "code"), (4, "subject_id")]
    assert (tally.unexplained, tally.event_rows) == (0, 1)


def test_known_extra_columns_are_kept_and_others_named(tmp_path):
    source = write_dataset(
        tmp_path,
        unit=pa.array(["", "mg", None, None]).dictionary_encode(),
        encounter_id=pa.array([1, 2, None, None]),
        priority=pa.array(["a", "b", "c", "d"]),
    )
    assert opened(meds, source).notes == ("Column 'priority' is not kept.",)
    rows = all_events(source)
    assert [row["unit"] for row in rows] == ["", "mg", None, None]
    assert [row["encounter"] for row in rows] == [1, 2, None, None]


def test_the_key_does_not_depend_on_how_the_file_stores_a_column(tmp_path):
    plain = all_events(write_dataset(tmp_path / "plain"))
    other = write_dataset(
        tmp_path / "other",
        code=pa.array(ROWS["code"], pa.large_string()).dictionary_encode(),
        numeric_value=pa.array(ROWS["numeric_value"], pa.float64()),
        unit=pa.nulls(4, pa.string()),
    )
    assert [row["row_key"] for row in plain] == [row["row_key"] for row in all_events(other)]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("subject_id", pa.array(["7"] * 4)),
        ("subject_id", pa.array([7.0] * 4)),
        ("time", pa.array(["2020"] * 4)),
        ("time", pa.array([AT] * 4, pa.timestamp("us", "UTC"))),
        ("numeric_value", pa.array(["1"] * 4)),
        ("code", pa.array([1] * 4)),
    ],
)
def test_a_column_of_another_type_is_refused(tmp_path, column, values):
    with pytest.raises(SourceUnreadable, match=column):
        opened(meds, write_dataset(tmp_path, **{column: values}))


def test_a_time_finer_than_a_microsecond_is_refused(tmp_path):
    times = pa.array([1, 2, 3, 4], pa.timestamp("ns"))
    with pytest.raises(SourceUnreadable, match=r"0\.parquet"):
        list(read(meds, write_dataset(tmp_path, time=times)))


def test_shared_datasets_are_read_whole():
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    whole = {"aces-meds-sample": 77_542, "mimic-iv-demo-meds": 916_166}
    for name, rows in whole.items():
        tally = Tally()
        for chunk in read(meds, SHARED / name):
            tally.add(chunk.tally)
        assert (tally.rows, tally.event_rows, tally.unexplained) == (rows, rows, 0)


def test_a_shared_dataset_comes_back_as_it_went_in():
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    source = SHARED / "mimic-iv-demo-meds"
    given = pq.read_table(source / "mimic_iv_demo_meds_events.parquet")
    events = pa.concat_tables([chunk.events for chunk in read(meds, source)])
    assert events["subject"].equals(given["subject_id"])
    assert events["time"].equals(given["time"])
    assert events["code"].equals(given["code"])
    assert events["numeric_value"].cast(pa.float32()).equals(given["value"])


def test_values_that_the_lake_cannot_hold_are_rejected(tmp_path):
    source = write_dataset(
        tmp_path,
        time=pa.array([0, FIRST_TIME - 1, 0, 0], pa.timestamp("us")),
        numeric_value=pa.array([1.0, 1.0, 1e39, 1e-60], pa.float64()),
    )
    (one,) = (chunk for chunk in read(meds, source) if chunk.table == "events")
    assert one.events.num_rows == 1
    found = [(reject.row, reject.column) for reject in one.tally.rejects]
    assert sorted(found) == [(2, "time"), (3, "numeric_value"), (4, "numeric_value")]
    assert one.tally.unexplained == 0
