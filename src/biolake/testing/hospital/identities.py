"""The identifiers a subject carries at each kind of site."""

from __future__ import annotations

NATIONAL_SYSTEM = "urn:biolake:national-id"
NATIONAL_AUTHORITY = "NATID"


def national(index: int) -> str:
    """Return the national identifier (unique: a product modulo a prime)."""
    return f"N{(index + 1) * 48271 % 2147483647:010d}"


def fhir_patient(index: int) -> str:
    """Return the patient's resource id and record number at a FHIR site."""
    return f"F{index * 5 + 11:08d}"


def hl7_patient(index: int) -> str:
    """Return the patient's record number at an HL7 v2 site."""
    return f"H{index * 7 + 3:08d}"
