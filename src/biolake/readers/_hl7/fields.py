"""HL7 v2 fields that mean something by themselves: codes, identifiers, results."""

from __future__ import annotations

import re
from typing import NamedTuple

from biolake.core.bounds import is_storable
from biolake.readers._codes import STANDARD, CodeBook, text_code
from biolake.readers._hl7.text import FieldError, Segment
from biolake.readers._rows import Person, is_placeholder, social_security

Value = tuple[float | None, str | None]

_NUMBER = re.compile(r"([<>]=?|=)?\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
# HL7 table 0396 → the vocabulary names all readers use.
_SYSTEMS = {
    "LN": "LOINC",
    **dict.fromkeys(("SCT", "SNM3"), "SNOMED"),
    **dict.fromkeys(("I10", "I10C", "ICD10", "ICD-10-CM", "ICD10CM"), "ICD10CM"),
    **dict.fromkeys(("I10P", "ICD10PCS", "ICD-10-PCS"), "ICD10PCS"),
    **dict.fromkeys(("I9", "I9C", "I9CDX", "ICD9", "ICD-9-CM", "ICD9CM"), "ICD9CM"),
    **dict.fromkeys(("I9CP", "ICD9PROC"), "ICD9PROC"),
    **dict.fromkeys(("RXNORM", "RXN"), "RXNORM"),
    **dict.fromkeys(("C4", "CPT", "CPT4", "C5"), "CPT4"),
    **dict.fromkeys(("HPC", "HCPCS"), "HCPCS"),
    **dict.fromkeys(("", "L"), "LOCAL"),
}
_TEXT_TYPES = frozenset({"ST", "TX", "FT", "ID", "IS", "DT", "TS", "DTM", "TM", "SI"})
_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})
JOINED = frozenset({"TX", "FT"})


class Identifier(NamedTuple):
    """One CX: whose number, whose list, what kind."""

    value: str
    authority: str
    kind: str


def vocabulary(system: str) -> str:
    name = system.strip().upper()
    return _SYSTEMS.get(name, name)


def code_of(segment: Segment, number: int, book: CodeBook, system: str = "") -> str:
    """Return the code of a CE or CWE field: a standard vocabulary's if either coding has one."""
    parts = segment.parts(number, 6)
    found: dict[str, str] = {}
    for at in (0, 3):
        if parts[at]:
            found.setdefault(f"{vocabulary(parts[at + 2] or system)}//{parts[at]}", parts[at + 1])
    if not found:
        words = parts[1] or parts[4]
        if not words:
            raise FieldError(f"{segment.name}-{number}", "no code")
        return book.add(text_code(words), words)
    standard = (name for name in found if name.partition("//")[0] in STANDARD)
    chosen = next(standard, None) or next(iter(found))
    return book.add(chosen, found.pop(chosen) or parts[1] or parts[4] or None, found)


def identifiers(segment: Segment, number: int) -> list[Identifier]:
    """Return the identifiers of a CX field; those without a value are left out."""
    found = []
    for parts in segment.repeats(number):
        value, _check, _scheme, authority, kind = (parts + [""] * 5)[:5]
        if value and value != '""':
            found.append(Identifier(value, segment.sub(authority), kind))
    return found


def record_number(found: list[Identifier], column: str) -> Identifier:
    """Return what names the subject: the first medical record number, else the first."""
    if not found:
        raise FieldError(column, "no subject")
    return next((each for each in found if each.kind == "MR"), found[0])


def person(subject: str, identifier: Identifier) -> Person | None:
    """Return the row that ties an identifier to a subject, or nothing for a filler."""
    value, authority, kind = identifier
    if authority == "NATID":
        row = Person(subject, "urn:biolake:national-id", value, "global")
    elif kind == "SS" or authority == "USSSA":
        row = Person(subject, "us-ssn", social_security(value), "global")
    else:
        return Person(subject, f"hl7:{authority}", value, "site")
    return None if is_placeholder(value) else row


def result(segment: Segment) -> Value | None:
    """Return number and text of OBX-5 by its type OBX-2; None for a type that is not read."""
    kind = segment.first(2)
    if kind == "NM":
        return _number(segment.repeats(5))
    if kind == "SN":
        return _structured(segment.parts(5, 4))
    if kind in _CODED_TYPES:
        return None, "; ".join(_coded(parts) for parts in segment.repeats(5)) or None
    if kind in _TEXT_TYPES:
        lines = segment.raw(5).replace(segment.syntax.repetition, "\n")
        return None, segment.syntax.text(lines).strip() or None
    if not kind:
        raise FieldError("OBX-2", "no value type")
    return None


def _number(repeats: list[list[str]]) -> Value:
    """Return the number; a bound such as `<5` is also kept as text."""
    if len(repeats) != 1:
        raise FieldError("OBX-5", "more than one number")
    match = _NUMBER.fullmatch(repeats[0][0])
    number = float(match[2]) if match else float("nan")
    if not match or not is_storable(number):
        raise FieldError("OBX-5", "not a number")
    bound = match[1] if match[1] != "=" else None
    return number, f"{bound}{match[2]}" if bound else None


def _structured(parts: list[str]) -> Value:
    """Return an SN: a number, a bound, or as text a range, a ratio or a plus."""
    comparator, first, mark, second = parts[:4]
    if first and not mark and not second:
        return _number([[f"{comparator}{first}"]])
    text = f"{comparator if comparator != '=' else ''}{first}{mark}{second}"
    if not first or not text:
        raise FieldError("OBX-5", "not a structured number")
    return None, text


def _coded(parts: list[str]) -> str:
    parts = parts + [""] * (9 - len(parts))
    return parts[1] or parts[8] or parts[4] or parts[0]
