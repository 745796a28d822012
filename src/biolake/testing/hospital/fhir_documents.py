"""Write the rest of a FHIR R4 site: notes, immunizations and allergies."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from biolake.testing.hospital.clock import texts
from biolake.testing.hospital.identities import fhir_patient
from biolake.testing.hospital.terms import DIAGNOSES, INPATIENT, OUTPATIENT

if TYPE_CHECKING:
    from biolake.testing.hospital.histories import History

OFFSET = "-07:00"
SNOMED = "http://snomed.info/sct"
ALLERGIES = (
    ("91936005", "Allergy to penicillin"),
    ("91935009", "Allergy to peanut"),
    ("300916003", "Allergy to latex"),
)


def immunizations(history: History, site: int) -> list[str]:
    """Write influenza vaccines: at every other outpatient visit of the autumn."""
    found = history.encounters
    month = found.start.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12 + 1
    here = (found.site == site) & (found.setting == OUTPATIENT) & (found.number % 2 == 0)
    found = found.take(here & (month >= 9) & (month <= 11))
    people = history.people.index[found.subject].tolist()
    return [
        f'{{"resourceType":"Immunization","id":"i{number}","status":"completed",'
        f'"vaccineCode":{{"coding":[{{"system":"http://hl7.org/fhir/sid/cvx","code":"140",'
        f'"display":"Influenza seasonal injectable preservative free"}}]}},'
        f'"patient":{{"reference":"Patient/{fhir_patient(person)}"}},'
        f'"encounter":{{"reference":"Encounter/e{number}"}},'
        f'"occurrenceDateTime":"{time}{OFFSET}"}}'
        for number, person, time in zip(
            found.number.tolist(), people, texts(found.start), strict=True
        )
    ]


def allergies(history: History, site: int) -> list[str]:
    """Write AllergyIntolerance resources, recorded at entry."""
    people = history.people
    people = people.take((people.site == site) & (people.allergy >= 0))
    lines = []
    for index, kind, time in zip(
        people.index.tolist(), people.allergy.tolist(), texts(people.entry), strict=True
    ):
        code, display = ALLERGIES[kind]
        lines.append(
            f'{{"resourceType":"AllergyIntolerance","id":"a{index}",'
            f'"clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/'
            f'allergyintolerance-clinical","code":"active"}}]}},'
            f'"code":{{"coding":[{{"system":"{SNOMED}","code":"{code}","display":"{display}"}}]}},'
            f'"patient":{{"reference":"Patient/{fhir_patient(index)}"}},'
            f'"recordedDate":"{time}{OFFSET}"}}'
        )
    return lines


def notes(history: History, site: int) -> list[str]:
    """Write a discharge summary of each inpatient stay, its text inline in base64."""
    coded: dict[int, list[str]] = {}
    diagnoses = history.diagnoses
    for encounter, term in zip(diagnoses.encounter.tolist(), diagnoses.term.tolist(), strict=True):
        coded.setdefault(encounter, []).append(DIAGNOSES[term].title)
    found = history.encounters
    lines = []
    stays = ((found.site == site) & (found.setting == INPATIENT)).nonzero()[0]
    for row, time in zip(stays.tolist(), texts(found.end[stays]), strict=True):
        person = fhir_patient(int(history.people.index[found.subject[row]]))
        text = _summary(coded[row], bool(found.died[row]))
        data = b64encode(text.encode()).decode()
        lines.append(
            f'{{"resourceType":"DocumentReference","id":"d{found.number[row]}",'
            f'"status":"current","type":{{"coding":[{{"system":"http://loinc.org",'
            f'"code":"18842-5","display":"Discharge summary"}}]}},'
            f'"subject":{{"reference":"Patient/{person}"}},"date":"{time}{OFFSET}",'
            f'"content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}],'
            f'"context":{{"encounter":[{{"reference":"Encounter/e{found.number[row]}"}}]}}}}'
        )
    return lines


def _summary(titles: list[str], died: bool) -> str:
    """Write a short note with a negation that is true of the stay."""
    main, others = titles[0].lower(), [t.lower() for t in titles[1:]]
    denied = next(w for w in ("pneumonia", "sepsis", "hip fracture") if w not in main)
    history = f"Past history of {', '.join(others)}. " if others else "No past history. "
    outcome = "The patient died in hospital." if died else "Discharged home in stable condition."
    return f"Admitted with {main}. {history}No evidence of {denied}. {outcome}"
