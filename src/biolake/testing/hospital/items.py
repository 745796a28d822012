"""Everything measured, and the second units that some sources keep values in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biolake.testing.hospital.laboratory import LABS
from biolake.testing.hospital.vital_signs import VITALS

if TYPE_CHECKING:
    import numpy as np

ITEMS = LABS + VITALS
_ROW = {item.name: row for row, item in enumerate(ITEMS)}


def item(name: str) -> int:
    """Find the row of an item by our name for it."""
    return _ROW[name]


@dataclass(frozen=True)
class OtherUnit:
    """A second unit that some of a source's subjects have their values in."""

    unit: str
    factor: float
    offset: float
    decimals: int
    share: float
    mimic: int = 0
    loinc: str = ""
    concept: int = 0


# mmol/L of glucose: 18.016 mg/dL; umol/L of creatinine: 1/88.42 mg/dL (IFCC molar masses).
OTHER_UNITS = {
    "mimic": {
        "glucose": OtherUnit("mmol/L", 1 / 18.016, 0, 2, 0.1, 52569),
        "temperature": OtherUnit("°F", 1.8, 32, 1, 1.0, 223761),
    },
    "omop": {
        "glucose": OtherUnit("mmol/L", 1 / 18.016, 0, 2, 1.0, loinc="14749-6", concept=3020491),
        "creatinine": OtherUnit("umol/L", 88.42, 0, 1, 1.0, loinc="14682-9", concept=3020564),
    },
    "fhir": {
        "glucose": OtherUnit("mmol/L", 1 / 18.016, 0, 2, 0.5, loinc="14749-6", concept=3020491),
        "hemoglobin": OtherUnit("g/L", 10, 0, 0, 0.3),
    },
    "hl7": {
        "creatinine": OtherUnit("umol/L", 88.42, 0, 1, 0.5, loinc="14682-9", concept=3020564),
        "temperature": OtherUnit("[degF]", 1.8, 32, 1, 0.5),
    },
}

# A format's source never runs these tests.
NOT_MEASURED = {"omop": ("crp",), "fhir": ("urea_nitrogen",), "hl7": ("platelets",), "mimic": ()}


def uses_other_unit(index: np.ndarray, share: float) -> np.ndarray:
    """Say which subjects a source measures in its second unit (a fixed hash of their index)."""
    return (index * 2654435761 >> 7) % 1000 < 1000 * share
