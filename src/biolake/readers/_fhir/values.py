"""FHIR R4 data types, read strictly: a value that is not what the standard says is an error."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from biolake.core.bounds import is_sayable, is_storable
from biolake.readers._codes import STANDARD, CodeBook, text_code, vocabulary

Json = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# https://hl7.org/fhir/R4/datatypes.html#dateTime; seconds are optional here.
_DATE_TIME = re.compile(
    r"([0-9]{4})(-[0-9]{2})?(-[0-9]{2})?"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)


class FieldError(Exception):
    """One field of a resource cannot be read; names the field and the reason, never the value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


def instant(value: object, column: str) -> int | None:
    """Return microseconds since 1970 in UTC of a date, dateTime or instant.

    A day counts from its midnight, a month or a year from its first day: the partial dates of the
    standard keep no mark of their precision here.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldError(column, "not a date")
    try:
        return _microseconds(value)
    except ValueError as error:
        raise FieldError(column, str(error)) from None


@lru_cache(maxsize=1 << 16)
def _microseconds(text: str) -> int:
    match = _DATE_TIME.fullmatch(text)
    if not match:
        raise ValueError("unreadable date")
    year, month, day, clock, _seconds, _fraction, zone = match.groups()
    if (clock and not day) or (zone and not clock) or (day and not month):
        raise ValueError("unreadable date")
    if clock and not zone:
        raise ValueError("time without a zone offset")
    try:
        moment = datetime.fromisoformat(
            f"{year}{month or '-01'}{day or '-01'}{clock or 'T00:00'}{zone or 'Z'}"
        )
    except ValueError:
        raise ValueError("unreadable date") from None
    since = moment - _EPOCH
    total = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not is_sayable(total):  # its offset leads out of the years 1 to 9999
        raise ValueError("unreadable date")
    return total


def period(value: Json, column: str) -> tuple[int | None, int | None]:
    """Return start and end of a Period; one that has only an end happened then."""
    start = instant(value.get("start"), f"{column}.start")
    end = instant(value.get("end"), f"{column}.end")
    return (end, None) if start is None else (start, end)


def when(resource: Json, names: tuple[str, ...]) -> tuple[int | None, int | None]:
    """Return start and end of the first of the named fields that says a time."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, dict):
            value = value.get("event", [None])[0] if "Timing" in name else value
        if value is None:
            continue
        found = period(value, name) if isinstance(value, dict) else (instant(value, name), None)
        if found[0] is not None:
            return found
    return None, None


def concept_code(concept: Json, column: str, book: CodeBook) -> str:
    """Return the code of a CodeableConcept and note it: a standard vocabulary's, else the first.

    The other codings become its parents. A concept of words only is `TEXT//<words>`.
    """
    found: dict[str, str | None] = {}
    chosen = ""
    for coding in concept.get("coding") or ():
        name = coding_code(coding)
        if not name:
            continue
        found.setdefault(name, coding.get("display"))
        if not chosen and name.partition("//")[0] in STANDARD:
            chosen = name
    words = _words(concept)
    if not found:
        if not words:
            raise FieldError(column, "no code")
        return book.add(text_code(words), words)
    chosen = chosen or next(iter(found))
    return book.add(chosen, found.pop(chosen) or concept.get("text"), found)


def coding_code(coding: Json) -> str:
    """Return `VOCABULARY//code` of a Coding, or nothing when it has no code."""
    code = coding.get("code")
    if not isinstance(code, str) or not code.strip():
        return ""
    system = coding.get("system")
    return f"{vocabulary(system) if system else 'LOCAL'}//{code.strip()}"


def _words(concept: Json) -> str:
    words = concept.get("text") or ""
    for coding in concept.get("coding") or ():
        words = words or coding.get("display") or ""
    return words.strip()


def concept_words(concept: Json) -> str | None:
    """Return what a CodeableConcept says, in words if it has any, else its first code."""
    codings = concept.get("coding") or ()
    display = next((each["display"] for each in codings if each.get("display")), None)
    code = next((coding_code(each) for each in codings), None)
    return concept.get("text") or display or code


def quantity(value: Json, column: str) -> tuple[float | None, str | None, str | None]:
    """Return number, text and unit; a bound such as `<5` is also kept as text."""
    unit = value.get("code") if vocabulary(value.get("system") or "") == "UCUM" else None
    unit = unit or value.get("unit") or value.get("code")
    if value.get("value") is None:
        return None, None, unit
    number = decimal(value["value"], f"{column}.value")
    comparator = value.get("comparator")
    return number, f"{comparator}{value['value']}" if comparator else None, unit


def decimal(value: object, column: str) -> float:
    """Return a number that can be stored."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(column, "not a number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not is_storable(number):
        raise FieldError(column, "number out of range")
    return number


def attachment_bytes(attachment: Json, column: str) -> bytes | None:
    """Return the inline bytes of an Attachment, or nothing when it has none."""
    data = attachment.get("data")
    if data is None:
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise FieldError(f"{column}.data", "not base64") from None


def charset(attachment: Json) -> str:
    """Return the charset that an Attachment declares, or nothing."""
    found = _CHARSET.search(attachment.get("contentType") or "")
    return found.group(1) if found else ""
