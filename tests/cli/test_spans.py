"""spans: what was found in notes, with the words that stand there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.source import call, refused, told
from tests.ingest.test_assets_parts import COUGH, FEVER, spool
from tests.ingest.test_extraction_columns import words
from tests.lake.build import chunk, event, load, subject_of

from biolake.core.catalogue import Catalogue
from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.ingest.extraction import extract
from biolake.lake.lake import init
from biolake.readers.note import note


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("spans")
    made = init(str(root / "lake"))
    load(made, chunk([event("p1", code="IS//p1"), event("p2", code="IS//p2")]))
    _, found = spool(root, [("p1", FEVER), ("p2", COUGH), ("p1", "100 % well_done")])
    table = SourceFile("notes.csv", "notes.csv", "c1", "how")
    load(made, Chunk(table, "note", Tally(), assets=tuple(found)))
    extract(made, Catalogue((note, replace(words, name="words"))))
    return root / "lake"


def texts(data: dict[str, object]) -> list[str]:
    return [row["text"] for row in data["spans"]]  # type: ignore[attr-defined]


def test_each_span_is_shown_with_its_words(lake: Path) -> None:
    data = told("--lake", lake, "spans", "--limit", "50")
    assert sorted(texts(data)) == sorted([*FEVER.split(), *COUGH.split(), "100", "%", "well_done"])
    assert data["found"] == 11
    assert data["labels"] == [{"label": "word", "spans": 11, "notes": 3}]
    page = call("--lake", lake, "spans").output
    assert "größer" in page
    assert "🤒" in page


def test_spans_are_chosen_by_code_label_subject_and_note(lake: Path) -> None:
    from biolake.lake.lake import open_lake

    assert texts(told("--lake", lake, "spans", "--code", "F*")) == ["Fever"]
    assert texts(told("--lake", lake, "spans", "--code", "%")) == ["%"]
    assert texts(told("--lake", lake, "spans", "--code", "well_*")) == ["well_done"]
    assert texts(told("--lake", lake, "spans", "--code", "NOTE_DIAGNOSIS//F*")) == ["Fever"]
    assert told("--lake", lake, "spans", "--label", "nothing")["spans"] == []
    second = subject_of(open_lake(str(lake)), "IS//p2")
    found = told("--lake", lake, "spans", "--subject", second)
    assert texts(found) == COUGH.split()
    name = found["spans"][0]["asset_id"]
    assert texts(told("--lake", lake, "spans", "--asset", name[:12])) == COUGH.split()
    limited = told("--lake", lake, "spans", "--limit", "2")
    assert (len(limited["spans"]), limited["found"]) == (2, 11)


def test_a_note_or_subject_that_is_not_there_is_refused(lake: Path) -> None:
    assert "no asset" in refused("--lake", lake, "spans", "--asset", "abcdef12")[1]["message"]
    assert "subject" in refused("--lake", lake, "spans", "--subject", "5")[1]["message"]
    assert "biolake extract" in call("--lake", lake, "spans", "--label", "x").output
