"""Units as UCUM codes: many spellings of one unit become one, and nothing is guessed.

`units.csv` lists the spellings; a unit it does not know is kept as it was written.
Source of the codes: The Unified Code for Units of Measure, version 2.2.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def spellings() -> dict[str, str]:
    """Return spelling → UCUM code, as shipped."""
    text = files("biolake.core").joinpath("units.csv").read_text(encoding="utf-8")
    return {row["spelling"]: row["ucum"] for row in csv.DictReader(text.splitlines())}


def to_ucum(unit: str) -> str:
    """Return the UCUM code of a unit's spelling; a spelling nobody listed stays as it is."""
    known = spellings()
    return known.get(unit) or known.get(unit.strip().lower()) or unit
