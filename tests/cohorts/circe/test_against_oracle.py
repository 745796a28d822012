"""Random definitions on random records: the SQL agrees with the loops of the oracle."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest
from tests.cohorts.circe import oracle
from tests.cohorts.circe.cdm import entries, omop

from biolake.cohorts.circe import parse_circe, run_circe

Document = dict[str, Any]
DAY = date(2020, 1, 1)
CONDITION: Document = {"ConditionOccurrence": {}}
LAB: Document = {"Measurement": {"CodesetId": 0}}
FIRST: Document = {"ConditionOccurrence": {"First": True}}


PEOPLE = (1, 2, 3)


def day(draw: random.Random, low: int = 0, high: int = 60) -> str:
    return (DAY + timedelta(days=draw.randint(low, high))).isoformat()


def records(draw: random.Random) -> oracle.Data:
    """Three persons, two observation periods each, events on 60 days."""
    periods = [
        {"person_id": who, "observation_period_id": 2 * who + part}
        | {"observation_period_start_date": day(draw, 30 * part, 30 * part + 10)}
        | {"observation_period_end_date": day(draw, 30 * part + 15, 30 * part + 29)}
        for who in PEOPLE
        for part in (0, 1)
    ]
    conditions = [condition(draw, number) for number in range(draw.randint(5, 16))]
    labs = [lab(draw, number) for number in range(draw.randint(2, 14))]
    return {"observation_period": periods, "condition_occurrence": conditions, "measurement": labs}


def condition(draw: random.Random, number: int) -> Document:
    start = draw.randint(0, 60)
    return {
        "condition_occurrence_id": number,
        "person_id": draw.choice(PEOPLE),
        "condition_start_date": day(draw, start, start),
        "condition_end_date": day(draw, start, start + 12),
        "visit_occurrence_id": draw.choice([None, 1, 2]),
    }


def lab(draw: random.Random, number: int) -> Document:
    return {
        "measurement_id": number,
        "person_id": draw.choice(PEOPLE),
        "measurement_concept_id": draw.choice([30, 30, 31]),
        "measurement_date": day(draw),
        "visit_occurrence_id": draw.choice([None, 1, 2]),
    }


def window(draw: random.Random) -> Document:
    def endpoint(low: int, high: int) -> Document:
        days = draw.choice([None, *range(low, high)])
        if days is None:
            return {"Coeff": draw.choice([-1, 1])}
        return {"Days": abs(days), "Coeff": 1 if days > 0 else -1}

    sides = {name: draw.random() < 0.5 for name in ("UseIndexEnd", "UseEventEnd")}
    asked = {name: value for name, value in sides.items() if draw.random() < 0.6}
    return {"Start": endpoint(-20, 3), "End": endpoint(-3, 20)} | asked


def correlated(draw: random.Random) -> Document:
    found: Document = {
        "Criteria": draw.choice([LAB, LAB, CONDITION, FIRST]),
        "StartWindow": window(draw),
        "Occurrence": {"Type": draw.choice([0, 1, 2, 2]), "Count": draw.choice([0, 1, 1, 2])},
    }
    if draw.random() < 0.3:
        found["EndWindow"] = window(draw)
    for name in ("RestrictVisit", "IgnoreObservationPeriod"):
        if draw.random() < 0.25:
            found[name] = True
    return found


def group(draw: random.Random, depth: int = 0) -> Document:
    return {
        "Type": draw.choice(["ALL", "ANY", "AT_LEAST", "AT_MOST"]),
        "Count": draw.choice([0, 1, 2]),
        "CriteriaList": [correlated(draw) for _ in range(draw.randint(depth, 2))],
        "Groups": [group(draw, depth + 1) for _ in range(draw.choice([0, 0, 1 - depth]))],
    }


def definition(draw: random.Random) -> Document:
    def limit() -> Document:
        return {"Type": draw.choice(["All", "All", "First", "Last"])}

    def maybe(value: Document) -> Document | None:
        return value if draw.random() < 0.6 else None

    side = draw.choice(["StartDate", "EndDate"])
    offset = {"DateOffset": {"DateField": side, "Offset": draw.randint(-3, 15)}}
    cut = {"StartDate": "2020-01-15", "EndDate": "2020-02-15"}
    return {
        "ConceptSets": [
            {"id": 0, "expression": {"items": [{"concept": {"CONCEPT_ID": 30}}]}},
        ],
        "PrimaryCriteria": {
            "CriteriaList": [draw.choice([CONDITION, CONDITION, FIRST])],
            "ObservationWindow": {
                "PriorDays": draw.choice([0, 0, 5]),
                "PostDays": draw.choice([0, 0, 3]),
            },
            "PrimaryCriteriaLimit": limit(),
        },
        "AdditionalCriteria": maybe(group(draw)),
        "QualifiedLimit": limit(),
        "InclusionRules": [
            {"name": "rule", "expression": group(draw)} for _ in range(draw.choice([0, 1]))
        ],
        "ExpressionLimit": limit(),
        "EndStrategy": maybe(offset),
        "CensoringCriteria": draw.choice([[], [], [LAB]]),
        "CollapseSettings": {"CollapseType": "ERA", "EraPad": draw.choice([0, 0, 4])},
        "CensorWindow": {name: cut_day for name, cut_day in cut.items() if draw.random() < 0.3},
    }


@pytest.mark.parametrize("seed", range(6))
def test_random_definitions_give_what_the_loops_give(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(6):
        data, document = records(draw), definition(draw)
        expected = oracle.cohort(data, document)
        view = omop(data | {"concept": [{"concept_id": 30}]})
        found = entries(run_circe(view, parse_circe(json.dumps(document))))
        assert found == [(who, a.isoformat(), b.isoformat()) for who, a, b in expected], document


def test_most_random_definitions_find_somebody() -> None:
    draw = random.Random(0)
    cohorts = [oracle.cohort(records(draw), definition(draw)) for _ in range(100)]
    assert sum(bool(one) for one in cohorts) > 50
