"""Notes become spans with context, and events only of what is said of the patient for sure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from biolake.core.assets import Measured
from biolake.core.media import Note, Opened
from biolake.extractors.note_diagnoses import by_dictionary, note_diagnoses
from biolake.extractors.note_measurements import note_measurements
from biolake.extractors.note_medications import note_medications
from biolake.extractors.note_sections import note_sections
from biolake.testing.extractors import ExtractorTests
from biolake.text.dictionary import Dictionary

NOTE = Note(
    """CHIEF COMPLAINT

Chest pain. 😀

PAST MEDICAL HISTORY

NSTEMI in 2019, no diabetes.

MEDICATIONS

Lisinopril 20 mg po daily. Stopped metformin.

ALLERGIES

Augmentin.

FAMILY HISTORY

Mother had breast cancer.

VITALS

BP 120/80, EF 30-35 %, T 37.2 C.

ASSESSMENT

Possible pneumonia. Goal weight 70 kg. COPD.
"""
)
SPANISH = Note(
    "Varón con HTA y fiebre, niega disnea. TA 130/80 mmHg. Enalapril 5 mg/12h.", language="es"
)


class _NoteTests(ExtractorTests):
    def media(self) -> Sequence[Opened]:
        return [NOTE, SPANISH]


class TestSections(_NoteTests):
    extractor = note_sections


class TestMeasurements(_NoteTests):
    extractor = note_measurements


class TestMedications(_NoteTests):
    extractor = note_medications


class TestDiagnoses(_NoteTests):
    extractor = note_diagnoses


def spans(given: Measured) -> list[tuple[str, dict[str, Any]]]:
    rows = given.tables["spans"].to_pylist()
    texts = [NOTE.text, SPANISH.text]
    return [(texts[row["item"]][row["start"] : row["end"]], row) for row in rows]


def facts(given: Measured) -> set[tuple[str, float | None, str | None]]:
    assert given.findings is not None
    return {(row["code"], row["value"], row["text"]) for row in given.findings.to_pylist()}


def test_diagnoses_become_events_only_where_the_patient_has_them() -> None:
    given = note_diagnoses.call([NOTE, SPANISH])
    assert facts(given) == {
        ("NOTE_DIAGNOSIS//ICD10CM//R07.9", None, None),
        ("NOTE_DIAGNOSIS//ICD10CM//I21.4", None, "historical"),
        ("NOTE_DIAGNOSIS//ICD10CM//J44.9", None, None),
        ("NOTE_DIAGNOSIS//ICD10CM//I10", None, None),
        ("NOTE_DIAGNOSIS//ICD10CM//R50.9", None, None),
    }
    told = dict(spans(given))
    assert told["diabetes"]["assertion"] == "negated"
    assert told["breast cancer"]["experiencer"] == "family"
    assert told["pneumonia"]["assertion"] == "possible"
    assert told["disnea"]["assertion"] == "negated"
    assert told["NSTEMI"]["section"] == "past_medical_history"
    assert {row["label"] for row in told.values()} == {"diagnosis"}


def test_a_heading_is_no_diagnosis() -> None:
    assert "ALLERGIES" not in {quoted for quoted, _ in spans(note_diagnoses.call([NOTE, SPANISH]))}


def test_medications_become_events_only_where_they_are_taken() -> None:
    given = note_medications.call([NOTE, SPANISH])
    assert facts(given) == {
        ("NOTE_MEDICATION//lisinopril", 20.0, '{"frequency": 1.0, "route": "oral"}'),
        ("NOTE_MEDICATION//enalapril", 5.0, '{"frequency": 2.0}'),
    }
    told = dict(spans(given))
    assert told["metformin"]["assertion"] == "negated"
    assert json.loads(told["metformin"]["attributes"]) == {"status": "discontinued"}
    assert json.loads(told["Augmentin"]["attributes"]) == {"status": "allergy"}
    assert told["Lisinopril 20 mg po daily"]["value"] == 20.0
    assert told["Lisinopril 20 mg po daily"]["unit"] == "mg"


def test_measurements_become_events_with_units_and_goals_do_not() -> None:
    given = note_measurements.call([NOTE, SPANISH])
    assert facts(given) == {
        ("NOTE_MEASUREMENT//systolic_blood_pressure", 120.0, None),
        ("NOTE_MEASUREMENT//diastolic_blood_pressure", 80.0, None),
        ("NOTE_MEASUREMENT//ejection_fraction", None, "30-35"),
        ("NOTE_MEASUREMENT//temperature", 37.2, None),
        ("NOTE_MEASUREMENT//systolic_blood_pressure", 130.0, None),
        ("NOTE_MEASUREMENT//diastolic_blood_pressure", 80.0, None),
    }
    told = dict(spans(given))
    assert told["weight 70 kg"]["assertion"] == "hypothetical"
    assert told["EF 30-35 %"]["unit"] == "%"


def test_sections_are_spans_of_their_kind() -> None:
    given = note_sections.call([NOTE])
    told = {row["section"]: quoted.strip() for quoted, row in spans(given)}
    assert told["allergies"] == "ALLERGIES\n\nAugmentin."
    assert told["family_history"].endswith("Mother had breast cancer.")
    first = given.tables["spans"].to_pylist()[0]
    start, end = json.loads(first["attributes"])["heading"]
    assert NOTE.text[start:end] == "CHIEF COMPLAINT"


@pytest.mark.parametrize(
    "extractor", [note_sections, note_measurements, note_medications, note_diagnoses]
)
def test_hostile_notes_are_read(extractor: Any) -> None:
    texts = ["", "\0", "\n" * 5, "BP " * 500, "1/" * 500, "é" * 3000, "<" * 2000, "mg " * 500]
    given = extractor.call([Note(text) for text in texts])
    assert set(given.tables) == {"spans"}


def test_a_hospital_has_an_extractor_of_its_own_dictionary() -> None:
    own = by_dictionary(Dictionary((("Zanzibar fever", "LOCAL//Z1"),)))
    given = own([Note("No Zanzibar fever."), Note("Zanzibar fever!")])
    assert isinstance(given, Measured)
    assert facts(given) == {("NOTE_DIAGNOSIS//LOCAL//Z1", None, None)}
    assert given.tables["spans"]["assertion"].to_pylist() == ["negated", "affirmed"]
