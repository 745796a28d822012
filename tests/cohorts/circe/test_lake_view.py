"""A lake loaded from OMOP answers as the OMOP tables do; what it does not hold is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.cohorts.circe import (
    CirceRefused,
    CohortExpression,
    OmopTables,
    omop_tables,
    omop_view,
    parse_circe,
    run_circe,
)
from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake, init

SOURCE = Path(__file__).parents[3].parent / "shared" / "data" / "synthea27nj-omop54"
STRESS, PRESSURE, TABLET = 4251306, 3004249, 19078106
Document = dict[str, Any]

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="no shared data")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return {path.stem: pq.read_table(path) for path in SOURCE.glob("*.parquet")}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init(str(tmp_path_factory.mktemp("circe") / "lake"), subject_ids="source")
    ingest(lake, str(SOURCE), discover("biolake.readers"))
    return lake


@pytest.fixture(scope="module")
def view(loaded: Lake) -> Iterator[View]:
    with open_view(loaded) as opened:
        yield opened


@pytest.fixture
def other_view(loaded: Lake) -> Iterator[View]:
    with open_view(loaded) as opened:
        yield opened


@pytest.fixture(scope="module")
def plain(tables: dict[str, pa.Table]) -> OmopTables:
    return omop_tables(tables)


@pytest.fixture(scope="module")
def lake(tables: dict[str, pa.Table], view: View) -> OmopTables:
    return omop_view(view, tables, unknown_codes="leave out")


def expression(criterion: Document, **rest: Any) -> CohortExpression:
    sets = {0: STRESS, 1: PRESSURE, 2: TABLET}
    document = {
        "ConceptSets": [
            {"id": n, "name": str(n), "expression": {"items": [{"concept": {"CONCEPT_ID": one}}]}}
            for n, one in sets.items()
        ],
        "PrimaryCriteria": {
            "CriteriaList": [criterion],
            "ObservationWindow": {"PriorDays": 30, "PostDays": 0},
            "PrimaryCriteriaLimit": {"Type": "All"},
        },
        "ExpressionLimit": {"Type": "All"},
        "EndStrategy": {"DateOffset": {"DateField": "EndDate", "Offset": 30}},
    } | rest
    return parse_circe(json.dumps(document))


def within(days: int, criterion: Document, **rest: Any) -> Document:
    window = {"Start": {"Days": days, "Coeff": -1}, "End": {"Days": days, "Coeff": 1}}
    return {
        "Criteria": criterion,
        "StartWindow": window,
        "Occurrence": {"Type": 2, "Count": 1},
    } | rest


HIGH = {"Measurement": {"CodesetId": 1, "ValueAsNumber": {"Value": 118.1, "Op": "gte"}}}
RULES = [
    {"name": "pressure", "expression": {"Type": "ALL", "CriteriaList": [within(365, HIGH)]}},
    {
        "name": "visit",
        "expression": {
            "Type": "ALL",
            "CriteriaList": [within(0, {"VisitOccurrence": {}}, RestrictVisit=True)],
            "DemographicCriteriaList": [{"Age": {"Value": 18, "Op": "gte"}}],
        },
    },
]


@pytest.mark.parametrize(
    ("criterion", "rest"),
    [
        ({"ConditionOccurrence": {"CodesetId": 0}}, {}),
        ({"ConditionOccurrence": {"CodesetId": 0}}, {"InclusionRules": RULES}),
        ({"DrugExposure": {"CodesetId": 2, "Gender": [{"CONCEPT_ID": 8532}]}}, {}),
        (
            {"DrugExposure": {"CodesetId": 2}},
            {"EndStrategy": {"CustomEra": {"DrugCodesetId": 2, "GapDays": 30}}},
        ),
        ({"Measurement": HIGH["Measurement"] | {"First": True}}, {}),
        ({"Death": {}}, {}),
        ({"ObservationPeriod": {"First": True}}, {"PrimaryCriteria": None}),
        ({"VisitOccurrence": {"VisitLength": {"Value": 1, "Op": "gte"}}}, {}),
    ],
)
def test_the_lake_and_the_tables_it_was_loaded_from_give_one_cohort(
    plain: OmopTables, lake: OmopTables, criterion: Document, rest: Document
) -> None:
    if "PrimaryCriteria" in rest:
        rest = {"PrimaryCriteria": {"CriteriaList": [criterion]}}
    asked = expression(criterion, **rest)
    ours, theirs = run_circe(lake, asked), run_circe(plain, asked)
    assert ours.rows.equals(theirs.rows)
    assert ours.rows.num_rows
    assert ours.attrition == theirs.attrition


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ({"DrugExposure": {"DaysSupply": {"Value": 1, "Op": "gt"}}}, "drug_exposure.days_supply"),
        ({"Measurement": {"Unit": [{"CONCEPT_ID": 1}]}}, "measurement.unit_concept_id"),
        ({"ConditionOccurrence": {"ConditionSourceConcept": 0}}, "condition_source_concept_id"),
        ({"DrugEra": {}}, "drug_era_end_date (the lake holds exposures and conditions, not"),
    ],
)
def test_what_the_lake_does_not_hold_is_refused(
    lake: OmopTables, criterion: Document, words: str
) -> None:
    with pytest.raises(CirceRefused) as caught:
        run_circe(lake, expression(criterion))
    assert words in str(caught.value)


def test_codes_without_a_concept_are_refused_or_said(
    tables: dict[str, pa.Table], other_view: View
) -> None:
    few = {"concept": tables["concept"].slice(0, 100)}
    with pytest.raises(CirceRefused, match="codes have no standard concept"):
        omop_view(other_view, few)
    notes = omop_view(other_view, few, unknown_codes="leave out").notes
    assert any("no criterion can see their events" in note for note in notes)


def test_a_code_of_two_concepts_is_refused(tables: dict[str, pa.Table], other_view: View) -> None:
    twice = pa.concat_tables([tables["concept"], tables["concept"]])
    with pytest.raises(CirceRefused, match="has several concepts for"):
        omop_view(other_view, {"concept": twice})


def test_a_vocabulary_without_concepts_is_refused(other_view: View) -> None:
    with pytest.raises(CirceRefused, match="a concept table is needed"):
        omop_view(other_view, {})
