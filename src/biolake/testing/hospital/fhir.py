"""Write a site as FHIR R4 bulk export: one NDJSON file per resource type, times with offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import NEVER, texts
from biolake.testing.hospital.fhir_documents import allergies, immunizations, notes
from biolake.testing.hospital.fhir_observations import consults, observations, reports
from biolake.testing.hospital.identities import NATIONAL_SYSTEM, fhir_patient, national
from biolake.testing.hospital.recording import record
from biolake.testing.hospital.terms import DIAGNOSES, DRUGS, PROCEDURES, dotted

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from biolake.testing.hospital.histories import History

OFFSET = "-07:00"
"""The site's zone (Phoenix) has no summer time."""
TYPES = (
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "Procedure",
    "Immunization",
    "AllergyIntolerance",
    "DiagnosticReport",
    "DocumentReference",
)
CLASSES = ("AMB", "OBSENC", "EMER", "IMP")
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-"
SNOMED = "http://snomed.info/sct"


def offset_texts(seconds: np.ndarray) -> list[str]:
    """Write moments as FHIR dateTime with the site's offset."""
    return [f"{t}{OFFSET}" for t in texts(seconds)]


class FhirFiles:
    """One site's NDJSON folder."""

    def __init__(self, folder: Path, site: int) -> None:
        self.site = site
        path = folder / "fhir"
        path.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, BinaryIO] = {t: (path / f"{t}.ndjson").open("wb") for t in TYPES}

    def write(self, history: History) -> None:
        """Append one chunk of subjects."""
        recorded = record(history, self.site, "fhir")
        resources = {
            "Patient": patients(history, self.site),
            "Encounter": encounters(history, self.site),
            "Condition": conditions(history, self.site),
            "Observation": observations(history, recorded) + consults(history, self.site),
            "MedicationRequest": medications(history, self.site),
            "Procedure": procedures(history, self.site),
            "Immunization": immunizations(history, self.site),
            "AllergyIntolerance": allergies(history, self.site),
            "DiagnosticReport": reports(history, recorded),
            "DocumentReference": notes(history, self.site),
        }
        for name, lines in resources.items():
            if lines:
                self._open[name].write(("\n".join(lines) + "\n").encode())

    def close(self) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()


def patients(history: History, site: int) -> list[str]:
    """Write Patient resources."""
    who = history.patients_of(site)
    people, death = history.people.take(who), history.death[who]
    died = offset_texts(np.where(death < NEVER, death, 0))
    lines = []
    for index, male, born, end, dead in zip(
        people.index.tolist(),
        people.male.tolist(),
        texts(people.birth, "D"),
        died,
        (death < NEVER).tolist(),
        strict=True,
    ):
        ident = fhir_patient(index)
        deceased = f',"deceasedDateTime":"{end}"' if dead else ""
        lines.append(
            f'{{"resourceType":"Patient","id":"{ident}","identifier":['
            f'{{"system":"urn:biolake:site-{site + 1}:mrn","value":"{ident}"}},'
            f'{{"system":"{NATIONAL_SYSTEM}","value":"{national(index)}"}}],'
            f'"name":[{{"family":"Subject","given":["Number{index}"]}}],'
            f'"gender":"{"male" if male else "female"}","birthDate":"{born}"{deceased}}}'
        )
    return lines


def encounters(history: History, site: int) -> list[str]:
    """Write Encounter resources with their class, period and reason."""
    found = history.encounters.take(history.encounters.site == site)
    index = history.people.index[found.subject].tolist()
    lines = []
    for number, person, setting, start, end, reason, died in zip(
        found.number.tolist(),
        index,
        found.setting.tolist(),
        offset_texts(found.start),
        offset_texts(found.end),
        found.reason.tolist(),
        found.died.tolist(),
        strict=True,
    ):
        term = DIAGNOSES[reason]
        leaves = ""
        if setting:
            leaves = (
                f',"hospitalization":{{"dischargeDisposition":{{"coding":[{{"system":'
                f'"http://terminology.hl7.org/CodeSystem/discharge-disposition",'
                f'"code":"{"exp" if died else "home"}"}}]}}}}'
            )
        lines.append(
            f'{{"resourceType":"Encounter","id":"e{number}","status":"finished",'
            f'"class":{{"system":"{ACT_CODE}","code":"{CLASSES[setting]}"}},'
            f'"subject":{{"reference":"Patient/{fhir_patient(person)}"}},'
            f'"period":{{"start":"{start}","end":"{end}"}},'
            f'"reasonCode":[{{"coding":[{{"system":"{SNOMED}","code":"{term.snomed}",'
            f'"display":"{term.title}"}}]}}]{leaves}}}'
        )
    return lines


def whose(history: History, encounter: np.ndarray) -> tuple[list[int], list[str]]:
    """Return the encounter numbers and the references every clinical resource carries."""
    found = history.encounters
    numbers = found.number[encounter].tolist()
    people = history.people.index[found.subject[encounter]].tolist()
    references = [
        f'"subject":{{"reference":"Patient/{fhir_patient(person)}"}},'
        f'"encounter":{{"reference":"Encounter/e{number}"}}'
        for number, person in zip(numbers, people, strict=True)
    ]
    return numbers, references


def conditions(history: History, site: int) -> list[str]:
    """Write one Condition per coded diagnosis, in SNOMED CT and ICD-10-CM."""
    coded = history.diagnoses
    coded = coded.take(history.encounters.site[coded.encounter] == site)
    numbers, references = whose(history, coded.encounter)
    start = offset_texts(history.encounters.start[coded.encounter])
    codes = [
        f'"code":{{"coding":[{{"system":"{SNOMED}","code":"{d.snomed}","display":"{d.title}"}},'
        f'{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"{dotted(d.icd10)}"}}]}}'
        for d in DIAGNOSES
    ]
    return [
        f'{{"resourceType":"Condition","id":"c{number}-{rank}",'
        f'"clinicalStatus":{{"coding":[{{"system":"{CONDITION}clinical","code":"active"}}]}},'
        f'"verificationStatus":{{"coding":[{{"system":"{CONDITION}ver-status",'
        f'"code":"confirmed"}}]}},"category":[{{"coding":[{{"system":"{CONDITION}category",'
        f'"code":"encounter-diagnosis"}}]}}],{codes[term]},{reference},'
        f'"onsetDateTime":"{when}","recordedDate":"{when}"}}'
        for number, reference, rank, term, when in zip(
            numbers, references, coded.rank.tolist(), coded.term.tolist(), start, strict=True
        )
    ]


def medications(history: History, site: int) -> list[str]:
    """Write one MedicationRequest per drug started."""
    given = history.drugs
    given = given.take(history.encounters.site[given.encounter] == site)
    numbers, references = whose(history, given.encounter)
    codes = [
        f'"medicationCodeableConcept":{{"coding":[{{"system":'
        f'"http://www.nlm.nih.gov/research/umls/rxnorm","code":"{d.rxnorm}",'
        f'"display":"{d.name}"}}]}}'
        for d in DRUGS
    ]
    return [
        f'{{"resourceType":"MedicationRequest","id":"m{number}-{term}","status":"completed",'
        f'"intent":"order",{codes[term]},{reference},"authoredOn":"{start}",'
        f'"dosageInstruction":[{{"text":"{DRUGS[term].dose} {DRUGS[term].unit} '
        f'{DRUGS[term].route}"}}],"dispenseRequest":{{"validityPeriod":{{"start":"{start}",'
        f'"end":"{end}"}}}}}}'
        for number, reference, term, start, end in zip(
            numbers,
            references,
            given.term.tolist(),
            offset_texts(given.start),
            offset_texts(given.end),
            strict=True,
        )
    ]


def procedures(history: History, site: int) -> list[str]:
    """Write Procedure resources."""
    done = history.procedures
    done = done.take(history.encounters.site[done.encounter] == site)
    numbers, references = whose(history, done.encounter)
    return [
        f'{{"resourceType":"Procedure","id":"p{number}-{term}","status":"completed",'
        f'"code":{{"coding":[{{"system":"{SNOMED}","code":"{PROCEDURES[term].snomed}",'
        f'"display":"{PROCEDURES[term].title}"}}]}},{reference},'
        f'"performedPeriod":{{"start":"{start}","end":"{end}"}}}}'
        for number, reference, term, start, end in zip(
            numbers,
            references,
            done.term.tolist(),
            offset_texts(done.start),
            offset_texts(done.end),
            strict=True,
        )
    ]
