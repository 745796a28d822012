"""Many assets in one file: each note of a table is an asset, and the ledger still adds up."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.ingest.beeps import NOON, micros, rows, take
from tests.ingest.cohorts import CATALOGUE, write_lines
from tests.lake.build import chunk as records
from tests.lake.build import event, load, subject_of

from biolake.core.assets import Facts, FoundAsset
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.lake.assets import StoredContent
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

FEVER, COUGH = "Fever since Monday.", "Huste, größer 38 °C 🤒"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = init(str(tmp_path / "lake"))
    load(made, records([event("p1", code="IS//p1"), event("p2", code="IS//p2")]))
    return made


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def ledger(lake: Lake, file: str) -> list[tuple]:
    return rows(
        lake,
        "SELECT rows, part_rows, skipped_rows, quarantined_rows FROM loads"  # noqa: S608
        f" WHERE file = '{file}' ORDER BY load_id",
    )


def texts(lake: Lake) -> set[str]:
    with open_view(lake) as view:
        found = set()
        for (name,) in view.rows("SELECT asset_id FROM assets"):
            with StoredContent(view, name) as content:
                found.add(content.read(content.names[0]).decode())
    return found


def test_every_line_of_a_file_is_an_asset_with_the_bytes_of_its_own(
    lake: Lake, tmp_path: Path
) -> None:
    noon = micros(NOON)
    write_lines(tmp_path / "s", "a", ("p1", noon, FEVER), ("p2", noon, COUGH), ("", None, "who?"))
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.added, report.linked, report.unlinked) == (3, 2, 1)
    assert texts(lake) == {FEVER, COUGH, "who?"}
    assert ledger(lake, "a.lines") == [(3, 3, 0, 0)]
    sound(lake)
    again = take(lake, tmp_path / "s", reader=CATALOGUE)
    assert again.plan.nothing_new


def test_a_part_that_cannot_be_taken_is_told_with_its_row(lake: Lake, tmp_path: Path) -> None:
    write_lines(tmp_path / "s", "a", ("p1", None, FEVER), ("p2", 10**18, COUGH), ("p2", None, ""))
    take(lake, tmp_path / "s", reader=CATALOGUE)
    assert rows(lake, 'SELECT file, "row", "column", reason FROM quarantine ORDER BY "row"') == [
        ("a.lines", 2, "", "its time lies outside the years 1 to 9999"),
        ("a.lines", 3, "text", "it holds no text"),
    ]
    assert ledger(lake, "a.lines") == [(3, 1, 0, 2)]
    sound(lake)


def test_two_patients_with_the_same_words_keep_a_note_each(lake: Lake, tmp_path: Path) -> None:
    noon = micros(NOON)
    said = [("p1", noon, "No change."), ("p2", noon, "No change."), ("p1", noon + 1, "No change.")]
    write_lines(tmp_path / "s", "a", *said)
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.added, report.conflicts) == (3, 0)
    assert rows(lake, "SELECT count(DISTINCT subject_id), count(*) FROM assets") == [(2, 3)]
    assert rows(lake, "SELECT count(*) FROM events WHERE code = 'ASSET//note'") == [(3,)]
    (size,) = {size for (size,) in rows(lake, "SELECT bytes FROM assets")}
    assert size == report.bytes_stored, "the same bytes are stored once"
    sound(lake)


def test_the_same_words_of_a_forgotten_patient_do_not_bar_another(
    lake: Lake, tmp_path: Path
) -> None:
    noon = micros(NOON)
    write_lines(tmp_path / "s", "a", ("p1", noon, "No change."), ("p1", noon, FEVER))
    take(lake, tmp_path / "s", reader=CATALOGUE)
    report = forget(lake, subject_of(lake, "IS//p1"))
    assert report.scan.hits == ()
    assert rows(lake, "SELECT count(*) FROM assets") == [(0,)]
    write_lines(tmp_path / "t", "b", ("p2", noon, "No change."), ("p1", noon, "No change."))
    report = take(lake, tmp_path / "t", reader=CATALOGUE).assets
    assert (report.added, report.forgotten) == (1, 1)
    assert ledger(lake, "b.lines") == [(2, 1, 1, 0)]
    sound(lake)


def test_a_corrected_line_takes_the_place_of_what_stood_there(lake: Lake, tmp_path: Path) -> None:
    noon = micros(NOON)
    write_lines(tmp_path / "s", "a", ("p1", noon, FEVER), ("p2", noon, COUGH))
    take(lake, tmp_path / "s", reader=CATALOGUE)
    write_lines(tmp_path / "s", "a", ("p1", noon, FEVER), ("p2", noon, "No cough."))
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.added, report.known, report.corrected) == (0, 1, 1)
    assert texts(lake) == {FEVER, "No cough."}
    sound(lake)


def spool(folder: Path, notes: list[tuple[str, str]]) -> tuple[Path, list[FoundAsset]]:
    """Write notes into one file as a reader of records does: each of a subject, with a key."""
    path, found, at = folder / "spool", [], 0
    with path.open("wb") as stream:
        for number, (subject, text) in enumerate(notes):
            data = text.encode()
            part = SourceFile(
                path,
                f"notes/{number}.txt",
                hashlib.sha256(data).hexdigest(),
                "h",
                len(data),
                at,
                True,
            )
            at += stream.write(data)
            found.append(
                FoundAsset(
                    "note", (part,), Facts(kind="letter"), f"n{number}", subject,
                    start=micros(NOON), listed=True, row=number + 2,
                )
            )  # fmt: skip
    return path, found


def test_notes_of_a_table_are_linked_like_its_rows_which_its_own_tally_counts(
    lake: Lake, tmp_path: Path
) -> None:
    _, found = spool(tmp_path, [("p1", FEVER), ("p9", COUGH), ("p2", "No change.")])
    table = SourceFile("notes.csv", "notes.csv", "c1", "how")
    told = Chunk(table, "notes", Tally(rows=4, part_rows=3, skipped={"no text": 1}))
    assets = Chunk(table, "lines", Tally(), assets=tuple(found))
    report = load(lake, told, assets)
    assert (report.assets.added, report.assets.linked) == (3, 3)
    assert rows(lake, "SELECT count(*) FROM subjects") == [(3,)], "a row names a new subject"
    lines = rows(
        lake,
        "SELECT \"table\", rows, part_rows, events, added FROM loads WHERE file = 'notes.csv'"
        " ORDER BY ALL",
    )
    assert lines == [("lines", 0, 0, 3, 3), ("notes", 4, 3, 0, 0)]
    assert texts(lake) == {FEVER, COUGH, "No change."}
    sound(lake)


def test_a_spool_that_changes_before_it_is_stored_stops_the_load(
    lake: Lake, tmp_path: Path
) -> None:
    path, found = spool(tmp_path, [("p1", FEVER), ("p2", COUGH)])
    path.write_bytes(path.read_bytes().replace(b"Monday", b"Sunday"))
    table = SourceFile("notes.csv", "notes.csv", "c1", "how")
    before = lake.commit().number
    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        load(lake, Chunk(table, "lines", Tally(), assets=tuple(found)))
    assert lake.commit().number == before
    sound(lake)
