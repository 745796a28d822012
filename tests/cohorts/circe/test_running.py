"""A run: limits, attrition, the sentence, and what it refuses of the data."""

from __future__ import annotations

import pytest
from tests.cohorts.circe.cdm import build, entries
from tests.cohorts.circe.definitions import (
    DIABETES,
    INDEX,
    LABS,
    PEOPLE,
    concept_set,
    condition,
    definition,
    group,
    having,
    item,
    lab,
    rule,
    starts,
    window,
)

from biolake.cohorts.circe import CirceRefused

_OLD = {"Age": {"Value": 65, "Op": "gte"}}


@pytest.mark.parametrize(("limit", "expected"), [("First", "03-01"), ("Last", "09-01")])
def test_limits_act_after_the_step_they_belong_to(limit: str, expected: str) -> None:
    events = [condition(n, 1, f"2020-0{n}-01") for n in (1, 3, 9)]
    labs = [lab(1, 1, "2020-02-28"), lab(2, 1, "2020-08-31")]
    recent = having(2, 1, LABS, window(-5, 0))
    document = definition(InclusionRules=rule(recent), ExpressionLimit={"Type": limit})
    assert starts(document, condition_occurrence=events, measurement=labs) == [(1, expected)]


def test_each_step_says_who_is_left() -> None:
    events = [condition(1, 1, "2020-06-01"), condition(2, 1, "2020-07-01"), *INDEX[1:]]
    rules = [
        {"name": "lab", "expression": group(having(2, 1, LABS, window(None, 0)))},
        {"name": "old", "expression": {"Type": "ALL", "DemographicCriteriaList": [_OLD]}},
    ]
    cohort = build(
        PEOPLE | {"condition_occurrence": events, "measurement": [lab(1, 1, "2020-06-15")]},
        definition(InclusionRules=rules),
    )
    steps = [(step.persons, step.events) for step in cohort.attrition]
    assert steps == [(2, 3), (2, 3), (2, 3), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)]
    assert cohort.attrition[3].name == "inclusion rule 1: lab"


def test_the_sentence_says_who_enters_and_leaves() -> None:
    nested = having(1, 0, LABS, window(-30, -1))
    sentence = build(PEOPLE, definition(limit="First", InclusionRules=rule(nested))).sentence
    assert sentence == (
        "Persons enter on the earliest condition occurrence of [set 0], observed for at least 0"
        " days before and 0 days after that day. Rule 1 (rule): at most 0 measurement of [set 2]"
        " starting from 30 days before to 1 days before the index start. Of what is left, every"
        " event is kept. They leave 1 days after the event's start, or when observation ends,"
        " whichever comes first. Entries at most 0 days apart are one entry."
    )


def test_names_and_texts_cannot_become_sql() -> None:
    evil = "x'); DROP TABLE omop.person; --\nSELECT 1"
    document = definition(InclusionRules=[{"name": evil, "expression": group(kind="ALL")}])
    document["ConceptSets"] = [concept_set(0, item(DIABETES)) | {"name": evil}]
    cohort = build(PEOPLE | {"condition_occurrence": INDEX}, document)
    assert len(entries(cohort)) == 2
    assert any(evil in step.name for step in cohort.attrition)


def test_a_concept_set_the_vocabulary_does_not_know_is_refused() -> None:
    document = definition(ConceptSets=[concept_set(0, item(999))])
    with pytest.raises(CirceRefused, match="none of the concepts of 'set 0'"):
        build(PEOPLE, document)


def test_a_concept_the_vocabulary_does_not_know_is_said() -> None:
    document = definition(ConceptSets=[concept_set(0, item(DIABETES), item(999))])
    assert build(PEOPLE, document).notes == (
        "'set 0' lists concepts that the vocabulary lacks: 999",
    )


def test_a_concept_set_that_is_not_defined_is_refused() -> None:
    document = definition({"ConditionOccurrence": {"CodesetId": 7}})
    with pytest.raises(CirceRefused, match="concept set 7 is used but not defined"):
        build(PEOPLE, document)
