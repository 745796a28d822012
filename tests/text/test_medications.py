"""Medications are found with how they are taken; what is stopped or not tolerated is told so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.text.medications import medications
from biolake.text.medications_names import compiled_names, in_spanish, shipped_names
from biolake.text.run import TextRun


def told(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = medications(TextRun.of([text]))
    return [
        (text[found.start[i] : found.end[i]], found.ingredient[i], found.attributes[i])
        for i in range(len(found))
    ]


@pytest.mark.parametrize(
    ("text", "ingredient", "said"),
    [
        (
            "Lisinopril 20 mg po daily",
            "lisinopril",
            {"dose": 20.0, "unit": "mg", "route": "oral", "frequency": 1.0},
        ),
        (
            "Ultram 50 mg every 4-6 hours as needed",
            "tramadol",
            {"dose": 50.0, "unit": "mg", "frequency_low": 4.0, "frequency_high": 6.0, "prn": True},
        ),
        (
            "amoxicillin 500 mg 3 times a day for 10 days",
            "amoxicillin",
            {
                "dose": 500.0,
                "unit": "mg",
                "frequency": 3.0,
                "duration": {"value": 10, "unit": "d"},
            },
        ),
        (
            "40 mg de furosemida i.v. cada 8 horas",
            "furosemide",
            {"dose": 40.0, "unit": "mg", "route": "intravenous", "frequency": 3.0},
        ),
        (
            "ceftriaxona 2 g/24h iv durante 7 días",
            "ceftriaxone",
            {
                "dose": 2.0,
                "unit": "g",
                "per": "d",
                "frequency": 1.0,
                "route": "intravenous",
                "duration": {"value": 7, "unit": "d"},
            },
        ),
        ("metamizol 2g/8h", "metamizole", {"dose": 2.0, "unit": "g", "frequency": 3.0}),
        ("omeprazol 20 mg 1-0-1", "omeprazole", {"dose": 20.0, "unit": "mg", "frequency": 2.0}),
        ("etanercept 0.4 mg/kg/week", "etanercept", {"dose": 0.4, "unit": "mg", "per": "kg/wk"}),
        ("insulin glargine 20 units qhs", "insulin glargine",
         {"dose": 20.0, "unit": "[IU]", "frequency": 1.0}),
        ("testosterone cypionate from 140 mg to 175 mg", "testosterone",
         {"dose": 175.0, "unit": "mg"}),
        ("metformin 500-1000 mg bid", "metformin",
         {"dose_low": 500.0, "dose_high": 1000.0, "unit": "mg", "frequency": 2.0}),
    ],
)  # fmt: skip
def test_the_use_of_a_medication_is_read(text: str, ingredient: str, said: dict[str, Any]) -> None:
    found = told(f"He takes {text}. Seen today.")
    assert [row[1] for row in found] == [ingredient]
    assert found[0][2] == said
    assert text.startswith(found[0][0][:10])


def test_a_dose_goes_to_the_medication_it_stands_at() -> None:
    found = told("Continue aspirin 81 mg, Lasix 40 mg and 500 mg of ibuprofen; takes tramadol")
    assert [(row[1], row[2].get("dose")) for row in found] == [
        ("acetylsalicylic acid", 81.0),
        ("furosemide", 40.0),
        ("ibuprofen", 500.0),
        ("tramadol", None),
    ]
    found = told("He takes aspirin and 500 mg ibuprofen")
    assert [row[2].get("dose") for row in found] == [None, 500.0]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("allergic to penicillin", "allergy"),
        ("Alergia a penicilina y amoxicilina", "allergy"),
        ("penicillin allergy", "allergy"),
        ("stopped metformin", "discontinued"),
        ("metformin was discontinued", "discontinued"),
        ("se suspendió el metotrexato", "discontinued"),
        ("no longer taking Lasix", "discontinued"),
    ],
)
def test_what_is_stopped_or_not_tolerated_is_told_so(text: str, status: str) -> None:
    assert {row[2].get("status") for row in told(text)} == {status}


@pytest.mark.parametrize(
    "text",
    [
        "vitamin D deficiency",
        "déficit de vitamina D",
        "insulin resistance",
        "resistente a ciprofloxacino, resistance to ciprofloxacin",
        "testosterone was low",
        "well versed in it",
        "asa de intestino",
    ],
)
def test_a_name_that_is_no_treatment_is_left_alone(text: str) -> None:
    found = [row for row in told(text) if row[1] != "ciprofloxacin" or "resistente" not in text]
    assert found == []


def test_an_allergy_ends_where_a_treatment_begins() -> None:
    found = told("Allergic to penicillin, sulfasalazine and aspirin, takes lisinopril 10 mg")
    assert [row[2].get("status") for row in found] == ["allergy", "allergy", "allergy", None]


def test_a_concentration_per_minute_is_no_dose() -> None:
    assert told("remifentanil 0.5 μg.kg-1.min-1")[0][2] == {}


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("furosemide", "furosemida"),
        ("amoxicillin", "amoxicilina"),
        ("hydrochlorothiazide", "hidroclorotiazida"),
        ("ciprofloxacin", "ciprofloxacino"),
        ("levothyroxine", "levotiroxina"),
        ("valproate", "valproato"),
        ("acetylsalicylic acid", "ácido acetilsalicilico"),
        ("omeprazole", "omeprazol"),
        ("cyclophosphamide", "ciclofosfamida"),
    ],
)
def test_spanish_names_follow_from_english_ones(english: str, spanish: str) -> None:
    assert in_spanish(english) == spanish


def test_a_lake_adds_names_of_its_own() -> None:
    names = compiled_names([("Hospitalin", "hospitalin"), ("Aspirinetta", "acetylsalicylic acid")])
    found = medications(TextRun.of(["Hospitalin 5 mg, Aspirinetta 100 mg"]), names)
    assert found.ingredient == ["hospitalin", "acetylsalicylic acid"]


def test_the_shipped_list_is_large_and_each_ingredient_is_found_by_its_own_name() -> None:
    known = shipped_names()
    assert len(known.ingredients) >= 400
    for ingredient in known.ingredients:
        found = known.find(TextRun.of([f"Take {ingredient} now"]))
        assert [known.ingredients[row[3]] for row in found] == [ingredient]


_PIECES = st.sampled_from(
    ["Lisinopril 20 mg po daily", "40 mg de furosemida", "allergic to penicillin", "😀", "e\u0301",
     "\n", ".", "aspirin", "metformin 500 mg bid", "stopped", "and", "dolor", "7 días"]
)  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(st.lists(st.lists(_PIECES, max_size=8).map(" ".join), max_size=4))
def test_notes_are_read_the_same_alone_and_together_and_spans_hold_the_name(
    texts: list[str],
) -> None:
    together = medications(TextRun.of(texts))
    rows = []
    for item, text in enumerate(texts):
        alone = medications(TextRun.of([text]))
        columns = (alone.start, alone.end, alone.ingredient, alone.attributes)
        rows += [(item, *row) for row in zip(*columns, strict=True)]
    columns = (together.start, together.end, together.ingredient, together.attributes)
    assert rows == list(zip(together.item, *columns, strict=True))
    for item, start, end, ingredient, _ in rows:
        assert ingredient in medications(TextRun.of([texts[item][start:end]])).ingredient
