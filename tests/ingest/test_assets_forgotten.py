"""What was forgotten does not come back with its files, nor stay named in the ledger."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.ingest.beep_extractors import hz, run
from tests.ingest.beeps import rows, take, write
from tests.ingest.test_assets_lists import CATALOGUE
from tests.lake.build import chunk, event, load

from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def subject_of(lake: Lake, asset: str) -> int:
    ((subject,),) = rows(lake, f"SELECT subject_id FROM assets WHERE asset_id = '{asset}'")  # noqa: S608
    assert subject is not None
    return int(subject)


def text_of_ledger(lake: Lake) -> str:
    return repr(rows(lake, "SELECT * FROM loads") + rows(lake, "SELECT * FROM quarantine"))


def test_files_that_only_a_list_linked_do_not_come_back_without_it(
    lake: Lake, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    mine = digest(write(source, "x.beep"))
    theirs = digest(write(source, "y.beep", n=1))
    listed = source / "list.csv"
    listed.write_text("x.beep,s1,,,\ny.beep,s2,,,\n")
    take(lake, source, reader=CATALOGUE)
    report = forget(lake, subject_of(lake, mine))
    assert report.scan.hits == ()
    listed.unlink()
    again = take(lake, source).assets
    assert (again.added, again.forgotten, again.bytes_stored) == (0, 1, 0)
    assert rows(lake, "SELECT asset_id FROM assets") == [(theirs,)]
    assert rows(lake, "SELECT rows, skipped FROM loads WHERE file = 'x.beep'") == [
        (1, '{"its subject was forgotten": 1}')
    ]
    sound(lake)


def test_a_part_of_a_forgotten_asset_does_not_come_back_alone(lake: Lake, tmp_path: Path) -> None:
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    source, other = tmp_path / "source", tmp_path / "other"
    for folder in (source, other):
        folder.mkdir()
        (folder / "own.dat").write_bytes(b"only of p1")
        (folder / "shared.dat").write_bytes(b"of both")
        (folder / "empty.dat").write_bytes(b"")
    x = write(source, "x.beep", subject="p1", parts=["own.dat", "shared.dat", "empty.dat"])
    write(source, "y.beep", subject="p2", parts=["shared.dat"])
    take(lake, source)
    names = rows(lake, "SELECT asset_id FROM asset_files WHERE name = 'x.beep'")
    forget(lake, subject_of(lake, names[0][0]))
    write(other, "a.beep", parts=["own.dat"], n=1)
    write(other, "b.beep", parts=["shared.dat", "empty.dat"], n=2)
    (other / "c.beep").write_bytes(x.read_bytes().replace(b'"p1"', b'"p2"'))
    report = take(lake, other).assets
    assert (report.added, report.forgotten) == (1, 2)
    sound(lake)


def test_a_single_file_forgotten_and_shared_stays_open_to_the_other(
    lake: Lake, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    both = write(source, "both.beep", subject="p1")
    write(source, "y.beep", n=2, subject="p2", parts=["both.beep"])
    take(lake, source)
    forget(lake, subject_of(lake, digest(both)))
    other = tmp_path / "other"
    other.mkdir()
    (other / "both.beep").write_bytes(both.read_bytes())
    write(other, "z.beep", n=3, parts=["both.beep"])
    report = take(lake, other).assets
    assert (report.added, report.forgotten) == (1, 1)  # z; the asset of one file is gone
    sound(lake)


def test_the_ledger_names_no_asset_or_file_of_a_forgotten_subject(
    lake: Lake, tmp_path: Path
) -> None:
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    source = tmp_path / "source"
    own = digest(write(source, "jane.beep", subject="p1", find=[hz(440)]))
    bad = digest(write(source, "doe.beep", subject="p1", fails="refused", n=1))
    kept = digest(write(source, "y.beep", subject="p2", fails="refused", n=2))
    take(lake, source)
    run(lake)
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(2,)]
    before = rows(lake, "SELECT count(*), sum(rows), sum(quarantined_rows) FROM loads")
    report = forget(lake, subject_of(lake, own))
    assert report.scan.hits == ()
    assert set(report.rows) & {"loads", "quarantine"} == set()
    said = text_of_ledger(lake)
    assert not any(word in said for word in (own, bad, "jane", "doe"))
    assert kept in said and "y.beep" in said  # noqa: PT018
    assert rows(lake, "SELECT count(*), sum(rows), sum(quarantined_rows) FROM loads") == before
    names = "SELECT DISTINCT file FROM loads WHERE \"table\" = 'pitch' ORDER BY 1"
    assert rows(lake, names) == sorted([("forgotten 1",), ("forgotten 2",), (kept,)])
    sound(lake)
    forget(lake, subject_of(lake, kept))
    assert rows(lake, names) == [("forgotten 1",), ("forgotten 2",), ("forgotten 3",)]
    assert rows(lake, "SELECT DISTINCT file FROM quarantine") != [(kept,)]
    sound(lake)


def test_a_scan_finds_a_ledger_that_still_names_the_files(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = digest(write(tmp_path / "source", "x.beep", subject="p1"))
    load(lake, chunk([event("p1", 1)]))
    take(lake, tmp_path / "source")
    monkeypatch.setattr("biolake.lake.forgotten_lines.Lines.renamed", lambda _, table, __: table)
    hits = forget(lake, subject_of(lake, mine)).scan.hits
    assert [hit.split("/")[0] for hit in hits] == ["loads"]
