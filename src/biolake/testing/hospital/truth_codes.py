"""Say where each idea of the truths is found in each format: table, column and code."""

from __future__ import annotations

from biolake.testing.hospital.items import ITEMS, OTHER_UNITS, item
from biolake.testing.hospital.recording import UCUM
from biolake.testing.hospital.terms import (
    DIAGNOSES,
    DRUGS,
    PALLIATIVE_CONCEPT,
    PALLIATIVE_CONSULT,
    PALLIATIVE_ITEM,
    Diagnosis,
    Drug,
    diagnosis,
    dotted,
    drug,
)

Found = dict[str, object]
TRUTH_DIAGNOSES = ("heart_failure", "acute_heart_failure", "ckd", "myocardial_infarction", "sepsis")
TRUTH_DRUGS = ("metoprolol", "carvedilol")
TRUTH_ITEMS = ("bnp", "creatinine", "lactate", "systolic")

SETTINGS_IN = {
    "mimic": {
        "in": "hosp/admissions.admission_type",
        "observation": "AMBULATORY OBSERVATION",
        "emergency": "EU OBSERVATION",
        "inpatient": "EW EMER.",
        "outpatient": None,
    },
    "omop": {
        "in": "visit_occurrence.visit_concept_id",
        "observation": 581385,
        "emergency": 9203,
        "inpatient": 9201,
        "outpatient": 9202,
    },
    "fhir": {
        "in": "Encounter.class.code",
        "observation": "OBSENC",
        "emergency": "EMER",
        "inpatient": "IMP",
        "outpatient": "AMB",
    },
    "hl7": {
        "in": "PV1-2, and the trigger of the first message",
        "observation": "O, discharged by A03",
        "emergency": "E",
        "inpatient": "I",
        "outpatient": "O, without A03",
    },
}

DEATH_IN = {
    "mimic": "hosp/patients.dod (date); hosp/admissions.deathtime when in hospital",
    "omop": "death.death_datetime",
    "fhir": "Patient.deceasedDateTime",
    "hl7": "PID-29 and PID-30",
}


def codes_of(source: str) -> Found:
    """List the codes of one format for everything the truths name."""
    found: Found = {"settings": SETTINGS_IN[source], "death": DEATH_IN[source]}
    found |= {name: _diagnosis(source, DIAGNOSES[diagnosis(name)]) for name in TRUTH_DIAGNOSES}
    found |= {name: _drug(source, DRUGS[drug(name)]) for name in TRUTH_DRUGS}
    found |= {name: _item(source, name) for name in TRUTH_ITEMS}
    found["palliative_consult"] = _consult(source)
    if source == "mimic":
        found["palliative_care"] = _diagnosis(source, DIAGNOSES[diagnosis("palliative_care")])
    return found


def _diagnosis(source: str, term: Diagnosis) -> Found:
    if source == "mimic":
        return {
            "in": "hosp/diagnoses_icd.icd_code",
            "icd9": term.icd9,
            "icd10": term.icd10,
            "icd10_from": "2015-10-01",
        }
    if source == "omop":
        return {
            "in": "condition_occurrence.condition_concept_id",
            "concept": term.concept,
            "source_value": dotted(term.icd10),
        }
    if source == "fhir":
        return {"in": "Condition.code", "snomed": term.snomed, "icd10": dotted(term.icd10)}
    return {"in": "DG1-3", "icd10": dotted(term.icd10)}


def _drug(source: str, term: Drug) -> Found:
    if source == "mimic":
        return {"in": "hosp/prescriptions.drug", "drug": term.name.capitalize()}
    if source == "omop":
        return {"in": "drug_exposure.drug_concept_id", "concept": term.concept}
    if source == "fhir":
        return {"in": "MedicationRequest.medicationCodeableConcept", "rxnorm": term.rxnorm}
    return {"in": "RXE-2 of RDE^O11", "rxnorm": term.rxnorm}


def _item(source: str, name: str) -> Found:
    term = ITEMS[item(name)]
    other = OTHER_UNITS[source].get(name)
    units: Found = {"unit": term.unit if source == "mimic" else UCUM.get(term.unit, term.unit)}
    if other:
        units |= {
            "other_unit": other.unit,
            "other_factor": other.factor,
            "other_share": other.share,
            "other_loinc": other.loinc,
        }
    if source == "mimic":
        table = "icu/chartevents" if name == "systolic" else "hosp/labevents"
        return {"in": f"{table}.itemid", "itemid": term.mimic, **units}
    if source == "omop":
        concept = other.concept if other else term.concept
        return {"in": "measurement.measurement_concept_id", "concept": concept, **units}
    if source == "fhir":
        place = "Observation.component" if name == "systolic" else "Observation.code"
        return {"in": place, "loinc": term.loinc, **units}
    return {"in": "OBX-3 of ORU^R01", "loinc": term.loinc, **units}


def _consult(source: str) -> Found:
    return {
        "mimic": {"in": "icu/chartevents.itemid", "itemid": PALLIATIVE_ITEM},
        "omop": {
            "in": "observation.observation_concept_id",
            "concept": PALLIATIVE_CONCEPT,
            "source_value": PALLIATIVE_CONSULT,
        },
        "fhir": {
            "in": "Observation.code",
            "system": "urn:biolake:local",
            "code": PALLIATIVE_CONSULT,
        },
        "hl7": {"in": "OBX-3 of ORU^R01", "code": PALLIATIVE_CONSULT, "system": "L"},
    }[source]
