"""OMOP CDM 5.3 tables for tests: every column Circe can ask for, filled from plain rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

import pyarrow as pa

from biolake.cohorts.circe import CirceCohort, OmopTables, omop_tables, parse_circe, run_circe

Rows = Sequence[Mapping[str, object]]

TABLES = {
    "person": "person_id gender_concept_id year_of_birth race_concept_id ethnicity_concept_id",
    "observation_period": "observation_period_id person_id observation_period_start_date"
    " observation_period_end_date period_type_concept_id",
    "payer_plan_period": "payer_plan_period_id person_id payer_plan_period_start_date"
    " payer_plan_period_end_date payer_concept_id plan_concept_id sponsor_concept_id"
    " stop_reason_concept_id payer_source_concept_id plan_source_concept_id"
    " sponsor_source_concept_id stop_reason_source_concept_id",
    "visit_occurrence": "visit_occurrence_id person_id visit_concept_id visit_start_date"
    " visit_end_date visit_type_concept_id provider_id care_site_id visit_source_concept_id",
    "visit_detail": "visit_detail_id person_id visit_detail_concept_id visit_detail_start_date"
    " visit_detail_end_date visit_detail_type_concept_id provider_id care_site_id"
    " visit_detail_source_concept_id visit_occurrence_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id"
    " condition_start_date condition_end_date condition_type_concept_id stop_reason:text"
    " provider_id visit_occurrence_id condition_status_concept_id condition_source_concept_id",
    "condition_era": "condition_era_id person_id condition_concept_id condition_era_start_date"
    " condition_era_end_date condition_occurrence_count",
    "drug_exposure": "drug_exposure_id person_id drug_concept_id drug_exposure_start_date"
    " drug_exposure_end_date drug_type_concept_id stop_reason:text refills quantity:number"
    " days_supply route_concept_id lot_number:text provider_id visit_occurrence_id"
    " drug_source_concept_id effective_drug_dose:number dose_unit_concept_id",
    "drug_era": "drug_era_id person_id drug_concept_id drug_era_start_date drug_era_end_date"
    " drug_exposure_count gap_days",
    "dose_era": "dose_era_id person_id drug_concept_id unit_concept_id dose_value:number"
    " dose_era_start_date dose_era_end_date",
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id"
    " procedure_date procedure_type_concept_id modifier_concept_id quantity provider_id"
    " visit_occurrence_id procedure_source_concept_id",
    "device_exposure": "device_exposure_id person_id device_concept_id"
    " device_exposure_start_date device_exposure_end_date device_type_concept_id"
    " unique_device_id:text quantity provider_id visit_occurrence_id device_source_concept_id",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date"
    " measurement_type_concept_id operator_concept_id value_as_number:number value_as_concept_id"
    " unit_concept_id range_low:number range_high:number provider_id visit_occurrence_id"
    " measurement_source_concept_id",
    "observation": "observation_id person_id observation_concept_id observation_date"
    " observation_type_concept_id value_as_number:number value_as_string:text"
    " value_as_concept_id qualifier_concept_id unit_concept_id provider_id visit_occurrence_id"
    " observation_source_concept_id",
    "death": "person_id death_date death_type_concept_id cause_concept_id cause_source_concept_id",
    "specimen": "specimen_id person_id specimen_concept_id specimen_type_concept_id specimen_date"
    " quantity:number unit_concept_id anatomic_site_concept_id disease_status_concept_id"
    " specimen_source_id:text",
    "provider": "provider_id specialty_concept_id",
    "care_site": "care_site_id place_of_service_concept_id",
    "concept": "concept_id concept_name:text domain_id:text vocabulary_id:text"
    " concept_code:text standard_concept:text invalid_reason:text",
    "concept_ancestor": "ancestor_concept_id descendant_concept_id",
    "concept_relationship": "concept_id_1 concept_id_2 relationship_id:text invalid_reason:text",
}
_KINDS = {"text": pa.string(), "number": pa.float64()}


_filled: set[str] = set()


@cache
def _shared() -> OmopTables:
    view = omop_tables({name: _table(name, ()) for name in TABLES})
    view.con.execute("SET threads = 1")  # these tables are too small to share out
    return view


def omop(rows: Mapping[str, Rows]) -> OmopTables:
    """An OMOP view of these rows, every other table empty; the next call empties them all."""
    view = _shared()
    for name in _filled | set(rows):
        view.con.register("given", _table(name, rows.get(name, ())))
        view.con.execute(f"CREATE OR REPLACE TABLE omop.{name} AS FROM given")
        view.con.unregister("given")
    _filled.update(rows)
    return view


def _table(name: str, rows: Rows) -> pa.Table:
    fields = []
    for column in TABLES[name].split():
        title, _, kind = column.partition(":")
        day = pa.date32() if title.endswith("_date") else pa.int64()
        fields.append(pa.field(title, _KINDS.get(kind, day)))
    schema = pa.schema(fields)
    clean = [{key: _value(key, value) for key, value in row.items()} for row in rows]
    return pa.Table.from_pylist(clean, schema=schema)


def _value(column: str, value: object) -> object:
    return date.fromisoformat(str(value)) if column.endswith("_date") and value else value


def entries(cohort: CirceCohort) -> list[tuple[int, str, str]]:
    """The cohort as (subject, first day, last day)."""
    columns = (cohort.rows.column(n).to_pylist() for n in range(3))
    return [
        (who, start.isoformat(), end.isoformat()) for who, start, end in zip(*columns, strict=True)
    ]


def build(rows: Mapping[str, Rows], document: Mapping[str, object]) -> CirceCohort:
    return run_circe(omop(rows), parse_circe(json.dumps(document)))
