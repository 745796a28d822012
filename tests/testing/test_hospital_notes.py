"""The synthetic hospital's notes: every span that its truth names stands where it says."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.testing.test_hospital import digest

from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import init
from biolake.testing.hospital import simulate
from biolake.testing.hospital.note_phrases import MEDICINES, NAMES

Told = dict[str, Any]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    simulate(folder, subjects=120, seed=5, sites=4, notes=1.0)
    return folder


def told(folder: Path) -> list[Told]:
    return [json.loads(line) for line in (folder / "truth-notes.jsonl").read_text().splitlines()]


def texts(folder: Path) -> dict[tuple[str, str], str]:
    found = {}
    for site in sorted(folder.glob("site-*")):
        with (site / "notes" / "notes.csv").open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                found[site.name, row["note"]] = row["text"]
    return found


def test_every_span_is_the_words_it_stands_for(hospital):
    written = texts(hospital)
    words = {w for names in NAMES.values() for each in names.values() for w in each}
    for note in told(hospital):
        text = written[note["site"], note["note"]]
        assert len(text) == note["characters"]
        last = 0
        for span in note["spans"]:
            assert last <= span["start"] < span["end"] <= len(text)
            last = span["end"]
            quoted = text[span["start"] : span["end"]]
            if span["label"] == "diagnosis":
                assert quoted in words
            elif span["label"] == "medication":
                name = span["ingredient"]
                assert quoted == MEDICINES[note["language"]].get(name, name)
            else:
                assert str(span["value"]) in quoted


def test_the_notes_are_in_three_languages_and_of_every_assertion(hospital):
    notes = told(hospital)
    assert Counter(note["language"] for note in notes).keys() == {"en", "es", "zh"}
    spans = [s for note in notes for s in note["spans"] if s["label"] == "diagnosis"]
    assert {s["assertion"] for s in spans} == {"affirmed", "negated", "possible", "hypothetical"}
    assert {s["experiencer"] for s in spans} == {"patient", "family"}
    assert {s["temporality"] for s in spans} == {"recent", "historical"}


def test_records_stay_the_same_and_the_same_seed_gives_the_same_notes(tmp_path):
    simulate(tmp_path / "plain", subjects=40, sites=2)
    for name in ("a", "b"):
        simulate(tmp_path / name, subjects=40, sites=2, notes=0.5)
    plain, a, b = (digest(tmp_path / name) for name in ("plain", "a", "b"))
    assert a == b
    assert {name for name in plain if a[name] != plain[name]} == {"truth.json"}


def test_a_load_finds_every_note_and_whose_it_is(hospital, tmp_path):
    lake, catalogue = init(str(tmp_path / "lake")), discover("biolake.readers")
    site = hospital / "site-2"
    ingest(lake, str(site / "omop"), catalogue, site="site-2")
    report = ingest(lake, str(site / "notes"), catalogue, site="site-2")
    counts = json.loads((hospital / "truth.json").read_text())["notes"]["sites"]["site-2"]
    assert (report.assets.added, report.assets.linked) == (sum(counts.values()),) * 2
    with open_view(lake) as view:
        rows = view.rows("SELECT count(*), count(time) FROM assets WHERE modality = 'note'")
    assert rows == [(sum(counts.values()),) * 2]
