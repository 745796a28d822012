"""The codes of a source: short vocabulary names, and what each code means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

import pyarrow as pa

from biolake.core import schema

# Code system URIs (HL7 Terminology, "External Code Systems") and OIDs → the short name used here.
_SYSTEMS = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "urn:oid:2.16.840.1.113883.6.88": "RXNORM",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "urn:oid:2.16.840.1.113883.12.292": "CVX",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD10",
    "http://hl7.org/fhir/sid/icd-10-pcs": "ICD10PCS",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
    "urn:oid:2.16.840.1.113883.6.4": "ICD10PCS",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "ICD10GM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://terminology.hl7.org/CodeSystem/icd9": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
    "http://terminology.hl7.org/CodeSystem/icd9cm": "ICD9PROC",
    "urn:oid:2.16.840.1.113883.6.104": "ICD9PROC",
    "http://www.ama-assn.org/go/cpt": "CPT4",
    "urn:oid:2.16.840.1.113883.6.12": "CPT4",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "urn:oid:2.16.840.1.113883.6.285": "HCPCS",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "urn:oid:2.16.840.1.113883.6.69": "NDC",
    "http://www.whocc.no/atc": "ATC",
    "http://fhir.de/CodeSystem/bfarm/atc": "ATC",
    "http://fhir.de/CodeSystem/bfarm/ops": "OPS",
    "https://dmd.nhs.uk": "DMD",
    "http://fdasis.nlm.nih.gov": "UNII",
    "http://unitsofmeasure.org": "UCUM",
    "http://terminology.hl7.org/CodeSystem/icd-o-3": "ICDO3",
    "http://dicom.nema.org/resources/ontology/DCM": "DCM",
    "urn:oid:2.16.840.1.113883.6.238": "CDCREC",
}
STANDARD = frozenset(_SYSTEMS.values())
_OWN_NAME = ("http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/")
_TEXT_CODE_LENGTH = 100


@lru_cache(maxsize=4096)
def vocabulary(system: str) -> str:
    """Return the short name of a code system.

    An unknown system is called by the last part of its URI. Outside HL7's own namespaces four
    digits of a hash of the whole URI follow, for two vendors may both end in `/codes`.
    """
    uri = system.strip().rstrip("/")
    known = _SYSTEMS.get(uri)
    if known:
        return known
    if uri.startswith("http://snomed.info/sct/"):
        return "SNOMED"
    if uri.startswith("urn:oid:"):
        return "OID-" + uri.removeprefix("urn:oid:")
    last = re.sub(r"[^A-Z0-9._-]+", "-", re.split(r"[/:#|]", uri)[-1].upper())
    return last if uri.startswith(_OWN_NAME) else f"{last}-{_digits(uri, 4)}"


def _digits(text: str, count: int) -> str:
    return hashlib.blake2b(text.encode()).hexdigest()[:count]


def text_code(text: str) -> str:
    """Return the code of a concept that has words only; long words are cut and told by a hash."""
    words = " ".join(text.split())
    if len(words) > _TEXT_CODE_LENGTH:
        words = f"{words[:_TEXT_CODE_LENGTH]}~{_digits(words, 8)}"
    return f"TEXT//{words}"


def sex(word: str) -> str:
    """Return `GENDER//` and one letter (M, F, O, U), or the source's word when it is another."""
    letters = {"MALE": "M", "FEMALE": "F", "OTHER": "O", "UNKNOWN": "U"}
    return "GENDER//" + letters.get(word.strip().upper(), word.strip().upper())


class CodeBook:
    """Collect description and parents of the codes met; hand each news out once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str | None, dict[str, None]]] = {}
        self._news: dict[str, None] = {}

    def add(self, code: str, description: str | None, parents: Iterable[str] = ()) -> str:
        """Note a code and return it; the first description stays, parents are joined."""
        known = self._known.get(code)
        if known is None:
            if not isinstance(description, str | None):
                raise TypeError("a description is text")
            self._known[code] = (description, dict.fromkeys(parents))
            self._news[code] = None
            return code
        if known[0] is None and description:
            known = self._known[code] = (description, known[1])
            self._news[code] = None
        for parent in parents:
            if parent not in known[1]:
                known[1][parent] = None
                self._news[code] = None
        return code

    def drain(self) -> pa.Table | None:
        """Return the codes that are new or changed since the last call."""
        rows = [(code, *self._known[code]) for code in self._news]
        self._news = {}
        if not rows:
            return None
        code, description, parents = zip(*rows, strict=True)
        columns = [code, description, [list(each) or None for each in parents]]
        return pa.Table.from_arrays(
            [
                pa.array(values, field.type)
                for values, field in zip(columns, schema.MAPPED_CODES, strict=True)
            ],
            schema=schema.MAPPED_CODES,
        )
