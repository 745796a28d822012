"""Compacting changes files, never rows; a diff says what came and what went."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lake.build import chunk, content, copy_of, event, files_of, load, many, rows_of

from biolake.core.errors import DataRefused
from biolake.lake import maintenance, stored
from biolake.lake.commits import Commit, publish
from biolake.lake.lake import Lake, init
from biolake.lake.maintenance import compact, diff, leftovers
from biolake.lake.verifying import verify


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init(str(tmp_path_factory.mktemp("shared") / "lake"), shard_groups=2)
    for n in range(3):
        load(lake, chunk(many(200, first_key=n * 1000, seed=n), file=f"{n}.csv", rejects=1))
    return lake


@pytest.fixture
def lake(shared: Lake, tmp_path: Path) -> Lake:
    return copy_of(shared, tmp_path)


def test_compacting_leaves_one_file_and_the_same_rows(lake: Lake) -> None:
    before, ledger = content(lake), rows_of(lake, "*", table="loads")
    commit = compact(lake)
    assert commit is not None
    assert (commit.number, commit.kind) == (4, "compact")
    assert commit.counts["events"] == 600
    assert len(files_of(lake, ("events",))) == len(files_of(lake, ("events_by_code",))) == 2
    assert all(len(files_of(lake, (name,))) == 1 for name in ("loads", "linkage", "quarantine"))
    assert content(lake) == before
    assert rows_of(lake, "*", table="loads") == ledger
    assert not verify(lake).problems


def test_earlier_commits_still_show_what_they_showed(lake: Lake) -> None:
    before = [content(lake, at=n) for n in range(4)]
    compact(lake)
    assert [content(lake, at=n) for n in range(4)] == before
    assert not verify(lake, at=2).problems


def test_there_is_nothing_to_do_twice(lake: Lake) -> None:
    compact(lake)
    assert compact(lake) is None
    assert lake.commit().number == 4


def test_loads_go_on_after_compacting(lake: Lake) -> None:
    compact(lake)
    assert load(lake, chunk(many(200, seed=0), file="again.csv")).added == 0
    assert load(lake, chunk([event("p0001", 1, numeric_value=3.5)], file="c.csv")).added == 1
    assert not verify(lake).problems


def test_many_pieces_give_the_same_files_as_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROWS_A_BUCKET", 10)
    before = content(lake)
    compact(lake)
    assert content(lake) == before
    assert not verify(lake).problems


def test_compacting_refuses_to_publish_other_rows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "rewrite_group", lambda *_: ([], []))
    with pytest.raises(DataRefused, match="not those its files"):
        compact(lake)
    assert lake.commit().number == 3


def test_files_of_a_load_that_died_are_swept(lake: Lake) -> None:
    def die(stage: str) -> None:
        if stage == "before commit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(lake, chunk(many(50, first_key=9000), file="d.csv"), stage=die)
    assert leftovers(lake)
    before = content(lake)
    compact(lake)
    assert leftovers(lake) == []
    assert content(lake) == before
    assert load(lake, chunk(many(50, first_key=9000), file="d.csv")).added == 50
    assert not verify(lake).problems


def test_tables_published_without_their_commit_are_set_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> Commit:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("biolake.lake.commits.publish", die)
        with pytest.raises(KeyboardInterrupt):
            load(lake, chunk(many(50, first_key=9000), file="d.csv"))
    report = verify(lake)
    assert not report.problems
    assert report.leftovers
    assert report.notes
    compact(lake)
    assert leftovers(lake) == []
    assert load(lake, chunk(many(50, first_key=9000), file="d.csv")).added == 50
    assert not verify(lake).problems


def test_a_diff_counts_events_by_source(lake: Lake) -> None:
    changed = [event("p0001", 1, numeric_value=3.5), event("p0002", 7_777, code="NEW//1")]
    load(lake, chunk(changed, file="c.csv", retracted=[2, 3]), site="main")
    load(lake, chunk([event("x", 1)], file="v.csv", table="vitals"), site="other")
    found = diff(lake, 3, 5)
    counted = [(s.site, s.source, s.added, s.removed) for s in found.sources]
    assert counted == [("main", "labs", 2, 3), ("other", "vitals", 1, 0)]
    assert found.codes_appeared == (("LAB//GLUCOSE", 2), ("NEW//1", 1))
    assert found.codes_vanished == ()
    assert found.tables["loads"] == (3, 5)
    assert len(found.loads) == 2
    back = diff(lake, 5, 3)
    assert [(s.added, s.removed) for s in back.sources] == [(3, 2), (0, 1)]


def test_compacting_is_no_difference(lake: Lake) -> None:
    compact(lake)
    found = diff(lake, 3, 4)
    assert found.sources == found.loads == found.codes_appeared == ()


def test_a_diff_with_the_empty_lake_counts_everything(lake: Lake) -> None:
    found = diff(lake, 0, 3)
    assert sum(s.added for s in found.sources) == 600
    assert len(found.codes_appeared) == len(rows_of(lake, "code", table="codes"))


def test_a_diff_with_a_redacted_commit_is_refused(lake: Lake) -> None:
    base = lake.commit()
    publish(lake.store, Commit(4, "forget", "", "", "", "", tables=base.tables, redacts=(1, 2)))
    with pytest.raises(DataRefused, match="redacted by commit 4"):
        diff(lake, 2, 3)
