"""Circe's own cases: definition and OMOP rows in, the verified cohort out (OHDSI circe-be)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts.circe.cdm import Rows, build, entries, omop

from biolake.cohorts.circe import CirceRefused, parse_circe, run_circe

HOME = Path(__file__).parents[3].parent / "shared" / "data" / "circe-cohortgeneration"
CASES = HOME / "cohortgeneration"
Document = dict[str, Any]
Edit = Callable[[Document], None]

pytestmark = pytest.mark.skipif(not HOME.is_dir(), reason="no shared data")


def load(path: str) -> Document:
    return json.loads((HOME / path).read_text())


def rows_of(prep: str) -> dict[str, Rows]:
    tables = load("datasets/vocabulary.json") | load(f"cohortgeneration/{prep}_PREP.json")
    return {name.removeprefix("cdm."): rows for name, rows in tables.items()}


def verified(verify: str, cohort: int = 1) -> list[tuple[int, str, str]]:
    tables = load(f"cohortgeneration/{verify}_VERIFY.json")
    rows = next(rows for name, rows in tables.items() if name.endswith(".cohort"))
    return sorted(
        (row["subject_id"], row["cohort_start_date"], row["cohort_end_date"])
        for row in rows
        if row["cohort_definition_id"] == cohort
    )


@pytest.mark.parametrize(
    ("definition", "data"),
    [
        ("censorWindow/censorWindowExpression", "censorWindow/censorWindow"),
        ("eraDupes/eraDupesExpression", "eraDupes/eraDupes"),
        ("mixedConceptsets/mixedConceptsetsExpression", "mixedConceptsets/mixedConceptsets"),
        ("inclusionRules/simpleInclusionRule", "inclusionRules/simpleInclusionRule"),
        ("exits/censorEventExpression", "exits/censorEvent"),
        ("exits/continuousExposureCensorExpression", "exits/continuousExposureCensor"),
        ("exits/continuousExposureExpression", "exits/continuousExposure"),
        ("exits/fixedOffsetExpression", "exits/fixedOffset"),
        ("exits/fixedOffsetCensorExpression", "exits/fixedOffsetCensor"),
        ("correlatedCriteria/countsExpression", "correlatedCriteria/countsTest"),
        ("correlatedCriteria/groupExpression", "correlatedCriteria/groupTest"),
        ("limits/limitExpression", "limits/limitTest"),
    ],
)
def test_the_definition_gives_the_verified_rows(definition: str, data: str) -> None:
    assert entries(build(rows_of(data), load(f"cohortgeneration/{definition}.json"))) == verified(
        data
    )


def changed(document: Document, *edits: Edit) -> Document:
    document = copy.deepcopy(document)
    for edit in edits:
        edit(document)
    return document


DOMAINS = (
    *("ConditionEra", "ConditionOccurrence", "DeviceExposure", "DrugEra", "DrugExposure"),
    *("Measurement", "Observation", "ProcedureOccurrence", "Specimen", "VisitOccurrence"),
    "PayerPlanPeriod",
)


@pytest.mark.parametrize(("cohort", "domain"), list(enumerate(DOMAINS, 1)))
def test_the_first_event_of_every_domain_is_the_verified_one(cohort: int, domain: str) -> None:
    data = "firstOccurrence/firstOccurrenceTest"
    document = load(f"cohortgeneration/{data}Expression.json")
    document["PrimaryCriteria"]["CriteriaList"] = [{domain: {"First": True}}]
    assert entries(build(rows_of(data), document)) == verified(data, cohort)


def occurrence(kind: int, count: int) -> Edit:
    def edit(document: Document) -> None:
        criterion = document["AdditionalCriteria"]["CriteriaList"][0]
        criterion["Occurrence"] = {"Type": kind, "Count": count}

    return edit


@pytest.mark.parametrize(
    ("cohort", "definition", "edits"),
    [
        (2, "countsExpression", [occurrence(2, 1)]),
        (3, "countsExpression", [occurrence(1, 0)]),
        (4, "visitExpression", []),
    ],
)
def test_correlated_counts_give_the_verified_rows(
    cohort: int, definition: str, edits: list[Edit]
) -> None:
    data = "correlatedCriteria/countsTest"
    document = changed(load(f"cohortgeneration/correlatedCriteria/{definition}.json"), *edits)
    assert entries(build(rows_of(data), document)) == verified(data, cohort)


def test_an_occurrence_type_that_does_not_exist_is_refused() -> None:
    document = load("cohortgeneration/correlatedCriteria/visitExpression.json")
    with pytest.raises(CirceRefused, match="Type must be 0"):
        parse_circe(json.dumps(changed(document, occurrence(-99, 1))))


def outer(kind: str, count: int = 0) -> Edit:
    return lambda document: document["AdditionalCriteria"].update(Type=kind, Count=count)


def no_inner(document: Document) -> None:
    document["AdditionalCriteria"]["Groups"] = []


def inner_none(document: Document) -> None:
    document["AdditionalCriteria"]["Groups"][0].update(Type="AT_MOST", Count=0)


@pytest.mark.parametrize(
    ("cohort", "edits"),
    [
        (2, [outer("AT_LEAST", 2)]),
        (3, [outer("AT_MOST", 2)]),
        (4, [outer("ALL"), inner_none]),
        (5, [outer("ALL"), no_inner]),
    ],
)
def test_groups_give_the_verified_rows(cohort: int, edits: list[Edit]) -> None:
    data = "correlatedCriteria/groupTest"
    document = changed(load("cohortgeneration/correlatedCriteria/groupExpression.json"), *edits)
    assert entries(build(rows_of(data), document)) == verified(data, cohort)


def limit(name: str, kind: str) -> Edit:
    def edit(document: Document) -> None:
        home = document["PrimaryCriteria"] if name == "PrimaryCriteriaLimit" else document
        home[name] = {"Type": kind}

    return edit


FIRST_KEPT = limit("ExpressionLimit", "first")
FIRST_QUALIFIED = limit("QualifiedLimit", "first")


@pytest.mark.parametrize(
    ("cohort", "edits"),
    [
        (2, [FIRST_KEPT]),
        (3, [FIRST_KEPT, FIRST_QUALIFIED]),
        (4, [FIRST_KEPT, FIRST_QUALIFIED, limit("PrimaryCriteriaLimit", "first")]),
        (5, [FIRST_KEPT, FIRST_QUALIFIED, limit("PrimaryCriteriaLimit", "last")]),
    ],
)
def test_limits_give_the_verified_rows(cohort: int, edits: list[Edit]) -> None:
    document = changed(load("cohortgeneration/limits/limitExpression.json"), *edits)
    assert entries(build(rows_of("limits/limitTest"), document)) == verified(
        "limits/limitTest", cohort
    )


def test_a_continuous_exposure_of_the_first_event_gives_the_verified_row() -> None:
    document = load("cohortgeneration/exits/continuousExposureExpression.json")
    document = changed(document, limit("PrimaryCriteriaLimit", "First"))
    rows = entries(build(rows_of("exits/continuousExposure"), document))
    assert rows == verified("exits/continuousExposure", 2)
    document["EndStrategy"]["CustomEra"].pop("DrugCodesetId")
    with pytest.raises(CirceRefused, match="DrugCodesetId is missing"):
        parse_circe(json.dumps(document))


@pytest.mark.parametrize(
    ("cohort", "criterion"),
    [
        (1, {}),
        (2, {"ConditionStatus": []}),
        (3, {"ConditionStatus": [{"CONCEPT_ID": 1}]}),
    ],
)
def test_the_condition_status_gives_the_verified_rows(cohort: int, criterion: Document) -> None:
    data = "conditionOccurrence/conditionStatusTest"
    primary = {"CriteriaList": [{"ConditionOccurrence": criterion}]}
    assert entries(build(rows_of(data), {"PrimaryCriteria": primary})) == verified(data, cohort)


def test_a_definition_with_every_attribute_runs() -> None:
    text = (CASES / "allCriteria/allCriteriaExpression.json").read_text()
    cohort = run_circe(omop({}), parse_circe(text))
    assert entries(cohort) == []
    assert any("Empty Concept Set" in note for note in cohort.notes)


def test_the_attrition_agrees_with_the_verified_statistics() -> None:
    data = "inclusionRules/simpleInclusionRule"
    cohort = build(rows_of(data), load("cohortgeneration/inclusionRules/simpleInclusionRule.json"))
    steps = {step.name: (step.persons, step.events) for step in cohort.attrition}
    # Verified: one person meets the rule (mask 1), one does not (mask 0).
    assert steps["the earliest event of each person"] == (1, 1)
    assert steps["observed for 0 days before and 0 days after"] == (2, 2)
    assert steps["inclusion rule 1: Prior Condition"] == (1, 1)


def test_the_censor_window_loses_the_verified_number_of_entries() -> None:
    data = "censorWindow/censorWindow"
    cohort = build(rows_of(data), load(f"cohortgeneration/{data}Expression.json"))
    lost = load(f"cohortgeneration/{data}_VERIFY.json")["censorWindow.cohort_censor_stats"]
    assert cohort.attrition[-2].events - cohort.attrition[-1].events == lost[0]["lost_count"]
