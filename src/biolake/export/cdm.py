"""The tables of the OMOP CDM 5.4 that Biolake fills: their columns, and what goes into each.

Source: OMOP Common Data Model v5.4 (https://ohdsi.github.io/CommonDataModel/cdm54.html).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pyarrow as pa

VERSION, VERSION_CONCEPT = "5.4", 756265
EHR = "32817"  # type concept "EHR": the record comes from a hospital's own systems

_ARROW = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    required: bool


@cache
def columns(table: str) -> tuple[Column, ...]:
    """Return the columns of a table in the order of the standard."""
    text = (files("biolake.export") / "cdm54.csv").read_text()
    rows = (row for row in csv.DictReader(text.splitlines()) if row["table"] == table)
    return tuple(Column(row["column"], row["type"], row["required"] == "yes") for row in rows)


def schema(table: str) -> pa.Schema:
    return pa.schema([pa.field(each.name, _ARROW[each.type]) for each in columns(table)])


def select(table: str, source: str) -> str:
    """Return the SQL that makes a table's rows from `source`; columns nobody fills are null."""
    filled = TABLES[table]
    known = {each.name for each in columns(table)}
    if unknown := filled.keys() - known:
        raise AssertionError(f"{table} has no column {', '.join(sorted(unknown))}")
    made = ", ".join(
        f'CAST({filled.get(each.name, "NULL")} AS {each.type}) AS "{each.name}"'
        for each in columns(table)
    )
    return f"SELECT {made} FROM {source}"  # noqa: S608  names and expressions are ours


# The shortest decimal of a float32, so that 7.4 is 7.4 and not 7.400000095.
_NUMBER = "CAST(numeric_value AS VARCHAR)"
_OPERATOR = (
    "CASE WHEN starts_with(text_value, '<=') THEN 4171754 WHEN starts_with(text_value, '>=')"
    " THEN 4171755 WHEN starts_with(text_value, '<') THEN 4171756"
    " WHEN starts_with(text_value, '>') THEN 4172704 END"
)


def _fact(prefix: str, date: str, **more: str) -> dict[str, str]:
    """Return what every table of facts has in common."""
    return {
        "person_id": "subject_id",
        "visit_occurrence_id": "visit_id",
        f"{prefix}_concept_id": "standard_id",
        f"{prefix}_source_concept_id": "own_id",
        f"{prefix}_source_value": "term",
        f"{prefix}_type_concept_id": EHR,
        f"{date}_date": "time",
        f"{date}_datetime": "time",
        **more,
    }


# Table → column → SQL over the rows that `omop.py` hands it (events with their concepts and visit).
TABLES: dict[str, dict[str, str]] = {
    "person": {
        "person_id": "subject_id",
        "gender_concept_id": "CASE upper(gender) WHEN 'M' THEN 8507 WHEN 'F' THEN 8532 ELSE 0 END",
        "year_of_birth": "year(birth)",
        "month_of_birth": "month(birth)",
        "day_of_birth": "day(birth)",
        "birth_datetime": "birth",
        "race_concept_id": "CASE lower(race) WHEN 'white' THEN 8527 WHEN 'asian' THEN 8515"
        " WHEN 'black or african american' THEN 8516 ELSE 0 END",
        "ethnicity_concept_id": "CASE lower(ethnicity) WHEN 'hispanic or latino' THEN 38003563"
        " WHEN 'not hispanic or latino' THEN 38003564 ELSE 0 END",
        "gender_source_value": "gender",
        "race_source_value": "race",
        "ethnicity_source_value": "ethnicity",
    },
    "observation_period": {
        "observation_period_id": "id",
        "person_id": "subject_id",
        "observation_period_start_date": "time",
        "observation_period_end_date": "end_time",
        "period_type_concept_id": EHR,
    },
    "visit_occurrence": {
        "visit_occurrence_id": "visit_id",
        "person_id": "subject_id",
        "visit_concept_id": "standard_id",
        "visit_start_date": "visit_start",
        "visit_start_datetime": "visit_start",
        "visit_end_date": "visit_end",
        "visit_end_datetime": "visit_end",
        "visit_type_concept_id": EHR,
        "visit_source_value": "coalesce(start_code, kind)",
        "visit_source_concept_id": "coalesce(start_id, 0)",
        "discharged_to_source_value": "end_code",
    },
    "condition_occurrence": _fact(
        "condition",
        "condition_start",
        condition_occurrence_id="id",
        condition_end_date="end_time",
        condition_end_datetime="end_time",
        condition_status_source_value="text_value",
    ),
    "drug_exposure": _fact(
        "drug",
        "drug_exposure_start",
        drug_exposure_id="id",
        drug_exposure_end_date="coalesce(end_time, time)",  # the standard demands one
        drug_exposure_end_datetime="end_time",
        quantity=_NUMBER,
        sig="text_value",
        dose_unit_source_value="unit",
    ),
    "procedure_occurrence": _fact(
        "procedure",
        "procedure",
        procedure_occurrence_id="id",
        procedure_end_date="end_time",
        procedure_end_datetime="end_time",
        modifier_source_value="text_value",
    ),
    "measurement": _fact(
        "measurement",
        "measurement",
        measurement_id="id",
        operator_concept_id=_OPERATOR,
        value_as_number=_NUMBER,
        unit_source_value="unit",
        value_source_value="text_value",
    ),
    "observation": _fact(
        "observation",
        "observation",
        observation_id="id",
        value_as_number=_NUMBER,
        value_as_string="text_value",
        unit_source_value="unit",
    ),
    "death": {
        "person_id": "subject_id",
        "death_date": "time",
        "death_datetime": "time",
        "death_type_concept_id": EHR,
    },
    "concept": {
        "concept_id": "concept_id",
        "concept_name": "concept_name",
        "domain_id": "domain_id",
        "vocabulary_id": "vocabulary_id",
        "concept_class_id": "'Undefined'",
        "concept_code": "concept_code",
        "valid_start_date": "DATE '1970-01-01'",
        "valid_end_date": "DATE '2099-12-31'",
    },
    "cdm_source": {
        "cdm_source_name": "'Biolake lake ' || lake_id",
        "cdm_source_abbreviation": "lake_id",
        "cdm_holder": "'unknown'",
        "source_description": "notes",
        "cdm_etl_reference": "software",
        "source_release_date": "CAST(time AS DATE)",
        "cdm_release_date": "CAST(time AS DATE)",
        "cdm_version": f"'{VERSION}'",
        "cdm_version_concept_id": str(VERSION_CONCEPT),
        "vocabulary_version": "'none: own concepts only'",
    },
}
# The tables whose rows are events one by one, and what of an event each has no column for.
FACTS = {
    "condition_occurrence": ("numeric_value", "unit"),
    "drug_exposure": (),
    "procedure_occurrence": ("numeric_value", "unit"),
    "measurement": ("end_time",),
    "observation": ("end_time",),
}
