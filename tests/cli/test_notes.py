"""Notes on the command line: found, shown without their words, read on demand, got as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.source import call, refused, told

MAPPING = """
mapping: ward
detect: [notes.csv]
subject: {column: patient, system: clinic}
tables:
  notes:
    file: notes.csv
    key: [row]
    columns: {row: BIGINT, taken: TIMESTAMP}
    notes: [{text: said, time: taken, kind: kind, title: "'Ward round'", language: "'en'"}]
"""
SAID = "Chest pain since Monday.\nNo fever."
NOTES = f'row,patient,taken,kind,said\n1,p1,2024-01-02 08:00:00,progress note,"{SAID}"\n'


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("notes")
    source = root / "ward"
    source.mkdir()
    (source / "notes.csv").write_text(NOTES)
    (source / "ward.yaml").write_text(MAPPING)
    told("--lake", root / "lake", "init")
    told("--lake", root / "lake", "ingest", source)
    return root / "lake"


def the_note(lake: Path) -> str:
    (row,) = told("--lake", lake, "assets", "list", "--modality", "note")["assets"]
    return str(row["asset_id"])


def test_a_note_is_shown_by_kind_language_and_length_and_not_by_its_words(lake: Path) -> None:
    page = call("--lake", lake, "assets", "show", the_note(lake)).stdout
    for words in ("clinical note or other text (progress note)", "34 characters", "Ward round"):
        assert words in page
    assert "language" in page
    assert "Monday" not in page


def test_a_note_is_read_on_demand(lake: Path) -> None:
    data = told("--lake", lake, "assets", "show", the_note(lake), "--text")
    assert (data["text"], data["sections"]) == (SAID, [])
    assert SAID in call("--lake", lake, "assets", "show", the_note(lake), "--text").stdout


def test_the_bytes_of_a_note_are_got_and_exported(lake: Path, tmp_path: Path) -> None:
    (file,) = told("--lake", lake, "assets", "get", the_note(lake), "--out", tmp_path / "one")[
        "files"
    ]
    assert Path(file).read_bytes() == SAID.encode()
    told("--lake", lake, "assets", "export", "--modality", "note", "--out", tmp_path / "all")
    (written,) = (tmp_path / "all").rglob("*.txt")
    assert written.read_bytes() == SAID.encode()


def test_a_note_has_no_picture(lake: Path, tmp_path: Path) -> None:
    code, error = refused(
        "--lake", lake, "assets", "show", the_note(lake), "--png", tmp_path / "x.png"
    )
    assert (code, "no picture" in error["message"]) == (2, True)
