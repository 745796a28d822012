"""Splits keep a subject in one place, and the held-out set shut."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import meds
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lake.build import NUMBERED, chunk, event, load

from biolake.cohorts import held_out, splits
from biolake.cohorts.held_out import EVALUATION, labels_for, lock, openings
from biolake.core.errors import DataRefused, NotPermitted, SetupMissing, WrongUse
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init

NOON = datetime(2150, 3, 1, 12)  # noqa: DTZ001 - lake times are naive
KEY = b"a key"


def labelled(count: int = 1000, each: int = 2, positive: float = 0.2) -> pa.Table:
    draws = np.random.default_rng(5).random(count * each) < positive / each
    subjects = np.repeat(np.arange(1, count + 1), each)
    days = np.tile(np.arange(each), count) * 100 + subjects % 365
    times = [NOON + timedelta(days=int(day)) for day in days]
    return pa.table({"subject_id": subjects, "prediction_time": times, "boolean_value": draws})


def parts(table: pa.Table) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {name: set() for name in splits.NAMES}
    for row in table.to_pylist():
        found[row["split"]].add(row["subject_id"])
    return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"), subject_ids="source")


def test_a_random_split_is_the_same_in_every_cohort(lake: Lake):
    whole = splits.random(range(5000), KEY)
    some = splits.random(range(0, 5000, 7), KEY)
    known = dict(zip(whole["subject_id"].to_pylist(), whole["split"].to_pylist(), strict=True))
    assert all(known[row["subject_id"]] == row["split"] for row in some.to_pylist())
    shares = {name: len(found) / 5000 for name, found in parts(whole).items()}
    assert shares == pytest.approx(splits.RATIOS, abs=0.02)
    assert splits.random(range(5000), b"other") != whole
    assert splits.split_key(lake, 1) != splits.split_key(lake, 2)
    meds.SubjectSplitSchema.validate(whole)


def test_a_stratified_split_has_the_same_share_of_labels_everywhere():
    labels = labelled()
    found = parts(splits.stratified(labels, KEY))
    pairs = zip(labels["subject_id"].to_pylist(), labels["boolean_value"].to_pylist(), strict=True)
    positive = {subject for subject, value in pairs if value}
    shares = {name: len(who & positive) / len(who) for name, who in found.items()}
    assert shares == pytest.approx(dict.fromkeys(shares, len(positive) / 1000), abs=0.01)
    assert sum(len(who) for who in found.values()) == len(set.union(*found.values())) == 1000
    with pytest.raises(WrongUse, match="no strata"):
        splits.stratified(labels.rename_columns([*labels.column_names[:2], "float_value"]), KEY)


def test_a_temporal_split_goes_by_the_first_prediction():
    labels, cuts = labelled(), {"tuning": NOON + timedelta(200), "held_out": NOON + timedelta(300)}
    table = splits.temporal(labels, tuning_from=cuts["tuning"], held_out_from=cuts["held_out"])
    assert {s % 365 for s in parts(table)["held_out"]} == set(range(300, 365))
    assert {s % 365 for s in parts(table)["tuning"]} == set(range(200, 300))
    assert {s % 365 for s in parts(table)["train"]} == set(range(200))
    kept = splits.before_cut(labels, table, {"train": cuts["tuning"]})
    train = splits.of_split(kept, table, "train")
    assert max(train["prediction_time"].to_pylist()) < cuts["tuning"]
    assert splits.of_split(kept, table, "held_out").num_rows == 2 * len(parts(table)["held_out"])


def test_a_site_is_held_out_with_everyone_who_was_ever_there():
    sites = pa.table({"subject_id": [1, 1, 2, 3, 4], "site_id": ["a", "b", "a", "b", "c"]})
    found = parts(splits.by_site(sites, held_out=["b"], tuning=["c"]))
    assert found == {"train": {2}, "tuning": {4}, "held_out": {1, 3}}
    folds = dict(splits.leave_one_site_out(sites, KEY, tuning=0.0))
    assert {site: parts(fold)["held_out"] for site, fold in folds.items()} == {
        "a": {1, 2},
        "b": {1, 3},
        "c": {4},
    }
    with pytest.raises(WrongUse, match="site 'bb'"):
        splits.by_site(sites, held_out=["bb"])
    with pytest.raises(DataRefused, match="1 site"):
        list(splits.leave_one_site_out(sites.slice(0, 1), KEY))


def test_sites_come_from_the_lake(lake: Lake):
    for site, subjects in {"north": "12", "south": "23"}.items():
        rows = [event(who, int(who), time=NOON) for who in subjects]
        load(lake, chunk(rows, file=f"{site}.csv"), site=site, subjects=NUMBERED)
    with open_view(lake) as view:
        found = splits.sites_of(view, pa.table({"subject_id": [2, 3]}))
    assert found.to_pylist() == [
        {"subject_id": 2, "site_id": "north"},
        {"subject_id": 2, "site_id": "south"},
        {"subject_id": 3, "site_id": "south"},
    ]


def test_a_subject_in_two_splits_is_refused(tmp_path: Path):
    twice = pa.table({"subject_id": [1, 2, 1], "split": ["train", "train", "tuning"]})
    with pytest.raises(DataRefused, match="1 subjects are in the splits more than once"):
        splits.validate(twice)
    with pytest.raises(DataRefused, match="Did you mean 'held_out'"):
        splits.validate(pa.table({"subject_id": [1], "split": ["heldout"]}))
    with pytest.raises(DataRefused, match="columns subject_id and split"):
        splits.validate(pa.table({"subject_id": [1]}))
    with pytest.raises(DataRefused, match="empty or of another type"):
        splits.validate(pa.table({"subject_id": [1, None], "split": ["train", "train"]}))
    splits.write_splits(twice.slice(0, 2), tmp_path / "metadata" / "subject_splits.parquet")
    written = tmp_path / "metadata" / "subject_splits.parquet"
    meds.SubjectSplitSchema.validate(pq.read_table(written))
    assert splits.read_splits(written).num_rows == 2


def test_ratios_and_names_are_checked():
    with pytest.raises(WrongUse, match="add up to 1"):
        splits.random([1], KEY, {"train": 0.5})
    with pytest.raises(WrongUse, match="Did you mean 'tuning'"):
        splits.random([1], KEY, {"train": 0.5, "tunning": 0.5})
    with pytest.raises(DataRefused, match="2 labels are of subjects that are in no split"):
        splits.of_split(labelled(3), splits.random([1, 2], KEY), "train")
    with pytest.raises(WrongUse, match="no split is named"):
        splits.of_split(labelled(3), splits.random([1, 2, 3], KEY), "test")


def test_held_out_labels_open_for_an_evaluation_only_and_every_try_is_on_record(lake: Lake):
    labels = labelled(100)
    table = splits.random(range(1, 101), KEY, {"train": 0.6, "held_out": 0.4})
    fixed = lock(lake, "sepsis", table)
    assert (fixed.subjects, lock(lake, "sepsis", table)) == (len(parts(table)["held_out"]), fixed)

    def get(split: str, purpose: str) -> pa.Table:
        return labels_for(lake, "sepsis", split, purpose, labels=labels, splits=table)

    assert set(get("train", "look around")["subject_id"].to_pylist()) == parts(table)["train"]
    with pytest.raises(NotPermitted, match="on record"):
        get("held_out", "look around")
    assert set(get("held_out", EVALUATION)["subject_id"].to_pylist()) == parts(table)["held_out"]
    found = openings(lake, "sepsis")
    assert [(o.purpose, o.allowed) for o in found] == [("look around", False), (EVALUATION, True)]
    assert str(min(parts(table)["held_out"])) not in lake.store.read(
        "studies/locks/sepsis.json"
    ).decode().split('"hash"')[0].replace(str(fixed.subjects), "")


def test_other_splits_do_not_open_a_lock(lake: Lake):
    labels, table = labelled(100), splits.random(range(1, 101), KEY)
    lock(lake, "sepsis", table)
    other = splits.random(range(1, 101), b"other")
    for split in ("train", "held_out"):
        with pytest.raises(NotPermitted, match="do not hold out"):
            labels_for(lake, "sepsis", split, EVALUATION, labels=labels, splits=other)
    with pytest.raises(NotPermitted, match="do not hold out"):
        lock(lake, "sepsis", other)
    with pytest.raises(SetupMissing, match="locked as 'unknown'"):
        labels_for(lake, "unknown", "train", EVALUATION, labels=labels, splits=table)
    with pytest.raises(WrongUse, match="cannot name"):
        lock(lake, "../sepsis", table)
    with pytest.raises(WrongUse, match="nobody"):
        lock(lake, "none", splits.random([1], KEY, {"train": 1.0}))


def test_openings_at_once_are_all_recorded(lake: Lake):
    labels, table = labelled(50), splits.random(range(1, 51), KEY)
    lock(lake, "sepsis", table)

    def get(_: int) -> None:
        labels_for(lake, "sepsis", "held_out", EVALUATION, labels=labels, splits=table)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(get, range(12)))
    assert Counter(o.allowed for o in openings(lake, "sepsis")) == {True: 12}
    assert held_out.locked(lake, "sepsis").subjects == len(parts(table)["held_out"])
