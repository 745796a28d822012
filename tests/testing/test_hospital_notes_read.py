"""The extractors of notes find what the synthetic hospital wrote, in each of its languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.testing.test_hospital_notes import Told, texts, told

from biolake.core.catalogue import discover
from biolake.core.media import Note
from biolake.testing.hospital import simulate
from biolake.testing.hospital.note_phrases import ROUTES
from biolake.testing.hospital.note_writing import Stay, Writer
from biolake.testing.hospital.terms import DIAGNOSES, DRUGS

LANGUAGES = ("en", "es", "zh")
LABELS = ("diagnosis", "medication", "measurement")
CONTEXT = ("assertion", "temporality", "experiencer")
# The hospital's name of an ingredient or measure, and ours.
SAME = {"aspirin": "acetylsalicylic acid", "norepinephrine": "noradrenaline"}
MEASURES = {
    "blood pressure": ["systolic_blood_pressure", "diastolic_blood_pressure"],
    "heart rate": ["heart_rate"],
    "ejection fraction": ["ejection_fraction"],
}
SAID = {"PO": "oral", "IV": "intravenous", "IH": "inhaled"}
DRAFTS = 150  # more of each language than the hospital has
Row = dict[str, Any]


def written(folder: Path) -> Iterator[Told]:
    """Yield the notes of a hospital, then more by its writers, each with its text and truth."""
    found = texts(folder)
    for note in told(folder):
        yield note | {"text": found[note["site"], note["note"]]}
    for language in LANGUAGES:
        writer = Writer(language)
        for seed in range(DRAFTS):
            rng = np.random.default_rng(seed)
            main, *past = rng.permutation(len(DIAGNOSES))[:4].tolist()
            drugs = tuple(rng.permutation(len(DRUGS))[:5].tolist())
            draft = writer.write(rng, Stay(main, tuple(past), drugs, seed % 2 == 0))
            yield {"language": language, "text": draft.text, "spans": draft.spans}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    folder = tmp_path_factory.mktemp("read")
    simulate(folder, subjects=120, sites=4, notes=1.0)
    return list(written(folder))


@pytest.fixture(scope="module")
def found(notes: list[Told]) -> dict[str, list[list[Row]]]:
    """Return each label's spans of each note."""
    known = discover("biolake.extractors")
    names = {"medication": "note-medications", "diagnosis": "note-diagnoses",
             "measurement": "note-measurements"}  # fmt: skip
    opened = [Note(note["text"], language=note["language"]) for note in notes]
    rows: dict[str, list[list[Row]]] = {label: [[] for _ in notes] for label in LABELS}
    for label, name in names.items():
        for row in known.get("extractor", name).call(opened).tables["spans"].to_pylist():
            rows[label][row["item"]].append(row)
    return rows


def pairs(
    notes: list[Told], found: dict[str, list[list[Row]]], label: str
) -> Iterator[tuple[str, Row, list[Row]]]:
    """Yield language, true span, and the spans found that overlap it."""
    for note, rows in zip(notes, found[label], strict=True):
        for true in note["spans"]:
            if true["label"] == label:
                over = [r for r in rows if r["start"] < true["end"] and r["end"] > true["start"]]
                yield note["language"], true, over


def shares(
    answers: Iterator[tuple[str, Row, list[Row]]], right: Callable[[Row, list[Row]], bool]
) -> dict[str, float]:
    """Return, per language, the share of answers that are right."""
    counts, good = Counter[str](), Counter[str]()
    for language, true, rows in answers:
        counts[language] += 1
        good[language] += right(true, rows)
    assert set(counts) == set(LANGUAGES)
    assert min(counts.values()) >= 300
    return {language: good[language] / counts[language] for language in counts}


def test_the_writers_and_this_test_name_the_same_routes() -> None:
    assert ROUTES.keys() == SAID.keys()


@pytest.mark.parametrize("label", LABELS)
def test_what_was_written_is_found(notes, found, label: str) -> None:
    assert min(shares(pairs(notes, found, label), lambda _, rows: bool(rows)).values()) >= 0.97


def test_diagnoses_have_the_code_that_was_meant(notes, found) -> None:
    def right(true: Row, rows: list[Row]) -> bool:
        return [row["code"] for row in rows] == [true["code"]]

    assert min(shares(pairs(notes, found, "diagnosis"), right).values()) >= 0.97


def test_diagnoses_are_said_to_be_there_when_and_whose_as_was_meant(notes, found) -> None:
    def right(true: Row, rows: list[Row]) -> bool:
        return bool(rows) and all(rows[0][name] == true[name] for name in CONTEXT)

    assert min(shares(pairs(notes, found, "diagnosis"), right).values()) >= 0.97


def test_medications_have_ingredient_dose_route_and_frequency_and_are_in_use(notes, found) -> None:
    def right(true: Row, rows: list[Row]) -> bool:
        name = SAME.get(true["ingredient"], true["ingredient"])
        use = [json.loads(row["attributes"]) for row in rows]
        return (
            [row["code"] for row in rows] == [f"NOTE_MEDICATION//{name}"]
            and (rows[0]["value"], rows[0]["unit"]) == (true["dose"], true["unit"])
            and (use[0]["route"], use[0]["frequency"]) == (SAID[true["route"]], 1.0)
            and [rows[0][name] for name in CONTEXT] == ["affirmed", "recent", "patient"]
        )

    assert set(shares(pairs(notes, found, "medication"), right).values()) == {1.0}


def test_measurements_have_the_value_and_unit_that_were_written(notes, found) -> None:
    def right(true: Row, rows: list[Row]) -> bool:
        told = [(row["code"].split("//")[1], row["value"], row["unit"]) for row in rows]
        values = [true["value"], *([true["second"]] if "second" in true else [])]
        names = MEASURES[true["what"]]
        return told == [
            (name, value, true["unit"]) for name, value in zip(names, values, strict=True)
        ]

    assert set(shares(pairs(notes, found, "measurement"), right).values()) == {1.0}


def test_hardly_anything_is_found_that_was_not_written(notes, found) -> None:
    for label in LABELS:
        true = {id(row) for _, _, rows in pairs(notes, found, label) for row in rows}
        every = [row for rows in found[label] for row in rows]
        assert sum(id(row) not in true for row in every) <= 0.01 * len(every)
