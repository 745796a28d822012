"""The hospital's vocabulary: each idea once, with its code in every system the files use."""

from __future__ import annotations

from dataclasses import dataclass

OWN_CONCEPTS = 2_000_000_000
"""OMOP keeps ids from here on for a site's own concepts."""


@dataclass(frozen=True)
class Diagnosis:
    """A disease or reason for contact."""

    name: str
    title: str
    icd9: str
    icd10: str
    snomed: str
    concept: int


@dataclass(frozen=True)
class Drug:
    """A medicine by ingredient, with the dose the hospital gives."""

    name: str
    rxnorm: str
    concept: int
    dose: str
    unit: str
    route: str
    days: float


@dataclass(frozen=True)
class Procedure:
    """Something done to the subject."""

    name: str
    title: str
    icd9: str
    icd10: str
    snomed: str
    concept: int


DIAGNOSES = (
    Diagnosis("hypertension", "Essential hypertension", "4019", "I10", "59621000", 320128),
    Diagnosis("diabetes", "Type 2 diabetes mellitus", "25000", "E119", "44054006", 201826),
    Diagnosis("ckd", "Chronic kidney disease", "5859", "N189", "709044004", 46271022),
    Diagnosis("heart_failure", "Heart failure", "4280", "I509", "84114007", 316139),
    Diagnosis("copd", "Chronic obstructive lung disease", "496", "J449", "13645005", 255573),
    Diagnosis("cancer", "Malignant neoplastic disease", "1991", "C801", "363346000", 443392),
    Diagnosis(
        "myocardial_infarction", "Acute myocardial infarction", "41071", "I214", "57054005", 312327
    ),
    Diagnosis("sepsis", "Sepsis", "0389", "A419", "91302008", 132797),
    Diagnosis(
        "acute_heart_failure",
        "Acute on chronic systolic heart failure",
        "42823",
        "I5023",
        "443343001",
        OWN_CONCEPTS + 101,
    ),
    Diagnosis("pneumonia", "Pneumonia", "486", "J189", "233604007", 255848),
    Diagnosis(
        "copd_flare", "Acute exacerbation of COPD", "49121", "J441", "195951007", OWN_CONCEPTS + 102
    ),
    Diagnosis(
        "hip_fracture",
        "Fracture of neck of femur",
        "8208",
        "S72009A",
        "5913000",
        OWN_CONCEPTS + 103,
    ),
    Diagnosis("chest_pain", "Chest pain", "78650", "R079", "29857009", 77670),
    Diagnosis("abdominal_pain", "Abdominal pain", "78900", "R109", "21522001", 200219),
    Diagnosis(
        "check_up",
        "General adult medical examination",
        "V700",
        "Z0000",
        "268565007",
        OWN_CONCEPTS + 104,
    ),
    Diagnosis(
        "palliative_care",
        "Encounter for palliative care",
        "V667",
        "Z515",
        "103735009",
        OWN_CONCEPTS + 105,
    ),
)

CHRONIC = ("hypertension", "diabetes", "ckd", "heart_failure", "copd", "cancer")

DRUGS = (
    Drug("metoprolol", "6918", 1307046, "50", "mg", "PO", 365),
    Drug("carvedilol", "20352", 1346823, "12.5", "mg", "PO", 365),
    Drug("lisinopril", "29046", 1308216, "10", "mg", "PO", 180),
    Drug("metformin", "6809", 1503297, "500", "mg", "PO", 180),
    Drug("furosemide", "4603", 956874, "40", "mg", "PO", 90),
    Drug("albuterol", "435", 1154343, "2.5", "mg", "IH", 90),
    Drug("aspirin", "1191", 1112807, "81", "mg", "PO", 365),
    Drug("atorvastatin", "83367", 1545958, "40", "mg", "PO", 365),
    Drug("ceftriaxone", "2193", 1777806, "1", "g", "IV", 7),
    Drug("norepinephrine", "7512", 1321341, "8", "mg", "IV", 2),
)

PROCEDURES = (
    Procedure(
        "coronary_stent",
        "Percutaneous coronary intervention",
        "0066",
        "027034Z",
        "415070008",
        OWN_CONCEPTS + 201,
    ),
    Procedure(
        "ventilation", "Mechanical ventilation", "9671", "5A1945Z", "40617009", OWN_CONCEPTS + 202
    ),
    Procedure(
        "hip_replacement", "Hip replacement", "8151", "0SRB04Z", "52734007", OWN_CONCEPTS + 203
    ),
    Procedure("dialysis", "Haemodialysis", "3995", "5A1D70Z", "302497006", OWN_CONCEPTS + 204),
    Procedure("colonoscopy", "Colonoscopy", "4523", "0DJD8ZZ", "73761001", OWN_CONCEPTS + 205),
)

SETTINGS = ("outpatient", "observation", "emergency", "inpatient")
OUTPATIENT, OBSERVATION, EMERGENCY, INPATIENT = range(4)

PALLIATIVE_CONSULT = "PALLIATIVE-CONSULT"
"""The consult request that is charted late and gives the outcome away."""
PALLIATIVE_CONCEPT = OWN_CONCEPTS + 301
PALLIATIVE_ITEM = 299001

_DIAGNOSIS = {term.name: row for row, term in enumerate(DIAGNOSES)}
_DRUG = {term.name: row for row, term in enumerate(DRUGS)}
_PROCEDURE = {term.name: row for row, term in enumerate(PROCEDURES)}


def diagnosis(name: str) -> int:
    """Find the row of a diagnosis by our name for it."""
    return _DIAGNOSIS[name]


def drug(name: str) -> int:
    """Find the row of a drug by our name for it."""
    return _DRUG[name]


def procedure(name: str) -> int:
    """Find the row of a procedure by our name for it."""
    return _PROCEDURE[name]


def dotted(icd10: str) -> str:
    """Write an ICD-10-CM code with its dot, as every system but MIMIC does."""
    return icd10 if len(icd10) <= 3 else f"{icd10[:3]}.{icd10[3:]}"
