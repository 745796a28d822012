"""How a value is written down: unit, code and number as one source records them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.items import ITEMS, OTHER_UNITS, item, uses_other_unit

if TYPE_CHECKING:
    from biolake.testing.hospital.histories import History
    from biolake.testing.hospital.measurements import Measurements

UCUM = {"mmHg": "mm[Hg]", "bpm": "/min", "insp/min": "/min", "K/uL": "10*3/uL"}


@dataclass(frozen=True)
class Recorded:
    """Measurements of one site with the number, unit and codes of its source."""

    measured: Measurements
    value: np.ndarray
    unit: np.ndarray
    loinc: np.ndarray
    mimic: np.ndarray
    concept: np.ndarray

    def take(self, rows: np.ndarray) -> Recorded:
        """Keep these rows."""
        return Recorded(
            *(
                getattr(self, f.name)[rows] if f.name != "measured" else self.measured.take(rows)
                for f in fields(self)
            )
        )


def record(history: History, site: int, source: str) -> Recorded:
    """Select a site's measurements and convert them to the units it keeps."""
    at = history.site_of(history.measurements.encounter, history.measurements.subject)
    found = history.measurements.take(at == site)
    index = history.people.index[found.subject]
    value = found.value.copy()
    unit = np.array([i.unit for i in ITEMS], object)[found.item]
    loinc = np.array([i.loinc for i in ITEMS], object)[found.item]
    mimic = np.array([i.mimic for i in ITEMS])[found.item]
    concept = np.array([i.concept for i in ITEMS])[found.item]
    for name, other in OTHER_UNITS[source].items():
        rows = (found.item == item(name)) & uses_other_unit(index, other.share)
        value[rows] = np.round(value[rows] * other.factor + other.offset, other.decimals)
        unit[rows] = other.unit
        loinc[rows] = other.loinc or ITEMS[item(name)].loinc
        mimic[rows] = other.mimic
        concept[rows] = other.concept or ITEMS[item(name)].concept
    if source != "mimic":
        unit = np.array([UCUM.get(u, u) for u in unit], object)
    return Recorded(found, value, unit, loinc, mimic, concept)


def numbers(values: np.ndarray) -> list[str]:
    """Write numbers without a trailing '.0'."""
    return [f"{v:g}" if abs(v) < 1e5 else f"{v:.0f}" for v in np.round(values, 3).tolist()]
