"""FHIR R4 patients and encounters: who, from when to when, and by which identifiers."""

from __future__ import annotations

from biolake.core import schema
from biolake.readers._codes import sex
from biolake.readers._fhir import values as fhir
from biolake.readers._fhir.resources import (
    ENCOUNTER,
    MOST_PARTS,
    Facts,
    all_keys,
    is_revision,
    key,
    why_not,
)
from biolake.readers._fhir.scope import Scope
from biolake.readers._fhir.values import FieldError, Json
from biolake.readers._rows import Encounter, Event, Person, is_placeholder, social_security

PATIENT_SYSTEM = "fhir:Patient"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_SLOTS = (
    *("birth", "death", "gender", "marital"),
    *(f"{what}/{index}" for what in ("race", "ethnicity") for index in range(6)),
)
# Identifier systems that name one person everywhere → the name all readers use for them.
_GLOBAL = {
    "http://hl7.org/fhir/sid/us-ssn": "us-ssn",
    "urn:oid:2.16.840.1.113883.4.1": "us-ssn",
    "https://github.com/synthetichealth/synthea": "synthea",
    "http://standardhealthrecord.org/fhir/StructureDefinition/passportNumber": "us-passport",
    "http://hl7.org/fhir/sid/passport-USA": "us-passport",
    "urn:biolake:national-id": "urn:biolake:national-id",
}
_DRIVER_LICENCES = "urn:oid:2.16.840.1.113883.4.3."  # one branch a US state
_PASSPORTS = "http://hl7.org/fhir/sid/passport-"


def global_system(system: str) -> str | None:
    """Return the shared name of an identifier system that holds at every site, else nothing."""
    if system in _GLOBAL:
        return _GLOBAL[system]
    # The whole identifier stays: it names the state, within which alone a licence is unique.
    return system if system.startswith((_DRIVER_LICENCES, _PASSPORTS)) else None


def read_people(resource: Json, name: str, scope: Scope) -> list[Person]:
    """Return every identifier of a patient, and of those records that this one has replaced."""
    people = [Person(name, PATIENT_SYSTEM, name, "site")]
    for identifier in resource.get("identifier") or ():
        system, value = identifier.get("system"), identifier.get("value")
        if not system or not value or not value.strip():
            continue
        scope.source.knows(system, value, name)
        shared = global_system(system)
        value = social_security(value.strip()) if shared == "us-ssn" else value.strip()
        if shared and is_placeholder(value):
            continue
        people.append(Person(name, shared or system, value, "global" if shared else "site"))
    for link in resource.get("link") or ():
        if link.get("type") in ("replaced-by", "replaces"):
            kind, other = scope.target(link.get("other") or {}, "link.other")
            if kind == "Patient":
                lasting, gone = (other, name) if link["type"] == "replaced-by" else (name, other)
                people.append(Person(lasting, PATIENT_SYSTEM, gone, "site"))
    return people


def read_patient(resource: Json, name: str, scope: Scope) -> Facts:
    """Return birth and death, and sex, race, ethnicity and marital status without a time."""
    found: dict[str, tuple[int | None, str, str | None]] = {}
    born = fhir.instant(resource.get("birthDate"), "birthDate")
    if born is not None:
        found["birth"] = (born, schema.BIRTH, None)
    died = fhir.instant(resource.get("deceasedDateTime"), "deceasedDateTime")
    if died is not None:
        found["death"] = (died, schema.DEATH, None)
    elif resource.get("deceasedBoolean") is True:
        found["death"] = (None, "DECEASED", "date unknown")
    if resource.get("gender"):
        found["gender"] = (None, sex(resource["gender"]), None)
    for slot, code in _background(resource, scope).items():
        found[slot] = (None, code, None)
    events = tuple(
        Event(name, time, None, code, None, text, None, None, key("Patient", name, slot))
        for slot, (time, code, text) in found.items()
    )
    return Facts(events, retracted=patient_keys(name) if is_revision(resource) else ())


def patient_keys(name: str) -> tuple[int, ...]:
    """Return the keys of all events a patient resource may give."""
    return tuple(key("Patient", name, slot) for slot in _SLOTS)


def _background(resource: Json, scope: Scope) -> dict[str, str]:
    """Return slot → code of marital status, race and ethnicity (US Core extensions)."""
    book, found = scope.source.book, {}
    marital = (resource.get("maritalStatus") or {}).get("coding") or ()
    if marital and marital[0].get("code"):
        code = f"MARITAL_STATUS//{marital[0]['code']}"
        found["marital"] = book.add(code, marital[0].get("display"))
    for extension in resource.get("extension") or ():
        what = str(extension.get("url")).removeprefix(_US_CORE)
        if what not in ("race", "ethnicity"):
            continue
        parts = extension.get("extension") or ()
        codings = [part["valueCoding"] for part in parts if part.get("url") == "ombCategory"]
        for index, coding in enumerate(codings[:6]):
            words = (coding.get("display") or coding["code"]).upper()
            parent = [fhir.coding_code(coding)]
            found[f"{what}/{index}"] = book.add(f"{what.upper()}//{words}", words, parent)
        text = next((part["valueString"] for part in parts if part.get("url") == "text"), None)
        if text and not codings:
            found[f"{what}/0"] = book.add(f"{what.upper()}//{text.strip().upper()}", text)
    return found


def read_encounter(resource: Json, name: str, scope: Scope) -> tuple[Facts, Encounter | None]:
    """Return start, end, types and reasons of an encounter, and its row of the encounter table."""
    reason = why_not(resource, *ENCOUNTER)
    if reason:
        return Facts(skipped=reason, retracted=all_keys("Encounter", name)), None
    about, subject = scope.subject(resource)
    if about != "Patient":
        return Facts(skipped="Encounter: not about a single patient"), None
    start, end = (
        fhir.instant((resource.get("period") or {}).get(which), f"period.{which}")
        for which in ("start", "end")
    )
    kind = _class(resource)
    found = [(slot, start, code) for slot, code in _reasons(resource, scope)]
    found.append(("start", start, f"ENCOUNTER//START//{kind or 'UNKNOWN'}"))
    found.append(("end", end, f"ENCOUNTER//END//{kind or 'UNKNOWN'}"))
    if start is None and len(found) > 2:
        raise FieldError("period.start", "no time")
    events = tuple(
        Event(subject, time, None, code, None, None, None, name, key("Encounter", name, slot))
        for slot, time, code in found
        if time is not None
    )
    facts = Facts(events, retracted=all_keys("Encounter", name) if is_revision(resource) else ())
    return facts, Encounter(name, subject, start, end, kind)


def _class(resource: Json) -> str | None:
    """Return the class code: a Coding in R4, CodeableConcepts in R5."""
    found = resource.get("class")
    if isinstance(found, list):
        found = ((found or [{}])[0].get("coding") or [{}])[0]
    return (found or {}).get("code")


def _reasons(resource: Json, scope: Scope) -> list[tuple[str, str]]:
    found = []
    for slot, column in (("type", "type"), ("reason", "reasonCode")):
        concepts = resource.get(column) or ()
        if len(concepts) > MOST_PARTS:
            raise FieldError(column, f"more than {MOST_PARTS} codes")
        for index, concept in enumerate(concepts):
            found.append((f"{slot}/{index}", fhir.concept_code(concept, column, scope.source.book)))
    return found
