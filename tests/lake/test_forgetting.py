"""A forgotten subject is in no file, opens no commit, and does not come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.lake.build import (
    NUMBERED,
    chunk,
    content,
    copy_of,
    event,
    files_of,
    load,
    many,
    rows_of,
    subject_of,
)

from biolake.core.errors import DataRefused, LakeDamaged, WrongUse
from biolake.lake import forgetting
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init, open_lake
from biolake.lake.maintenance import compact, leftovers
from biolake.lake.verifying import verify

RARE = "DX//RARE"
PEOPLE = [("target", "national", "n-77", "global"), ("p0001", "national", "n-1", "global")]
OWN = [
    event("target", 70_001, code=RARE, text_value="seen nowhere else", encounter="stay"),
    event("target", 70_002, encounter="stay"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Commit 1 without the subject, 2 with it, 3 with more of others."""
    lake = init(str(tmp_path_factory.mktemp("shared") / "lake"), shard_groups=2)
    load(lake, chunk(many(200), encounters=[("e0001-0", "p0001")]))
    load(lake, chunk(OWN, file="b.csv", encounters=[("stay", "target")], people=PEOPLE))
    load(lake, chunk(many(100, first_key=500), file="c.csv"))
    return lake


@pytest.fixture
def lake(shared: Lake, tmp_path: Path) -> Lake:
    return copy_of(shared, tmp_path)


def test_nothing_of_the_subject_is_left(lake: Lake) -> None:
    subject = subject_of(lake, RARE)
    others = [row for row in content(lake) if row[0] != subject]
    report = forget(lake, subject)
    assert report.scan.hits == ()
    assert report.scan.files > 20
    assert report.rows == {
        "events": 2,
        "events_by_code": 2,
        "subjects": 1,
        "encounters": 1,
        "linkage": 2,
    }
    assert content(lake) == others
    assert not rows_of(lake, "code", table=f"codes WHERE code = '{RARE}'")
    assert not verify(lake).problems
    assert verify(lake).leftovers == ()


def test_no_value_of_the_subject_is_left_in_a_dictionary(lake: Lake) -> None:
    forget(lake, subject_of(lake, RARE))
    for path in Path(lake.root).glob("events*/**/*.parquet"):
        table = pq.ParquetFile(path, read_dictionary=["code", "text_value"]).read()
        for name in ("code", "text_value"):
            words = [w for part in table[name].chunks for w in part.dictionary.to_pylist()]
            assert RARE not in words
            assert "seen nowhere else" not in words


def test_only_commits_that_held_the_subject_are_redacted(lake: Lake) -> None:
    before = content(lake, at=1)
    report = forget(lake, subject_of(lake, RARE))
    assert report.commit.redacts == report.redacted == (2, 3)
    assert content(lake, at=1) == before
    assert content(lake, at=4) == content(lake)
    for number in (2, 3):
        with pytest.raises(DataRefused, match="redacted by commit 4"):
            lake.commit(number)


def test_old_delta_versions_can_no_longer_serve_the_subject(lake: Lake) -> None:
    from deltalake import DeltaTable

    old = lake.commit().tables["events"].version
    forget(lake, subject_of(lake, RARE))
    with pytest.raises(OSError, match=r"(?i)not found|no such file"):
        DeltaTable(lake.store.uri("events"), version=old).to_pyarrow_table()


def test_neither_message_nor_commit_names_the_subject(lake: Lake) -> None:
    subject = subject_of(lake, RARE)
    report = forget(lake, subject)
    assert str(subject) not in report.commit.to_json().decode()
    assert report.commit.kind == "forget"


def test_rows_that_come_again_are_refused_and_counted(lake: Lake) -> None:
    forget(lake, subject_of(lake, RARE))
    before = content(lake)
    rows = [*OWN, event("p0001", 80_000)]
    changed = chunk(rows, file="changed.csv", encounters=[("stay", "target")])
    report = load(lake, changed)
    assert report.added == 1
    assert len(content(lake)) == len(before) + 1
    refused = "item, count, total FROM quality WHERE \"check\" = 'subject was forgotten' --"
    assert rows_of(lake, refused) == [("labs", 2, 3)]
    assert not verify(lake).problems


def test_the_person_is_refused_under_another_number_too(lake: Lake) -> None:
    forget(lake, subject_of(lake, RARE))
    person = [("other-number", "national", "n-77", "global")]
    known = [row[0] for row in content(lake)]
    load(lake, chunk([event("other-number", 1)], people=person, file="s.csv"), site="south")
    assert [row[0] for row in content(lake)] == known
    load(lake, chunk([event("other-number", 2)], file="t.csv"), site="south")
    assert [row[0] for row in content(lake)] == known


def test_a_subject_with_the_sources_own_number_is_refused_too(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source", shard_groups=2)
    rows = [event(str(10_000_000 + n), n) for n in range(30)]
    load(lake, chunk(rows), subjects=NUMBERED)
    report = forget(lake, 10_000_007)
    assert report.scan.hits == ()
    load(lake, chunk(rows, file="again.csv"), subjects=NUMBERED)
    assert len(content(lake)) == 29
    assert not verify(lake).problems


def test_others_no_longer_name_an_encounter_of_the_subject(lake: Lake) -> None:
    wrong = event("p0002", 90_000, code="LAB//WRONG", encounter="stay")
    load(lake, chunk([wrong], file="w.csv"))
    report = forget(lake, subject_of(lake, RARE))
    assert report.unlinked == 1
    assert report.scan.hits == ()
    assert rows_of(lake, "encounter_id FROM events WHERE code = 'LAB//WRONG' --") == [(None,)]
    assert not verify(lake).problems


def test_a_subject_known_only_to_earlier_commits_is_forgotten_there(lake: Lake) -> None:
    subject = subject_of(lake, RARE)
    load(lake, chunk([event("p0001", 70_000)], file="d.csv", retracted=[70_001, 70_002]))
    assert subject not in {row[0] for row in content(lake)}
    report = forget(lake, subject)
    assert report.rows.get("events", 0) == 0
    assert report.redacted == (2, 3, 4)
    assert report.scan.hits == ()


def test_an_unknown_subject_is_wrong_use_and_not_named(lake: Lake) -> None:
    with pytest.raises(WrongUse, match="no such subject") as error:
        forget(lake, 1234567890123)
    assert "1234567890123" not in str(error.value)
    assert lake.commit().number == 3


def test_forgetting_twice_scans_again(lake: Lake) -> None:
    subject = subject_of(lake, RARE)
    forget(lake, subject)
    report = forget(lake, subject)
    assert (report.commit.number, report.rows, report.scan.hits) == (4, {}, ())


def test_several_subjects_are_forgotten_one_after_the_other(lake: Lake) -> None:
    for _ in range(5):
        subject = content(lake)[0][0]
        assert forget(lake, subject).scan.hits == ()
        assert not verify(lake).problems
    compact(lake)
    load(lake, chunk(many(200, first_key=3_000), file="z.csv"))
    assert not verify(lake).problems
    assert lake.commit().number == 10


def test_the_only_subject_of_a_lake_is_forgotten(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), shard_groups=2)
    load(lake, chunk(OWN))
    assert forget(lake, subject_of(lake, RARE)).scan.hits == ()
    assert content(lake) == []
    assert files_of(lake, ("events", "subjects", "codes")) == []
    assert not verify(lake).problems


def test_a_leftover_with_the_subject_is_removed_and_a_log_is_a_hit(lake: Lake) -> None:
    subject = subject_of(lake, RARE)
    stray = Path(lake.root) / "events" / "shard_group=0" / "stray.parquet"
    stray.write_bytes(Path(lake.store.uri(files_of(lake)[0])).read_bytes())
    (Path(lake.root) / "notes.txt").write_text(f"subject {subject}, see above")
    report = forget(lake, subject)
    assert not stray.exists()
    assert report.scan.hits == ("notes.txt",)


KILLED = """
import os, signal, sys
from biolake.lake import forgetting
from biolake.lake.lake import open_lake
calls = []
def sweep(lake):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return []
forgetting.sweep = sweep
forgetting.forget(open_lake(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.parametrize("how", ["forget", "compact"])
def test_a_deletion_that_was_killed_is_finished_by_the_next(lake: Lake, how: str) -> None:
    subject = subject_of(lake, RARE)
    command = [sys.executable, "-c", KILLED, lake.root, str(subject)]
    source = str(Path(forgetting.__file__).parents[2])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": source}, check=False)
    assert done.returncode == -signal.SIGKILL
    lake = open_lake(lake.root)
    assert (lake.commit().kind, bool(leftovers(lake))) == ("forget", True)
    if how == "forget":
        assert forget(lake, subject).scan.hits == ()
    else:
        compact(lake)
    assert leftovers(lake) == []
    assert forget(lake, subject).scan.hits == ()
    assert not verify(lake).problems


def test_a_subject_whose_id_is_the_sources_own_does_not_come_back_from_another_site(
    tmp_path: Path,
) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source", shard_groups=2)
    load(lake, chunk([event("17", 1), event("18", 2)]), site="north", subjects=NUMBERED)
    forget(lake, 17)
    again = chunk([event("17", 1), event("18", 2)], file="b.csv", encounters=[("5", "17")])
    report = load(lake, again, site="south", subjects=NUMBERED)
    assert report.added == 1
    assert rows_of(lake, "DISTINCT subject_id") == [(18,)]
    assert rows_of(lake, "subject_id", table="subjects") == [(18,)]


def test_a_reader_whose_files_are_swept_meanwhile_is_told_so(lake: Lake) -> None:
    subject = subject_of(lake, RARE)

    def read() -> None:
        with open_view(lake) as view:
            forget(lake, subject)
            view.rows("SELECT sum(numeric_value) FROM events")

    with pytest.raises(LakeDamaged, match="is gone"):
        read()
