"""The whole path on the synthetic hospital: four formats in, and every planted fault found."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from biolake.core.catalogue import discover
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify
from biolake.testing.hospital import simulate

SUBJECTS = 600
Loaded = tuple[Lake, dict[str, Any], dict[str, IngestReport]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("hospital")
    simulate(folder / "files", subjects=SUBJECTS, sites=4)
    lake = init(str(folder / "lake"))
    reports = {}
    for site in sorted((folder / "files").glob("site-*")):
        (source,) = site.iterdir()
        reports[site.name] = ingest(lake, str(source), discover("biolake.readers"), site=site.name)
    truth = json.loads((folder / "files" / "truth.json").read_text())
    return lake, truth, reports


def quality(lake: Lake, check: str) -> Counter[str]:
    with open_view(lake) as view:
        sql = 'SELECT site_id, sum("count") FROM quality WHERE "check" = ? GROUP BY 1'
        return Counter({site: int(count) for site, count in view.rows(sql, [check])})


def planted(truth: dict[str, Any], fault: str) -> Counter[str]:
    return Counter({site: faults[fault] for site, faults in truth["planted_faults"].items()})


def test_every_row_is_accounted_for(loaded: Loaded) -> None:
    for report in loaded[2].values():
        assert sum(line.rows for line in report.load.lines) > 0
        assert all(line.unexplained == 0 for line in report.load.lines)


def test_people_known_at_two_sites_are_one_subject(loaded: Loaded) -> None:
    lake, truth, _ = loaded
    assert len(truth["shared_subjects"]["pairs"]) > 0
    assert lake.commit().counts["subjects"] == SUBJECTS


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("orphan encounters", "orphan_encounter"),
        ("after death", "event_after_death"),
        ("implausible values", "value_out_of_range"),
        ("encounters ending before start", "encounter_ends_before_start"),
    ],
)
def test_planted_faults_are_counted_exactly(loaded: Loaded, check: str, fault: str) -> None:
    lake, truth, _ = loaded
    assert quality(lake, check) == planted(truth, fault)


@pytest.mark.parametrize("site", ["site-1", "site-2"])
def test_resent_and_corrected_rows_are_told_apart(loaded: Loaded, site: str) -> None:
    _, truth, reports = loaded
    lines, faults = reports[site].load.lines, truth["planted_faults"][site]
    assert sum(line.repeated for line in lines) == faults["duplicate_rows"]
    assert sum(line.superseded for line in lines) == faults["corrected_values"]


def test_the_lake_verifies(loaded: Loaded) -> None:
    assert verify(loaded[0]).problems == ()
