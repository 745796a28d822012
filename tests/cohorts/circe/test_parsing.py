"""What is not understood is refused, by name and with the place in the document."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from biolake.cohorts.circe import (
    CirceRefused,
    compile_circe,
    omop_schema,
    omop_tables,
    parse_circe,
    run_circe,
)

Document = dict[str, Any]


def document(criterion: Document | None = None, **rest: Any) -> Document:
    domain = {"DrugExposure": criterion or {}}
    return {"PrimaryCriteria": {"CriteriaList": [domain]}} | rest


def refusal(text: str | Document) -> str:
    with pytest.raises(CirceRefused) as caught:
        compile_circe(parse_circe(text if isinstance(text, str) else json.dumps(text)))
    return str(caught.value)


GROUP = {"Type": "ALL", "CriteriaList": []}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (document({"Foo": 1}), "$.PrimaryCriteria.CriteriaList[0].DrugExposure.Foo"),
        (document(Foo=1), "$.Foo"),
        (document({"Foo": None}), "$.PrimaryCriteria.CriteriaList[0].DrugExposure.Foo"),
        (document({"Age": {"Value": 1, "Op": "lt", "Foo": 1}}), "DrugExposure.Age.Foo"),
        (document(AdditionalCriteria=GROUP | {"Foo": 1}), "$.AdditionalCriteria.Foo"),
        (document(CollapseSettings={"Foo": 1}), "$.CollapseSettings.Foo"),
        (
            document(InclusionRules=[{"expression": GROUP | {"Groups": [GROUP | {"Foo": 1}]}}]),
            "$.InclusionRules[0].expression.Groups[0].Foo",
        ),
        (document({"DrugType": [{"CONCEPT_ID": 1, "Foo": 2}]}), "DrugExposure.DrugType[0].Foo"),
        (
            document(ConceptSets=[{"id": 0, "expression": {"items": [{"Foo": 1}]}}]),
            "$.ConceptSets[0].expression.items[0].Foo",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(given: Document, path: str) -> None:
    message = refusal(given)
    assert f"{path}: unknown key" in message


def test_a_misspelt_key_gets_the_likely_one() -> None:
    assert "Did you mean 'DaysSupply'?" in refusal(document({"DaySupply": 1}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"PrimaryCriteria": {"CriteriaList": [{"LocationRegion": {}}]}}, "location_history"),
        (
            {
                "PrimaryCriteria": {
                    "CriteriaList": [{"VisitOccurrence": {"PlaceOfServiceLocation": 1}}]
                }
            },
            "PlaceOfServiceLocation: is not supported",
        ),
        (
            document(EndStrategy={"DateOffset": {"OffsetUnit": "hour"}}),
            "DateOffset.OffsetUnit: is not supported: only windows in days",
        ),
        (document(CollapseSettings={"CollapseType": "NONE"}), "'NONE' is not one of ERA"),
        (document(QualifiedLimit={"Type": "Best"}), "'Best' is not one of First, All, Last"),
        (document({"Age": {"Value": 1, "Op": "bt"}}), "needs an Extent"),
        (document({"Age": {"Value": 1.5, "Op": "lt"}}), "a whole number is expected"),
        (document({"Age": {"Value": "1", "Op": "lt"}}), "a number is expected"),
        (document({"Age": {"Value": 1, "Op": "~"}}), "'~' is not one of lt"),
        (
            document({"OccurrenceStartDate": {"Value": "2020-02-30", "Op": "lt"}}),
            "a date such as",
        ),
        (document({"First": "yes"}), "true or false is expected"),
        (document({"StopReason": {"Text": "a\nb", "Op": "contains"}}), "cannot be printed"),
        ({"PrimaryCriteria": {"CriteriaList": []}}, "nothing says who enters"),
        ({}, "PrimaryCriteria is missing"),
        ({"PrimaryCriteria": {"CriteriaList": [{}]}}, "a criterion is one domain"),
        (document(EndStrategy={}), "either DateOffset or CustomEra"),
        (document(AdditionalCriteria={"Type": "AT_LEAST"}), "AT_LEAST needs a Count"),
        ("[1,", "this is not JSON"),
        ('{"PrimaryCriteria": 1, "PrimaryCriteria": 2}', "is given twice"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(given: Document | str, words: str) -> None:
    assert words in refusal(given)


def test_distinct_values_of_a_column_the_domain_does_not_have_are_refused() -> None:
    window = {"Start": {"Coeff": -1}, "End": {"Coeff": 1}}
    occurrence = {"Type": 2, "Count": 2, "IsDistinct": True, "CountColumn": "GAP_DAYS"}
    criterion = {"Criteria": {"DrugExposure": {}}, "StartWindow": window, "Occurrence": occurrence}
    group = {"Type": "ALL", "CriteriaList": [criterion]}
    assert "DrugExposure has no column to count by GAP_DAYS" in refusal(
        document(AdditionalCriteria=group)
    )


def test_a_definition_read_against_circes_own_sql_says_so() -> None:
    dates = {"OccurrenceEndDate": {"Value": "2020-01-01", "Op": "lt"}}
    compiled = compile_circe(parse_circe(json.dumps(document(dates))))
    assert "circe-be compares it with the start" in compiled.notes[0]


DAY = pa.array([], pa.date32())
NUMBER = pa.array([], pa.int64())
PERIODS = pa.table(
    {
        "PERSON_ID": NUMBER,
        "OBSERVATION_PERIOD_START_DATE": DAY,
        "OBSERVATION_PERIOD_END_DATE": DAY,
    }
)
EXPOSURES = pa.table(
    {
        "person_id": NUMBER,
        "drug_exposure_id": NUMBER,
        "visit_occurrence_id": NUMBER,
        "drug_exposure_start_date": DAY,
        "drug_exposure_end_date": DAY,
    }
)


def test_data_that_lack_a_column_are_refused_and_a_stand_in_is_said() -> None:
    omop = omop_tables({"OBSERVATION_PERIOD": PERIODS, "DRUG_EXPOSURE": EXPOSURES})
    cohort = run_circe(omop, parse_circe(json.dumps(document())))
    assert cohort.notes == (
        "a drug exposure without an end lasts one day, since the days of supply are not known",
    )
    supply = {"DaysSupply": {"Value": 1, "Op": "gt"}, "Gender": [{"CONCEPT_ID": 8507}]}
    with pytest.raises(CirceRefused) as caught:
        run_circe(omop, parse_circe(json.dumps(document(supply))))
    assert "drug_exposure.days_supply (the table has no such column)" in caught.value.message
    assert "person.gender_concept_id (the table is not given)" in caught.value.message


def test_the_tables_of_an_open_connection_are_seen_where_they_lie() -> None:
    given = omop_tables({"OBSERVATION_PERIOD": PERIODS, "DRUG_EXPOSURE": EXPOSURES})
    given.con.execute("CREATE SCHEMA cdm")
    for table in ("observation_period", "drug_exposure"):
        given.con.execute(f"ALTER TABLE omop.{table} RENAME TO old_{table}")
        given.con.execute(f"CREATE TABLE cdm.{table} AS FROM omop.old_{table}")
    cohort = run_circe(omop_schema(given.con, "cdm"), parse_circe(json.dumps(document())))
    assert cohort.rows.schema.names == ["subject_id", "cohort_start_date", "cohort_end_date"]
