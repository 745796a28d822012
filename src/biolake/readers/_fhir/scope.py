"""What references of a resource point to: in its bundle, in the source, or nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from biolake.core.keys import row_key
from biolake.core.spool import Spool
from biolake.readers._codes import CodeBook
from biolake.readers._fhir.values import FieldError, Json
from biolake.readers._rows import Withdrawals

# https://hl7.org/fhir/R4/references.html#literal
_REFERENCE = re.compile(
    r"(?:(?P<base>https?://[^?#]+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[^/?#|\s]+)"
    r"(?:/_history/[^/?#|\s]+)?(?:#.*)?"
)
_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?identifier=(?P<token>[^&]*)")
UNRESOLVABLE = "unresolvable reference"

Target = tuple[str, str]  # resource type, id


@lru_cache(maxsize=1 << 15)
def parse_reference(text: str) -> tuple[str, str, str] | None:
    """Return server, type and id of a relative or absolute reference."""
    match = _REFERENCE.fullmatch(text)
    return (match["base"] or "", match["type"], match["id"]) if match else None


@dataclass
class Source:
    """What all files of a source share. About 100 bytes for each identifier of a patient."""

    book: CodeBook = field(default_factory=CodeBook)
    withdrawals: Withdrawals = field(default_factory=Withdrawals)
    medications: dict[str, str] = field(default_factory=dict)
    identifiers: dict[int, str | None] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)
    server: str = ""
    spool: Spool | None = None  # where notes are kept until they are stored

    def same_server(self, base: str, column: str) -> None:
        """Refuse a second server: its ids are its own, and would join strangers."""
        self.server = self.server or base
        if base and base != self.server:
            raise FieldError(column, "reference to a second server")

    def knows(self, system: str, value: str, patient: str) -> None:
        """Note an identifier; one that two patients carry stands for nobody."""
        key = row_key(system, value)
        known = self.identifiers.setdefault(key, patient)
        if known != patient:
            self.identifiers[key] = None


@dataclass
class Scope:
    """A bundle (or a whole NDJSON source): the addresses of its entries, and the source."""

    source: Source
    urls: dict[str, Target] = field(default_factory=dict)
    missing: bool = False  # a reference that a later file may explain

    def target(self, reference: Json, column: str) -> Target:
        """Return type and id of what a Reference points to."""
        text = reference.get("reference")
        if text is None:
            identifier = reference.get("identifier") or {}
            return self._logical(identifier.get("system"), identifier.get("value"), column)
        if text in self.urls:
            return self.urls[text]
        parsed = parse_reference(text)
        if parsed:
            base, kind, name = parsed
            self.source.same_server(base, column)
            return kind, name
        match = _CONDITIONAL.fullmatch(text)
        if match and match["type"] == "Patient":
            system, _, value = match["token"].rpartition("|")
            return self._logical(system, value, column)
        raise FieldError(column, UNRESOLVABLE)

    def _logical(self, system: object, value: object, column: str) -> Target:
        if not isinstance(value, str):
            raise FieldError(column, "reference without an address")
        key = row_key(system or "", value)
        if key not in self.source.identifiers:
            self.missing = True
            raise FieldError(column, UNRESOLVABLE)
        patient = self.source.identifiers[key]
        if patient is None:
            raise FieldError(column, "identifier of more than one patient")
        return "Patient", patient

    def subject(self, resource: Json) -> Target:
        """Return whom a resource is about; not always a patient."""
        column = "patient" if "patient" in resource else "subject"
        reference = resource.get(column)
        if not reference:
            raise FieldError(column, "no subject")
        kind, name = self.target(reference, column)
        if kind == "Patient" and name not in self.source.subjects:
            self.missing = True
        return kind, name

    def encounter(self, resource: Json) -> str | None:
        """Return the encounter's id; one outside the bundle keeps the id it is called by."""
        reference: Json = resource.get("encounter") or resource.get("context") or {}
        several = reference.get("encounter")  # DocumentReference.context.encounter
        if isinstance(several, list) and len(several) == 1:
            reference = several[0]
        text = reference.get("reference")
        if not isinstance(text, str):
            return None
        if text not in self.urls and text.startswith("urn:"):
            return text.rpartition(":")[2]
        kind, name = self.target(reference, "encounter")
        return name if kind == "Encounter" else None
