"""Small records and definitions for tests of Circe, as short as they can be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cohorts.circe.cdm import Rows, build, entries

Document = dict[str, Any]


DIABETES, DRUG, LAB = 10, 20, 30


PEOPLE: dict[str, Rows] = {
    "person": [
        {"person_id": 1, "gender_concept_id": 8507, "year_of_birth": 1950},
        {"person_id": 2, "gender_concept_id": 8532, "year_of_birth": 1990},
    ],
    "observation_period": [
        {
            "person_id": who,
            "observation_period_id": who,
            "observation_period_start_date": "2020-01-01",
            "observation_period_end_date": "2020-12-31",
        }
        for who in (1, 2)
    ],
    "concept": [
        *({"concept_id": one} for one in (1, 2, 3, 4, 5, DIABETES, DRUG, LAB)),
        {"concept_id": 6, "invalid_reason": "D"},
    ],
    "concept_ancestor": [
        {"ancestor_concept_id": 1, "descendant_concept_id": one} for one in (1, 2, 3, 6)
    ]
    + [{"ancestor_concept_id": 2, "descendant_concept_id": one} for one in (2, 3)],
    "concept_relationship": [
        {"concept_id_1": 5, "concept_id_2": 4, "relationship_id": "Maps to"},
        {"concept_id_1": 4, "concept_id_2": 5, "relationship_id": "Mapped from"},
    ],
}


def condition(number: int, who: int, day: str, **values: object) -> Mapping[str, object]:
    return {
        "condition_occurrence_id": number,
        "person_id": who,
        "condition_concept_id": DIABETES,
        "condition_start_date": day,
    } | values


def drug(number: int, who: int, day: str, **values: object) -> Mapping[str, object]:
    return {
        "drug_exposure_id": number,
        "person_id": who,
        "drug_concept_id": DRUG,
        "drug_exposure_start_date": day,
    } | values


def lab(number: int, who: int, day: str, **values: object) -> Mapping[str, object]:
    return {
        "measurement_id": number,
        "person_id": who,
        "measurement_concept_id": LAB,
        "measurement_date": day,
    } | values


def visit(number: int, who: int, start: str, end: str, **values: object) -> Mapping[str, object]:
    return {
        "visit_occurrence_id": number,
        "person_id": who,
        "visit_concept_id": 9201,
        "visit_start_date": start,
        "visit_end_date": end,
    } | values


def concept_set(number: int, *items: Document) -> Document:
    return {"id": number, "name": f"set {number}", "expression": {"items": list(items)}}


def item(concept: int, **flags: bool) -> Document:
    return {"concept": {"CONCEPT_ID": concept}} | flags


SETS = [concept_set(0, item(DIABETES)), concept_set(1, item(DRUG)), concept_set(2, item(LAB))]


def definition(*criteria: Document, limit: str = "All", **rest: Any) -> Document:
    """Everyone with one of the criteria, every event, until a day after it starts."""
    return {
        "ConceptSets": SETS,
        "PrimaryCriteria": {
            "CriteriaList": list(criteria) or [{"ConditionOccurrence": {"CodesetId": 0}}],
            "PrimaryCriteriaLimit": {"Type": limit},
        },
        "QualifiedLimit": {"Type": "All"},
        "ExpressionLimit": {"Type": "All"},
        "EndStrategy": {"DateOffset": {"DateField": "StartDate", "Offset": 1}},
    } | rest


def starts(document: Document, **tables: Rows) -> list[tuple[int, str]]:
    """Who enters and on what day (without year)."""
    cohort = build(PEOPLE | tables, document)
    return [(who, start[5:]) for who, start, _ in entries(cohort)]


def whole(document: Document, **tables: Rows) -> list[tuple[int, str, str]]:
    cohort = build(PEOPLE | tables, document)
    return [(who, start[5:], end[5:]) for who, start, end in entries(cohort)]


def window(start: int | None, end: int | None, **sides: bool) -> Document:
    """Days from the index; None is as far as observation goes."""

    def endpoint(days: int | None, outward: int) -> Document:
        if days is None:
            return {"Coeff": outward}
        return {"Days": abs(days), "Coeff": 1 if days > 0 else -1}

    return {"Start": endpoint(start, -1), "End": endpoint(end, 1)} | sides


def having(kind: int, count: int, criterion: Document, start: Document, **rest: Any) -> Document:
    occurrence = {"Type": kind, "Count": count}
    if "distinct" in rest:
        occurrence |= {"IsDistinct": True, "CountColumn": rest.pop("distinct")}
    return {"Criteria": criterion, "StartWindow": start, "Occurrence": occurrence} | rest


def group(*criteria: Document, kind: str = "ALL", **rest: Any) -> Document:
    return {"Type": kind, "CriteriaList": list(criteria)} | rest


def rule(*criteria: Document, **rest: Any) -> list[Document]:
    return [{"name": "rule", "expression": group(*criteria, **rest)}]


LABS = {"Measurement": {"CodesetId": 2}}


INDEX = [
    condition(1, 1, "2020-06-01", condition_end_date="2020-06-05"),
    condition(2, 2, "2020-06-01", condition_end_date="2020-06-05"),
]
