"""A model whose labels are the rows of a cohort: which asset stands for a row, and what is refused.

The label file is written as `biolake cohort build` writes it: the MEDS label schema.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.cli.source import call, told
from tests.learning.small_ecgs import SPEC, catalogue, hospital

from biolake.cohorts.labels import write_labels
from biolake.core.errors import DataRefused, SetupMissing
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.learning.asset_selection import select_assets
from biolake.learning.cohort_labels import NO_ASSET, cohort_examples, read_labelled_rows
from biolake.learning.evaluating import evaluate_model
from biolake.learning.shelf import shelve, take_down
from biolake.learning.spec_reading import load_spec, parse_spec
from biolake.learning.specification import AssetChoice, CohortRows, ModelInvalid
from biolake.learning.training import train_model

LABELS = SPEC[SPEC.index("labels:") : SPEC.index("method:")]
AMONG = "among: {codes: [SEEN]}\n"
COHORT = "cohort: {file: labels.parquet, name: readmitted, lookback: 30d}\n"
COHORT_SPEC = SPEC.replace(AMONG, "").replace(LABELS, COHORT)
TASK = """
predicates:
  seen: {code: SEEN}
  wide: {code: FINDING//wide}
trigger: seen
windows:
  hour:
    {start: trigger, end: start + 1h, start_inclusive: true, end_inclusive: true,
     index_timestamp: end}
  next_days:
    {start: hour.end, end: start + 2d, start_inclusive: false, end_inclusive: true,
     has: {seen: "(1, None)"}, label: wide}
"""
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return hospital(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def chosen(lake: Lake):
    with open_view(lake) as view:
        return select_assets(view, AssetChoice("ecg"))


def write(path: Path, rows: list[tuple[int, datetime, bool]]) -> Path:
    names = ("subject_id", "prediction_time", "boolean_value")
    types = (pa.int64(), pa.timestamp("us"), pa.bool_())
    columns = [pa.array([row[n] for row in rows], kind) for n, kind in enumerate(types)]
    write_labels(pa.table(columns, list(names)), path)
    return path


def own(chosen, subject: int) -> list:
    return [row for row in chosen.rows if row.subject_id == subject]


def picked(chosen, tmp_path: Path, rows, lookback: int = 30 * DAY):
    labelled = read_labelled_rows(write(tmp_path / "labels.parquet", rows))
    return cohort_examples(chosen, labelled, CohortRows("labels.parquet", "x", lookback))


def wide(lake: Lake) -> set[int]:
    with open_view(lake) as view:
        found = view.rows("SELECT subject_id FROM events_by_code WHERE code = 'FINDING//wide'")
    return {subject for (subject,) in found}


def test_the_asset_of_a_row_is_the_latest_that_was_over(chosen, tmp_path: Path) -> None:
    subject = next(
        row.subject_id for row in chosen.rows if own(chosen, row.subject_id)[0].time.day < 20
    )
    first, second = own(chosen, subject)
    begins = second.time
    rows = [
        (subject, begins + timedelta(seconds=1.999), True),  # two seconds long: not yet over
        (subject, begins + timedelta(seconds=2), False),
        (subject, first.time + timedelta(seconds=1), True),  # the first is not over either
    ]
    found, said = picked(chosen, tmp_path, rows)
    assert [row.asset_id for row in found.rows] == [first.asset_id, second.asset_id]
    assert found.told.tolist() == [[True], [False]]
    assert found.left_out == {NO_ASSET: 1}
    assert said["rows"] == 3


def test_an_asset_before_the_lookback_is_none(chosen, tmp_path: Path) -> None:
    row = own(chosen, int(chosen.subjects[0]))[-1]
    at = row.time + timedelta(days=1)
    found, _ = picked(chosen, tmp_path, [(row.subject_id, at, True)], DAY)
    assert [one.asset_id for one in found.rows] == [row.asset_id]
    late = at + timedelta(microseconds=1)
    with pytest.raises(DataRefused, match="none of the 1 rows of the cohort has an asset"):
        picked(chosen, tmp_path, [(row.subject_id, late, True)], DAY)


def test_a_model_learns_what_the_rows_say(lake: Lake, chosen, tmp_path: Path) -> None:
    ill = wide(lake)
    rows = []
    for subject in sorted(set(chosen.subjects.tolist())):
        # The rows say the contrary of the codes, so that only they can have been learned.
        rows.append((subject, datetime.fromisoformat("2020-02-01"), subject not in ill))
        rows.append(
            (subject, datetime.fromisoformat("2019-12-31"), subject in ill)
        )  # before any recording
    file = write(tmp_path / "labels.parquet", rows)
    (tmp_path / "model.yaml").write_text(COHORT_SPEC)
    trained = train_model(lake, load_spec(tmp_path / "model.yaml"), catalogue())
    card = trained.card
    assert trained.diagnosis.labels == ("readmitted",)
    assert (card["assets"], card["subjects"], card["folds"]) == (60, 60, 3)
    assert card["left_out"] == {NO_ASSET: 60}
    assert (card["figures"][0]["positive"], card["figures"][0]["rows"]) == (30, 60)
    assert card["figures"][0]["auroc"]["value"] > 0.95
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert card["labels"]["readmitted"]["sha256"] == digest
    assert card["labels"]["readmitted"]["file"] == "labels.parquet"
    shelved = shelve(lake, trained)[0]
    diagnosis = take_down(lake, shelved, catalogue())
    with pytest.raises(DataRefused, match="told by a cohort's file"):
        evaluate_model(lake, shelved, diagnosis, catalogue())


def test_a_cohort_built_from_the_lake_is_learned(lake: Lake, tmp_path: Path) -> None:
    """The ECG an hour before the prediction tells whether the next one will be wide."""
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "model.yaml").write_text(COHORT_SPEC)
    out = tmp_path / "labels.parquet"
    built = told("--lake", lake.root, "cohort", "build", tmp_path / "task.yaml", "--out", out)
    assert (built["samples"], built["positive"]) == (60, 30)
    page = call("--lake", lake.root, "model", "train", tmp_path / "model.yaml").stdout
    assert "kernels on 60 ecg assets of 60 subjects, 3-fold cross-validation by subject" in page
    card = told("--lake", lake.root, "model", "show", "wide-beats")
    assert card["left_out"] == {}
    assert card["figures"][0]["positive"] == 30
    assert card["figures"][0]["auroc"]["value"] > 0.95


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (COHORT, COHORT + LABELS, "either `labels`"),
        (COHORT, "", "either `labels`"),
        (COHORT, COHORT + AMONG, "leave out `among`"),
        ("30d", "0d", "longer than nothing"),
        ("30d", "month", "a whole number and a unit of time"),
        ("name: readmitted", "name: a/b", "a label's name"),
        ("lookback", "look_back", "Did you mean 'lookback'"),
    ],
)
def test_a_specification_that_says_two_things_is_refused(old: str, new: str, said: str) -> None:
    assert COHORT in COHORT_SPEC
    with pytest.raises(ModelInvalid) as error:
        parse_spec(COHORT_SPEC.replace(old, new))
    assert said in str(error.value)


def test_files_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "labels.parquet"
    with pytest.raises(SetupMissing, match="no label file"):
        read_labelled_rows(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataRefused, match="not a Parquet file"):
        read_labelled_rows(path)
    at = datetime.fromisoformat("2020-01-01")
    good = {"subject_id": [1, 2], "prediction_time": [at, at], "boolean_value": [True, False]}
    for wrong, said in (
        ({"subject_id": [1, 1]}, "1 labels repeat"),
        ({"boolean_value": [True, None]}, "is empty in 1 of 2 rows"),
        ({"boolean_value": [1.0, 2.0]}, "is double"),
        ({"prediction_time": pa.array([at, at], pa.timestamp("us", "UTC"))}, "tz=UTC"),
    ):
        pq.write_table(pa.table(good | wrong), path)
        with pytest.raises(DataRefused, match=said):
            read_labelled_rows(path)
    pq.write_table(pa.table(good).drop_columns("boolean_value"), path)
    with pytest.raises(DataRefused, match="no column 'boolean_value'"):
        read_labelled_rows(path)
