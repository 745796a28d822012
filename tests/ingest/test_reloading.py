"""Reading again: the same files, corrected files, the same files with a changed mapping."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.labs import LABS, MAPPING, SUBJECTS, make

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"), subject_ids="source")


def load(lake: Lake, source: Path) -> IngestReport:
    return ingest(lake, str(source), Catalogue(), mapping=str(source / "labs.yaml"))


def one(lake: Lake, sql: str) -> Any:
    with open_view(lake) as view:
        return view.rows(sql)[0][0]


def remap(source: Path, old: str, new: str) -> None:
    assert old in MAPPING
    (source / "labs.yaml").write_text(MAPPING.replace(old, new))


def test_the_same_files_again_add_nothing_and_make_no_commit(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    assert load(lake, source).load.added == LABS + SUBJECTS
    again = load(lake, source)
    assert again.load.commit is None
    assert lake.commit().number == 1


def test_a_longer_file_adds_only_its_new_rows(lake: Lake, tmp_path: Path) -> None:
    load(lake, make(tmp_path / "source"))
    longer = make(tmp_path / "source", extra="9999,3,,50800,2151-01-01 00:00:00,4,g\n")
    report = load(lake, longer)
    assert report.load.added == 1
    assert sum(line.known for line in report.load.lines) == LABS


def test_a_corrected_value_replaces_the_old_one(lake: Lake, tmp_path: Path) -> None:
    load(lake, make(tmp_path / "source"))
    report = load(lake, make(tmp_path / "source", value=7.0))
    assert report.load.outcome.replaced == LABS
    assert one(lake, "SELECT min(numeric_value) FROM events") == 7.0
    assert one(lake, "SELECT count(*) FROM events") == LABS + SUBJECTS
    assert verify(lake).problems == ()


def test_a_result_reassigned_to_another_subject_moves(lake: Lake, tmp_path: Path) -> None:
    load(lake, make(tmp_path / "source"))
    moved = make(tmp_path / "source")
    text = (moved / "labevents.csv").read_text()
    (moved / "labevents.csv").write_text(text.replace("\n0,1,,50800", "\n0,20,,50800"))
    load(lake, moved)
    assert one(lake, "SELECT count(*) FROM events") == LABS + SUBJECTS
    assert one(lake, "SELECT subject_id FROM events WHERE numeric_value = 1") == 20
    assert verify(lake).problems == ()


def test_a_changed_mapping_replaces_what_the_old_one_made(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    load(lake, source)
    remap(source, "'LAB//'", "'RESULT//'")
    load(lake, source)
    assert one(lake, "SELECT count(*) FROM events WHERE code LIKE 'LAB//%'") == 0
    assert one(lake, "SELECT count(*) FROM events") == LABS + SUBJECTS
    assert verify(lake).problems == ()


def test_a_rule_taken_out_of_the_mapping_takes_its_events_along(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    load(lake, source)
    birth = "{name: birth, code: \"'MEDS_BIRTH'\", time: dob}"
    remap(source, birth, "{name: seen, code: \"'SEEN'\", time: dob}")
    report = load(lake, source)
    assert report.load.outcome.removed == SUBJECTS
    assert one(lake, "SELECT count(birth) FROM subjects") == 0
    assert one(lake, "SELECT count(*) FROM codes WHERE code = 'MEDS_BIRTH'") == 0
    assert verify(lake).problems == ()


def test_a_mapping_changed_back_is_read_again(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    load(lake, source)
    remap(source, "'LAB//'", "'RESULT//'")
    load(lake, source)
    (source / "labs.yaml").write_text(MAPPING)
    load(lake, source)
    assert one(lake, "SELECT count(*) FROM events WHERE code LIKE 'LAB//%'") == LABS
    assert one(lake, "SELECT count(*) FROM events") == LABS + SUBJECTS


def test_another_time_zone_reads_the_same_files_again(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    mapping = str(source / "labs.yaml")
    ingest(lake, str(source), Catalogue(), mapping=mapping, zone="Europe/London")
    early = one(lake, "SELECT min(time) FROM events")
    report = ingest(lake, str(source), Catalogue(), mapping=mapping, zone="Europe/Berlin")
    assert report.load.outcome.replaced == LABS + SUBJECTS
    assert early - one(lake, "SELECT min(time) FROM events") == timedelta(hours=1)
    assert one(lake, "SELECT zone FROM sites") == "Europe/Berlin"
    again = ingest(lake, str(source), Catalogue(), mapping=mapping, zone="Europe/Berlin")
    assert again.load.commit is None
    with pytest.raises(DataRefused, match="keeps times in UTC"):
        ingest(lake, str(source), Catalogue(), mapping=mapping)
    assert verify(lake).problems == ()
