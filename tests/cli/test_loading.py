"""init and ingest: what they answer, and what a second load says."""

from __future__ import annotations

import pytest
from tests.cli.source import LABS, call, refused, told, write

from biolake.lake.locking import writer
from biolake.lake.store import open_store


@pytest.fixture
def fresh(tmp_path):
    source = write(tmp_path)
    told("--lake", tmp_path / "lake", "init")
    return tmp_path / "lake", source, tmp_path / "labs.yaml"


def test_init_makes_an_empty_lake_once(tmp_path):
    made = told("--lake", tmp_path / "lake", "init", "--shard-groups", 4)
    assert made["commit"] == 0
    assert made["subject_ids"] == "keyed"
    assert made["shard_groups"] == 4
    code, error = refused("--lake", tmp_path / "lake", "init")
    assert code == 2
    assert "there is a lake already" in error["message"]


def test_init_refuses_shard_groups_that_do_not_divide(tmp_path):
    assert refused("--lake", tmp_path / "lake", "init", "--shard-groups", 3)[0] == 2


def test_ingest_accounts_for_every_row(fresh):
    lake, source, mapping = fresh
    load = told("--lake", lake, "ingest", source, "--mapping", mapping, "--site", "north")
    assert load["commit"] == 1
    assert load["committed"] is True
    assert load["load"] == "L0000000001"
    assert (load["site"], load["layout"]) == ("north", "labs")
    assert load["files"] == {"new": 2, "known": 0}
    labs = load["tables"][0]
    assert labs["table"] == "labs"
    assert labs["skipped"] == {"a comment, not a result": 1}
    fates = ("rows", "event_rows", "part_rows", "quarantined", "unexplained", "events", "added")
    assert [labs[name] for name in fates] == [6, 4, 0, 1, 0, 4, 4]
    assert load["totals"]["rows"] == sum(table["rows"] for table in load["tables"])
    assert [row["rows"] for row in load["quarantine"]] == [1]
    assert load["quarantine"][0]["column"] == "taken"
    assert load["subjects"] == 3


def test_the_same_source_again_adds_nothing(fresh):
    lake, source, mapping = fresh
    told("--lake", lake, "ingest", source, "--mapping", mapping)
    again = told("--lake", lake, "ingest", source, "--mapping", mapping)
    assert again["committed"] is False
    assert (again["commit"], again["added"], again["tables"]) == (1, 0, [])
    assert again["files"] == {"new": 0, "known": 2}
    assert call("--lake", lake, "ingest", source, "--mapping", mapping).stdout.startswith(
        "Nothing new: "
    )


def test_a_correction_is_told_as_replaced(fresh):
    lake, source, mapping = fresh
    told("--lake", lake, "ingest", source, "--mapping", mapping)
    (source / "labs.csv").write_text(LABS.replace("141.5", "142"))
    load = told("--lake", lake, "ingest", source, "--mapping", mapping)
    assert (load["commit"], load["added"], load["replaced"]) == (2, 1, 1)
    assert load["totals"]["known"] == 3


def test_one_is_not_told_as_many(fresh):
    lake, source, mapping = fresh
    (source / "tests.csv").unlink()
    mapping.write_text(mapping.read_text().split("codes:")[0])
    words = ("--lake", lake, "ingest", source, "--mapping", mapping)
    call(*words)
    assert "the one file of this labs source was loaded before" in call(*words).stdout
    (source / "labs.csv").write_text(LABS.replace("141.5", "142"))
    page = call(*words).stdout
    assert "Corrections replaced 1 event of earlier loads" in page
    assert "Added 1 event from 1 new file (labs, site main)." in page


def test_the_page_shows_the_fates_and_no_value(fresh):
    lake, source, mapping = fresh
    result = call("--lake", lake, "ingest", source, "--mapping", mapping)
    assert result.exit_code == 0
    assert "Where every source row went" in result.stdout
    assert "a comment, not a result" in result.stdout
    assert "The lake is at commit 1" in result.stdout
    assert "yesterday-secret" not in result.output


def test_a_source_that_is_not_there_is_wrong_use(fresh):
    assert refused("--lake", fresh[0], "ingest", "nothing-here")[0] == 2


def test_a_layout_nobody_knows_is_refused_with_the_way_on(fresh):
    lake, source, _ = fresh
    code, error = refused("--lake", lake, "ingest", source)
    assert code == 4
    assert "biolake mapping draft" in error["next"]


def test_mapping_list_names_mappings_and_readers():
    listed = told("mapping", "list")
    assert "mimic-iv" in {mapping["name"] for mapping in listed["mappings"]}
    assert "meds" in {reader["name"] for reader in listed["readers"]}


def test_mapping_check_points_at_the_mistake(fresh):
    _, source, mapping = fresh
    assert told("mapping", "check", mapping, source)["errors"] == 0
    mapping.write_text(mapping.read_text().replace("numeric_value: value", "numeric_value: valeu"))
    result = call("mapping", "check", mapping, source)
    assert result.exit_code == 4
    assert "labs.yaml:" in result.stdout


def test_mapping_draft_writes_a_file_once(fresh, tmp_path):
    _, source, _ = fresh
    assert "tables:" in told("mapping", "draft", source)["mapping"]
    told("mapping", "draft", source, "--out", tmp_path / "draft.yaml")
    assert (tmp_path / "draft.yaml").is_file()
    assert refused("mapping", "draft", source, "--out", tmp_path / "draft.yaml")[0] == 2


def test_a_lake_that_somebody_writes_to_is_busy(fresh):
    lake, source, mapping = fresh
    with writer(open_store(str(lake)), "another ingest"):
        code, error = refused("--lake", lake, "ingest", source, "--mapping", mapping)
    assert (code, error["code"]) == (1, "lake_busy")
    assert "another ingest" in error["message"]
