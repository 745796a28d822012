"""FHIR R4 clinical resources made into events; one table says how each type is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from biolake.core.keys import row_key
from biolake.readers._fhir import values as fhir
from biolake.readers._fhir.notes import FormattedNote, Whose, read_notes, withdrawn_notes
from biolake.readers._fhir.scope import Scope
from biolake.readers._fhir.values import FieldError, Json
from biolake.readers._rows import Event

Value = tuple[float | None, str | None, str | None]  # number, text, unit

ENTERED_IN_ERROR = "entered in error"
NO_VALUE: Value = (None, None, None)
# Parts of one resource (components, reasons) that a withdrawal takes back beside the whole.
MOST_PARTS = 32


@dataclass(frozen=True)
class Facts:
    """What one resource gives: events, or the reason why it gives none; keys it takes back."""

    events: tuple[Event, ...] = ()
    skipped: str = ""
    retracted: tuple[int, ...] = ()
    notes: tuple[FormattedNote, ...] = ()
    left: tuple[str, ...] = ()  # notes that are left out: why


def key(kind: str, name: str, slot: str = "") -> int:
    """Return the row key of one slot of a resource: a later version fills the same slots."""
    return row_key("fhir", kind, name, slot)


def all_keys(kind: str, name: str) -> tuple[int, ...]:
    """Return the keys of every event that a resource may ever have given."""
    fixed: tuple[str, ...] = ("",)
    parts: tuple[str, ...] = ("component",) if kind == "Observation" else ()
    if kind == "Encounter":
        parts, fixed = ("type", "reason"), ("start", "end")
    slots = [*fixed, *(f"{part}/{index}" for part in parts for index in range(MOST_PARTS))]
    return tuple(key(kind, name, slot) for slot in slots)


def is_revision(resource: Json) -> bool:
    """Say whether a resource calls itself a later version, so that parts may have gone."""
    version = str((resource.get("meta") or {}).get("versionId") or "")
    later = version.isdecimal() and int(version[:9]) > 1
    return later or resource.get("status") in ("amended", "corrected", "appended")


def _medication(resource: Json, scope: Scope) -> str:
    concept = resource.get("medicationCodeableConcept")
    if concept:
        return fhir.concept_code(concept, "medicationCodeableConcept", scope.source.book)
    reference = resource.get("medicationReference") or {}
    text, column = reference.get("reference"), "medicationReference"
    if text and text.startswith("#"):
        inside = [each for each in resource.get("contained") or () if each.get("id") == text[1:]]
        if inside:
            return fhir.concept_code(inside[0].get("code") or {}, column, scope.source.book)
    elif text:
        kind, name = scope.target(reference, column)
        code = scope.source.medications.get(name) if kind == "Medication" else None
        if code:
            return code
        scope.missing = True
    return fhir.concept_code({"text": reference.get("display")}, column, scope.source.book)


def _coded(field: str) -> Callable[[Json, Scope], str]:
    return lambda resource, scope: fhir.concept_code(
        resource.get(field) or {}, field, scope.source.book
    )


def _document_type(resource: Json, scope: Scope) -> str:
    """Return the type of a document, else its category; R4 asks for neither."""
    book = scope.source.book
    for concept in (resource.get("type") or {}, *(resource.get("category") or ())):
        with suppress(FieldError):
            return fhir.concept_code(concept, "type", book)
    return book.add("DOCUMENT//untyped", "a document of which the source does not say the type")


def _certainty(resource: Json) -> Value:
    """Keep how sure a diagnosis is, unless it is confirmed."""
    codings = (resource.get("verificationStatus") or {}).get("coding") or [{}]
    status = codings[0].get("code")
    return None, status if status != "confirmed" else None, None


def _dose_given(resource: Json) -> Value:
    dosage = resource.get("dosage") or {}
    if isinstance(dosage, list):  # MedicationStatement
        return _dose_asked({"dosageInstruction": dosage})
    number, bound, unit = fhir.quantity(dosage.get("dose") or {}, "dosage.dose")
    return number, dosage.get("text") or bound, unit


def _dose_asked(resource: Json) -> Value:
    """Return the dose of a single instruction; several have words only."""
    instructions = resource.get("dosageInstruction") or ()
    text = "; ".join(each["text"] for each in instructions if each.get("text")) or None
    doses = [dose for each in instructions for dose in each.get("doseAndRate") or ()]
    if len(instructions) != 1 or len(doses) != 1:
        return None, text, None
    asked = doses[0].get("doseQuantity") or {}
    number, bound, unit = fhir.quantity(asked, "dosageInstruction.doseAndRate.doseQuantity")
    return number, text or bound, unit


def _report(resource: Json) -> Value:
    return None, resource.get("conclusion") or None, None


@dataclass(frozen=True)
class Plan:
    """How a resource type becomes one event: its code, times, value and what its status means."""

    code: Callable[[Json, Scope], str]
    times: tuple[str, ...]
    facts: str  # statuses of a fact
    others: str  # statuses of no fact
    value: Callable[[Json], Value] = lambda _resource: NO_VALUE
    ends: tuple[str, ...] = ()


_DRUG_FACTS = "active completed stopped on-hold unknown"
_ORDERS = "dosageInstruction"
PLANS = {
    "Condition": Plan(
        _coded("code"),
        ("onsetDateTime", "onsetPeriod", "recordedDate"),
        "",
        "",
        _certainty,
        ends=("abatementDateTime", "abatementPeriod"),
    ),
    "AllergyIntolerance": Plan(
        _coded("code"), ("onsetDateTime", "onsetPeriod", "recordedDate"), "", "", _certainty
    ),
    "MedicationRequest": Plan(
        _medication, ("authoredOn",), _DRUG_FACTS, "cancelled draft", _dose_asked
    ),
    "MedicationStatement": Plan(
        _medication,
        ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
        _DRUG_FACTS,
        "intended not-taken",
        _dose_given,
    ),
    "MedicationAdministration": Plan(
        _medication,
        ("effectiveDateTime", "effectivePeriod"),
        "in-progress on-hold completed stopped unknown",
        "not-done",
        _dose_given,
    ),
    "MedicationDispense": Plan(
        _medication,
        ("whenHandedOver", "whenPrepared"),
        "in-progress on-hold completed stopped unknown",
        "preparation cancelled declined",
        _dose_asked,
    ),
    "Procedure": Plan(
        _coded("code"),
        ("performedDateTime", "performedPeriod"),
        "in-progress on-hold stopped completed unknown",
        "preparation not-done",
    ),
    "Immunization": Plan(
        _coded("vaccineCode"),
        ("occurrenceDateTime", "recorded"),
        "completed",
        "not-done",
        lambda resource: fhir.quantity(resource.get("doseQuantity") or {}, "doseQuantity"),
    ),
    "DiagnosticReport": Plan(
        _coded("code"),
        ("effectiveDateTime", "effectivePeriod", "issued"),
        "partial preliminary final amended corrected appended unknown",
        "registered cancelled",
        _report,
    ),
    "DocumentReference": Plan(_document_type, ("date",), "current", "superseded"),
}
OBSERVATION = "preliminary final amended corrected unknown", "registered cancelled"
ENCOUNTER = "arrived triaged in-progress onleave finished unknown", "planned cancelled"


def why_not(resource: Json, facts: str, others: str) -> str:
    """Return why a resource states no fact, by its status; a status nobody knows is an error."""
    kind, status = resource["resourceType"], resource.get("status")
    verified = (resource.get("verificationStatus") or {}).get("coding") or ()
    verification = next((each.get("code") for each in verified), None)
    if ENTERED_IN_ERROR.replace(" ", "-") in (status, verification, resource.get("docStatus")):
        return ENTERED_IN_ERROR
    if verification == "refuted":
        return f"{kind}: refuted"
    if resource.get("doNotPerform") is True:
        return f"{kind}: an order not to"
    if resource.get("intent") in ("proposal", "option"):
        return f"{kind}: a proposal, not an order"
    if status in others.split():
        return f"{kind}: {status}"
    if status is not None and facts and status not in facts.split():
        raise FieldError("status", "not a status of the standard")
    return ""


def read_plan(resource: Json, name: str, scope: Scope) -> Facts:
    """Return the one event of a resource whose type stands in `PLANS`."""
    kind = resource["resourceType"]
    plan = PLANS[kind]
    reason = why_not(resource, plan.facts, plan.others)
    if reason:
        gone = withdrawn_notes(kind, name, resource, scope)
        return Facts(skipped=reason, retracted=all_keys(kind, name), notes=gone)
    about, subject = scope.subject(resource)
    if about != "Patient":
        return Facts(skipped=f"{kind}: not about a single patient")
    code = plan.code(resource, scope)
    start, end = fhir.when(resource, plan.times)
    if start is None:
        raise FieldError(plan.times[0], "no time")
    if plan.ends:
        end = fhir.when(resource, plan.ends)[0]
    number, text, unit = plan.value(resource)
    encounter = scope.encounter(resource)
    event = Event(subject, start, end, code, number, text, unit, encounter, key(kind, name))
    notes, left = read_notes(resource, name, scope, Whose(subject, encounter, start))
    return Facts((event,), notes=notes, left=left)
