"""One odd entry of a folder costs only itself; what waited is linked by a list known before."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.ingest.beeps import NOON, READER, rows, take, write
from tests.ingest.labs import make

from biolake.core.catalogue import Catalogue
from biolake.core.errors import SetupMissing
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

REASONS = "SELECT file, reason FROM quarantine ORDER BY file"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "source", "a/x.beep")
    return tmp_path / "source"


def test_a_link_to_itself_and_a_link_to_a_folder_are_quarantined_and_the_rest_is_taken(
    lake: Lake, source: Path
) -> None:
    (source / "loop").symlink_to("loop")
    (source / "latest").symlink_to("a")
    (source / "away").symlink_to("/etc")
    assert take(lake, source).assets.added == 1
    assert rows(lake, REASONS) == [
        ("away", "a link that leads out of the source"),
        ("latest", "a link to a folder is not followed"),
        ("loop", "a link that leads nowhere"),
    ]
    assert verify(lake).problems == ()
    assert take(lake, source).load.commit is None


def test_a_link_to_itself_does_not_stop_the_records(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    source = make(tmp_path / "labs")
    (source / "loop").symlink_to("loop")
    write(source, "x.beep", subject="3")
    report = take(lake, source)
    assert (report.plan.reading.layout, report.assets.linked) == ("labs", 1)


def test_a_folder_that_cannot_be_read_is_quarantined_and_read_once_it_can_be(
    lake: Lake, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(source, "b/closed/y.beep", n=1)
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", scandir)
        assert take(lake, source).assets.added == 1
        assert take(lake, source).load.commit is None
    assert rows(lake, REASONS) == [
        ("b/closed", "the folder cannot be read (PermissionError)"),
    ]
    assert take(lake, source).assets.added == 1


def test_equal_bytes_taken_by_two_readers_make_no_second_commit(lake: Lake, source: Path) -> None:
    boop = replace(READER, name="boop", claims=lambda name, _: name.endswith(".boop"))
    for name in ("e.beep", "e.boop", "e.txt"):
        (source / name).write_bytes(b"")
    both = Catalogue((READER, boop))
    take(lake, source, reader=both)
    assert rows(lake, 'SELECT count(DISTINCT "table") FROM loads') == [(3,)]
    assert take(lake, source, reader=both).load.commit is None


LIST = """
mapping: slides
version: "1"
description: One list of slides
detect: [slides.csv]
subject: {column: patient, system: labs, type: integer}
clock: local
tables:
  slides:
    file: slides.csv
    key: [number]
    columns: {number: BIGINT, patient: BIGINT, taken_at: TIMESTAMP, born: TIMESTAMP}
    assets: [{file: file, time: taken_at}]
    events:
      - {name: birth, code: "'MEDS_BIRTH'", time: born}
"""


@pytest.mark.parametrize("claims", [True, False])
def test_a_file_that_waited_for_an_extra_is_linked_by_the_list_read_before(
    lake: Lake, source: Path, claims: bool
) -> None:
    def missing(*_: object) -> bool:
        raise SetupMissing("slides need a library", next="pip install 'biolake[slides]'")

    def asked(name: str, _head: bytes) -> bool:
        return name.endswith(".slide") and (missing() if claims else True)

    there = replace(READER, name="a-slide", claims=lambda name, _: name.endswith(".slide"))
    needy = replace(there, claims=asked, find=missing)  # type: ignore[arg-type]
    (source / "slides.yaml").write_text(LIST)
    (source / "slides.csv").write_text(
        "number,patient,file,taken_at,born\n1,5,s/x.slide,2150-03-01 12:00:00,2090-01-01 00:00:00\n"
    )
    write(source, "s/x.slide", start=None, n=2)
    assert any(
        "1 a-slide file waits" in note
        for note in take(lake, source, reader=Catalogue((READER, needy))).plan.reading.notes
    )
    report = take(lake, source, reader=Catalogue((READER, there)))
    assert (report.assets.added, report.assets.linked, report.load.added) == (1, 1, 1)
    found = "SELECT time, subject_id IS NOT NULL FROM assets WHERE format = 'a-slide'"
    assert rows(lake, found) == [(NOON, True)]
    assert rows(lake, "SELECT max(end_time) FROM events") == [(NOON + timedelta(seconds=10),)]
    assert rows(lake, "SELECT count(*) FROM loads WHERE file = 'slides.csv'") == [(1,)]
    assert verify(lake).problems == ()
    assert take(lake, source, reader=Catalogue((READER, there))).load.commit is None
