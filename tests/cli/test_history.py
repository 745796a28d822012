"""diff, compact, forget and export on a lake of two loads."""

from __future__ import annotations

import pytest
from tests.cli.source import LABS, call, loaded, refused, told


@pytest.fixture
def twice(tmp_path):
    """The laboratory, then a correction and a new result."""
    root = loaded(tmp_path)
    more = LABS.replace("141.5", "142") + "7,4,2024-01-06 07:00:00,chloride,101,mmol/L\n"
    (tmp_path / "hospital" / "labs.csv").write_text(more)
    told("--lake", root, "ingest", tmp_path / "hospital", "--mapping", tmp_path / "labs.yaml")
    return root


def test_diff_counts_what_came_and_went(twice):
    found = told("--lake", twice, "diff", 1, 2)
    assert found["sources"] == [{"site": "main", "source": "labs", "added": 2, "removed": 1}]
    assert found["codes_appeared"] == [{"code": "LAB//chloride", "events": 1}]
    assert found["tables"]["subjects"] == {"a": 3, "b": 4}
    assert "the same events" in call("--lake", twice, "diff", 2, 2).stdout
    assert "LAB//chloride" in call("--lake", twice, "diff", 1, 2).stdout


def test_compact_keeps_every_answer(twice):
    before = told("--lake", twice, "events", "--limit", 0)
    made = told("--lake", twice, "compact")
    assert (made["committed"], made["commit"]) == (True, 3)
    assert told("--lake", twice, "events", "--limit", 0) == before
    assert told("--lake", twice, "compact")["committed"] is False


def test_forget_asks_for_a_yes(twice):
    code, error = refused("--lake", twice, "forget", 2)
    assert code == 2
    assert "--yes" in error["next"]
    assert told("--lake", twice, "status")["subjects"] == 4


def test_forget_removes_the_subject_and_redacts_the_past(twice):
    gone = told("--lake", twice, "forget", 2, "--yes")
    assert gone["removed_rows"]["events"] == 1
    assert gone["redacted_commits"] == [1, 2]
    assert gone["scan"]["hits"] == []
    assert told("--lake", twice, "status")["subjects"] == 3
    assert refused("--lake", twice, "status", "--at", 1)[0] == 4
    assert told("--lake", twice, "verify")["ok"]
    listed = told("--lake", twice, "commits")["commits"]
    assert [commit["redacted_by"] for commit in listed] == [None, 3, 3, None]
    assert "Proof" in call("--lake", twice, "forget", 2, "--yes").stdout
    assert refused("--lake", twice, "forget", 99, "--yes")[0] == 2


@pytest.mark.parametrize("form", ["meds", "omop", "parquet"])
def test_export_writes_the_events_of_a_commit(lake, tmp_path, form):
    made = told("--lake", lake, "export", form, tmp_path / form)
    assert (made["format"], made["commit"]) == (form, 1)
    assert made["files"]
    assert refused("--lake", lake, "export", form, tmp_path / form)[0] == 2
