"""The OMOP tables a Circe criterion can name: where its dates, concepts and attributes live.

Meanings follow the SQL builders of OHDSI circe-be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biolake.cohorts.circe.columns import (
    ABNORMAL,
    END,
    ERA,
    GENDER,
    LENGTH,
    NO_HISTORY,
    PERIOD,
    PLACE,
    SPECIALTY,
    START,
    WHEN,
    WHERE,
    WHO,
    Attribute,
    age,
    own,
    ratio,
)


@dataclass(frozen=True)
class Domain:
    name: str
    table: str
    id: str
    start: str
    end: str = ""
    day_long: bool = False  # without an end the event lasts until the next day
    concept: str = ""
    source_concept: tuple[str, str] | None = None  # Circe's key, the column
    visit: bool = False
    first: bool = True
    supply: str = ""  # days of supply stand in for a missing end
    periodic: bool = False  # takes a UserDefinedPeriod
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)  # CountColumn → SQL over the table `t`
    refused: Mapping[str, str] = field(default_factory=dict)


_ALL = (
    Domain(
        "ConditionOccurrence",
        "condition_occurrence",
        "condition_occurrence_id",
        "condition_start_date",
        "condition_end_date",
        day_long=True,
        concept="condition_concept_id",
        source_concept=("ConditionSourceConcept", "condition_source_concept_id"),
        visit=True,
        attributes={
            **WHEN,
            **WHO,
            **WHERE,
            "ConditionType": own("concepts", "condition_type_concept_id", exclude=True),
            "StopReason": own("text", "stop_reason"),
            "ConditionStatus": own("concepts", "condition_status_concept_id"),
        },
    ),
    Domain(
        "ConditionEra",
        "condition_era",
        "condition_era_id",
        "condition_era_start_date",
        "condition_era_end_date",
        concept="condition_concept_id",
        attributes={**ERA, "OccurrenceCount": own("integer", "condition_occurrence_count")},
        counts={"ERA_OCCURRENCES": "condition_occurrence_count"},
    ),
    Domain(
        "Death",
        "death",
        "person_id",
        "death_date",
        day_long=True,
        concept="cause_concept_id",
        source_concept=("DeathSourceConcept", "cause_source_concept_id"),
        first=False,
        attributes={
            "OccurrenceStartDate": START,
            **WHO,
            "DeathType": own("concepts", "death_type_concept_id", exclude=True),
        },
    ),
    Domain(
        "DeviceExposure",
        "device_exposure",
        "device_exposure_id",
        "device_exposure_start_date",
        "device_exposure_end_date",
        day_long=True,
        concept="device_concept_id",
        source_concept=("DeviceSourceConcept", "device_source_concept_id"),
        visit=True,
        attributes={
            **WHEN,
            **WHO,
            **WHERE,
            "DeviceType": own("concepts", "device_type_concept_id", exclude=True),
            "UniqueDeviceId": own("text", "unique_device_id"),
            "Quantity": own("number", "quantity"),
        },
        counts={"QUANTITY": "quantity"},
    ),
    Domain(
        "DoseEra",
        "dose_era",
        "dose_era_id",
        "dose_era_start_date",
        "dose_era_end_date",
        concept="drug_concept_id",
        attributes={
            **ERA,
            "Unit": own("concepts", "unit_concept_id"),
            "DoseValue": own("number", "dose_value"),
        },
        counts={"UNIT": "unit_concept_id", "VALUE_AS_NUMBER": "dose_value"},
    ),
    Domain(
        "DrugEra",
        "drug_era",
        "drug_era_id",
        "drug_era_start_date",
        "drug_era_end_date",
        concept="drug_concept_id",
        attributes={
            **ERA,
            "OccurrenceCount": own("integer", "drug_exposure_count"),
            "GapDays": own("integer", "gap_days"),
        },
        counts={"ERA_OCCURRENCES": "drug_exposure_count", "GAP_DAYS": "gap_days"},
    ),
    Domain(
        "DrugExposure",
        "drug_exposure",
        "drug_exposure_id",
        "drug_exposure_start_date",
        "drug_exposure_end_date",
        day_long=True,
        concept="drug_concept_id",
        source_concept=("DrugSourceConcept", "drug_source_concept_id"),
        visit=True,
        supply="days_supply",
        attributes={
            **WHEN,
            **WHO,
            **WHERE,
            "DrugType": own("concepts", "drug_type_concept_id", exclude=True),
            "StopReason": own("text", "stop_reason"),
            "Refills": own("integer", "refills"),
            "Quantity": own("number", "quantity"),
            "DaysSupply": own("integer", "days_supply"),
            "RouteConcept": own("concepts", "route_concept_id"),
            "LotNumber": own("text", "lot_number"),
            # Columns of CDM 5.0, asked for where a data set still has them.
            "EffectiveDrugDose": own("number", "effective_drug_dose"),
            "DoseUnit": own("concepts", "dose_unit_concept_id"),
        },
        counts={"DAYS_SUPPLY": "days_supply", "QUANTITY": "quantity", "REFILLS": "refills"},
    ),
    Domain(
        "Measurement",
        "measurement",
        "measurement_id",
        "measurement_date",
        day_long=True,
        concept="measurement_concept_id",
        source_concept=("MeasurementSourceConcept", "measurement_source_concept_id"),
        visit=True,
        attributes={
            "OccurrenceStartDate": START,
            **WHO,
            **WHERE,
            "MeasurementType": own("concepts", "measurement_type_concept_id", exclude=True),
            "Operator": own("concepts", "operator_concept_id"),
            "ValueAsNumber": own("number", "value_as_number"),
            "ValueAsConcept": own("concepts", "value_as_concept_id"),
            "Unit": own("concepts", "unit_concept_id"),
            "RangeLow": own("number", "range_low"),
            "RangeHigh": own("number", "range_high"),
            "RangeLowRatio": ratio("range_low"),
            "RangeHighRatio": ratio("range_high"),
            "Abnormal": ABNORMAL,
        },
        counts={
            "VALUE_AS_NUMBER": "value_as_number",
            "RANGE_HIGH": "range_high",
            "RANGE_LOW": "range_low",
        },
    ),
    Domain(
        "Observation",
        "observation",
        "observation_id",
        "observation_date",
        day_long=True,
        concept="observation_concept_id",
        source_concept=("ObservationSourceConcept", "observation_source_concept_id"),
        visit=True,
        attributes={
            "OccurrenceStartDate": START,
            **WHO,
            **WHERE,
            "ObservationType": own("concepts", "observation_type_concept_id", exclude=True),
            "ValueAsNumber": own("number", "value_as_number"),
            "ValueAsString": own("text", "value_as_string"),
            "ValueAsConcept": own("concepts", "value_as_concept_id"),
            "Qualifier": own("concepts", "qualifier_concept_id"),
            "Unit": own("concepts", "unit_concept_id"),
        },
        counts={"VALUE_AS_NUMBER": "value_as_number"},
    ),
    Domain(
        "ObservationPeriod",
        "observation_period",
        "observation_period_id",
        "observation_period_start_date",
        "observation_period_end_date",
        periodic=True,
        attributes={**PERIOD, "PeriodType": own("concepts", "period_type_concept_id")},
        counts={"DOMAIN_CONCEPT": "period_type_concept_id"},
    ),
    Domain(
        "PayerPlanPeriod",
        "payer_plan_period",
        "payer_plan_period_id",
        "payer_plan_period_start_date",
        "payer_plan_period_end_date",
        periodic=True,
        attributes={
            **PERIOD,
            "Gender": GENDER,
            "PayerConcept": own("codeset", "payer_concept_id"),
            "PlanConcept": own("codeset", "plan_concept_id"),
            "SponsorConcept": own("codeset", "sponsor_concept_id"),
            "StopReasonConcept": own("codeset", "stop_reason_concept_id"),
            "PayerSourceConcept": own("codeset", "payer_source_concept_id"),
            "PlanSourceConcept": own("codeset", "plan_source_concept_id"),
            "SponsorSourceConcept": own("codeset", "sponsor_source_concept_id"),
            "StopReasonSourceConcept": own("codeset", "stop_reason_source_concept_id"),
        },
        counts={"DOMAIN_CONCEPT": "payer_concept_id"},
    ),
    Domain(
        "ProcedureOccurrence",
        "procedure_occurrence",
        "procedure_occurrence_id",
        "procedure_date",
        day_long=True,
        concept="procedure_concept_id",
        source_concept=("ProcedureSourceConcept", "procedure_source_concept_id"),
        visit=True,
        attributes={
            "OccurrenceStartDate": START,
            **WHO,
            **WHERE,
            "ProcedureType": own("concepts", "procedure_type_concept_id", exclude=True),
            "Modifier": own("concepts", "modifier_concept_id"),
            "Quantity": own("integer", "quantity"),
        },
        counts={"QUANTITY": "quantity"},
    ),
    Domain(
        "Specimen",
        "specimen",
        "specimen_id",
        "specimen_date",
        day_long=True,
        concept="specimen_concept_id",
        attributes={
            "OccurrenceStartDate": START,
            **WHO,
            "SpecimenType": own("concepts", "specimen_type_concept_id", exclude=True),
            "Quantity": own("number", "quantity"),
            "Unit": own("concepts", "unit_concept_id"),
            "AnatomicSite": own("concepts", "anatomic_site_concept_id"),
            "DiseaseStatus": own("concepts", "disease_status_concept_id"),
            "SourceId": own("text", "specimen_source_id"),
        },
    ),
    Domain(
        "VisitOccurrence",
        "visit_occurrence",
        "visit_occurrence_id",
        "visit_start_date",
        "visit_end_date",
        concept="visit_concept_id",
        source_concept=("VisitSourceConcept", "visit_source_concept_id"),
        visit=True,
        attributes={
            **WHEN,
            **WHO,
            "ProviderSpecialty": SPECIALTY,
            "PlaceOfService": PLACE,
            "VisitType": own("concepts", "visit_type_concept_id", exclude=True),
            "VisitLength": LENGTH,
        },
        refused={"PlaceOfServiceLocation": NO_HISTORY},
    ),
    Domain(
        "VisitDetail",
        "visit_detail",
        "visit_detail_id",
        "visit_detail_start_date",
        "visit_detail_end_date",
        concept="visit_detail_concept_id",
        source_concept=("VisitDetailSourceConcept", "visit_detail_source_concept_id"),
        visit=True,
        attributes={
            "VisitDetailStartDate": START,
            "VisitDetailEndDate": END,
            "VisitDetailLength": LENGTH,
            # Circe counts this one at the end of the visit detail.
            "Age": age("end_date"),
            "Gender": GENDER,
            "ProviderSpecialty": SPECIALTY,
            "PlaceOfService": PLACE,
            "VisitDetailType": own("concepts", "visit_detail_type_concept_id"),
        },
        counts={"VISIT_DETAIL_ID": "visit_detail_id"},
        refused={
            "PlaceOfServiceLocation": NO_HISTORY,
            "AdmittedFromConcept": "Circe reads it and applies nothing",
            "DischargedToConcept": "Circe reads it and applies nothing",
        },
    ),
)

DOMAINS: dict[str, Domain] = {domain.name: domain for domain in _ALL}

REFUSED_DOMAINS = {
    "LocationRegion": NO_HISTORY,
    "Episode": "episodes are not read yet",
}
