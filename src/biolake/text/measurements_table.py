"""What is measured, and in what units it is plausible, from the shipped table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from biolake.text.dictionary_terms import data_rows
from biolake.text.measurements_values import Range


@dataclass(frozen=True)
class Measure:
    """One thing that is measured; `out_of` is what may follow the value: 10 in `7/10`."""

    name: str
    description: str
    loinc: str
    ranges: tuple[Range, ...]
    out_of: str = ""


@cache
def measures() -> tuple[Measure, ...]:
    """Return what is measured, in the table's order."""
    return tuple(
        Measure(
            row["name"],
            row["description"],
            row["loinc"],
            tuple(_range(said) for said in row["units"].split("|")),
            row["of"],
        )
        for row in data_rows("measurements.csv")
    )


def _range(said: str) -> Range:
    unit, low, high = said.split(" ")
    return Range(unit, float(low), float(high))
