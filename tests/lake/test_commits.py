"""Commits: written once, read back as they were, damaged ones named."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.errors import DataRefused, LakeBusy, LakeDamaged, SetupMissing, WrongUse
from biolake.lake import commits
from biolake.lake.commits import Commit, StoredFile, TableState
from biolake.lake.lake import Lake, init, open_lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


def commit(number: int, *redacts: int) -> Commit:
    files = (StoredFile("events/shard_group=3/a.parquet", 10, "ab", 2, (1 << 64) - 1, 3),)
    return Commit(
        number,
        "ingest",
        "labs",
        "2150-03-01T12:00:00",
        "somebody",
        "biolake",
        loads=("l1",),
        counts={"events": 2},
        settings={"subject_id_system": "mrn"},
        tables={"events": TableState(4, files), "codes": TableState(0)},
        redacts=redacts,
    )


def test_a_commit_reads_back_as_it_was_written(lake: Lake) -> None:
    commits.publish(lake.store, commit(1))
    assert commits.read(lake.store, 1) == commit(1)
    assert commits.numbers(lake.store) == [0, 1]
    assert lake.commit() == lake.commit(1) == commit(1)
    assert commit(1).tables["events"].rows == 2
    assert commit(1).tables["events"].in_groups([2]) == ()


def test_a_number_is_taken_once(lake: Lake) -> None:
    commits.publish(lake.store, commit(1))
    with pytest.raises(LakeBusy, match="published by another"):
        commits.publish(lake.store, commit(1, 0))
    assert commits.read(lake.store, 1).redacts == ()


def test_what_else_lies_in_the_folder_is_no_commit(lake: Lake) -> None:
    for name in ("writer.lock", ".part-x", "12.json", "000000000x.json", ".self-test-1"):
        lake.store.write(f"commits/{name}", b"{}")
    assert commits.numbers(lake.store) == [0]


def test_an_unknown_commit_says_which_there_are(lake: Lake) -> None:
    commits.publish(lake.store, commit(1))
    with pytest.raises(WrongUse, match="no commit 7; the lake has 0 to 1"):
        lake.commit(7)


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"tables": {}}'])
def test_a_damaged_commit_is_named(lake: Lake, text: bytes) -> None:
    lake.store.write(commits.key_of(1), text)
    with pytest.raises(LakeDamaged, match="commit 1 is not readable"):
        lake.commit()


def test_a_redacted_commit_says_by_which(lake: Lake) -> None:
    commits.publish(lake.store, commit(1))
    commits.publish(lake.store, commit(2, 1))
    assert commits.redacted_by(lake.store, 1) == 2
    assert commits.redacted_by(lake.store, 0) is None
    with pytest.raises(DataRefused, match="redacted by commit 2"):
        lake.commit(1)
    assert lake.commit().number == 2


def test_a_lake_is_made_once_and_opened_where_it_is(lake: Lake, tmp_path: Path) -> None:
    assert open_lake(lake.root).lake_id == lake.lake_id
    assert oct((tmp_path / "lake/linkage/secret").stat().st_mode)[-3:] == "600"
    with pytest.raises(WrongUse, match="a lake already"):
        init(lake.root)
    with pytest.raises(SetupMissing, match="no lake"):
        open_lake(str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("groups", [0, -1, 3, 2048])
def test_shard_groups_divide_the_shards(tmp_path: Path, groups: int) -> None:
    with pytest.raises(WrongUse, match="must divide"):
        init(str(tmp_path / "lake"), shard_groups=groups)
