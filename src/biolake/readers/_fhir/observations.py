"""FHIR R4 observations and their components made into events."""

from __future__ import annotations

from biolake.readers._fhir import values as fhir
from biolake.readers._fhir.resources import (
    MOST_PARTS,
    NO_VALUE,
    OBSERVATION,
    Facts,
    Value,
    all_keys,
    is_revision,
    key,
    why_not,
)
from biolake.readers._fhir.scope import Scope
from biolake.readers._fhir.values import FieldError, Json
from biolake.readers._rows import Event

TIMES = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued")
_PLAIN = ("valueString", "valueTime", "valueDateTime")
_NOT_READ = ("valueSampledData", "valueAttachment", "valueReference")


def read_observation(resource: Json, name: str, scope: Scope) -> Facts:
    """Return one event for an observation's value, and one for each component that has a value."""
    reason = why_not(resource, *OBSERVATION)
    if reason:
        return Facts(skipped=reason, retracted=all_keys("Observation", name))
    about, subject = scope.subject(resource)
    if about != "Patient":
        return Facts(skipped="Observation: not about a single patient")
    start, end = fhir.when(resource, TIMES)
    if start is None:
        raise FieldError(TIMES[0], "no time")
    encounter = scope.encounter(resource)
    events = tuple(
        Event(subject, start, end, code, *value, encounter, key("Observation", name, slot))
        for slot, code, value in _measured(resource, scope)
    )
    if not events:
        return Facts(skipped=_why_empty(resource), retracted=all_keys("Observation", name))
    return Facts(events, retracted=all_keys("Observation", name) if is_revision(resource) else ())


def _measured(resource: Json, scope: Scope) -> list[tuple[str, str, Value]]:
    """Return slot, code and value of all that was measured; a panel of parts is its parts."""
    parts = resource.get("component") or ()
    if len(parts) > MOST_PARTS:
        raise FieldError("component", f"more than {MOST_PARTS} components")
    code = fhir.concept_code(resource.get("code") or {}, "code", scope.source.book)
    value = _value(resource)
    found = []
    if value is not None and (value != NO_VALUE or not parts):
        found.append(("", code, value))
    for index, part in enumerate(parts):
        value = _value(part)
        if value is not None and value != NO_VALUE:
            column = "component.code"
            code = fhir.concept_code(part.get("code") or {}, column, scope.source.book)
            found.append((f"component/{index}", code, value))
    return found


def _value(holder: Json) -> Value | None:
    """Return number, text and unit of value[x]; None when it is absent or of no readable kind."""
    if "valueQuantity" in holder:
        found = fhir.quantity(holder["valueQuantity"], "valueQuantity")
        return found if found[0] is not None else None
    if "valueInteger" in holder:
        return fhir.decimal(holder["valueInteger"], "valueInteger"), None, None
    text = _text(holder)
    if text is not None:
        return None, text, None
    known = any(name in holder for name in _NOT_READ) or "dataAbsentReason" in holder
    return None if known else NO_VALUE


def _text(holder: Json) -> str | None:
    if "valueCodeableConcept" in holder:
        return fhir.concept_words(holder["valueCodeableConcept"])
    if "valueBoolean" in holder:
        if not isinstance(holder["valueBoolean"], bool):
            raise FieldError("valueBoolean", "neither true nor false")
        return "true" if holder["valueBoolean"] else "false"
    if "valueRange" in holder:
        ends = [holder["valueRange"].get(end) or {} for end in ("low", "high")]
        return " - ".join(_amount(end) for end in ends)
    if "valueRatio" in holder:
        parts = [holder["valueRatio"].get(part) or {} for part in ("numerator", "denominator")]
        return " : ".join(_amount(part) for part in parts)
    if "valuePeriod" in holder:
        period = holder["valuePeriod"]
        return f"{period.get('start') or ''} / {period.get('end') or ''}"
    return next((holder[name] for name in _PLAIN if name in holder), None)


def _amount(value: Json) -> str:
    if value.get("value") is None:
        return ""
    number, bound, unit = fhir.quantity(value, "value")
    return " ".join(filter(None, [bound or f"{number:g}", unit]))


def _why_empty(resource: Json) -> str:
    holders = [resource, *(resource.get("component") or ())]
    if any(name in holder for holder in holders for name in _NOT_READ):
        return "Observation: value of a kind not read (samples, attachment)"
    return "Observation: no value (data absent)"
