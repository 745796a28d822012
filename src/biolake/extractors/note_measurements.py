"""Vital signs, laboratory values, scores, sizes and stages that notes tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import batch_extractor
from biolake.core.installed import require
from biolake.core.media import Opened

if TYPE_CHECKING:
    from biolake.text.spans import Facts

CODE = "NOTE_MEASUREMENT//"
_PRESSURES = (
    ("systolic_blood_pressure", "Systolic blood pressure", "8480-6"),
    ("diastolic_blood_pressure", "Diastolic blood pressure", "8462-4"),
)


def _codes() -> tuple[FoundCode, ...]:
    from biolake.text.measurements_table import measures

    described = partial("{}, as the note tells it".format)
    found = [
        FoundCode(f"{CODE}{one.name}", described(one.description), one.ranges[0].unit,
                  (f"LOINC//{one.loinc}",))
        for one in measures()
        if one.name != "blood_pressure"
    ]  # fmt: skip
    found += [
        FoundCode(f"{CODE}{name}", described(text), "mm[Hg]", (f"LOINC//{loinc}",))
        for name, text, loinc in _PRESSURES
    ]
    found.append(FoundCode(f"{CODE}size", "Size of a finding: its largest dimension", "cm"))
    found.append(FoundCode(f"{CODE}tnm", "TNM stage, as text", ""))
    return tuple(found)


@batch_extractor("Measurements in notes", needs="note", version="2", codes=_codes(), extra="notes")
def note_measurements(opened: Sequence[Opened]) -> Measured:
    """Find vital signs, laboratory values, scores, sizes and TNM stages with their units.

    A value becomes an event where it is of the patient, now, and told in one way: ranges (30-35 %)
    and limits (< 5) come as text without a value. Goals, values of urine and other fluids, and
    those of the past or of relatives are spans only. Units are UCUM; nothing is converted.
    """
    require("notes", "numba", to="read notes")
    from biolake.text.measurements import measurements
    from biolake.text.spans import Columns, Facts, Notes, measured, words

    notes = Notes.among(opened)
    found = measurements(notes.run)
    said = words(notes.contexts(found.item, found.start, found.end))
    # A negation before a value is of what stands beside it: "no fever, temperature 37.2".
    said["assertion"] = [
        "hypothetical" if "goal" in about or word == "hypothetical" else "affirmed"
        for word, about in zip(said["assertion"], found.attributes, strict=True)
    ]
    said["temporality"] = [
        "historical" if "dated" in about else word
        for word, about in zip(said["temporality"], found.attributes, strict=True)
    ]
    codes: list[str | None] = [f"{CODE}{name}" for name in found.name]
    columns = Columns(found.item, found.start, found.end, codes, found.value, found.unit,
                      found.attributes)  # fmt: skip
    facts = Facts(notes)
    for row in range(len(found)):
        if _is_fact({name: column[row] for name, column in said.items()}, found.attributes[row]):
            _add(facts, found.item[row], str(codes[row]), found.value[row], found.unit[row],
                 found.attributes[row])  # fmt: skip
    return measured(facts, columns.table(notes, "measurement", said))


def _is_fact(said: Mapping[str, str], about: Mapping[str, Any]) -> bool:
    return (
        said["assertion"] == "affirmed"
        and said["temporality"] == "recent"
        and said["experiencer"] == "patient"
        and "specimen" not in about
    )


def _add(
    facts: Facts,
    item: int,
    code: str,
    value: float | None,
    unit: str | None,
    about: Mapping[str, Any],
) -> None:
    """Add what is told for sure: a value with its unit, or a range, limit or stage as text."""
    if value is not None:
        facts.add(item, code, value, unit, None)
    elif about.get("low") is not None:
        facts.add(item, code, None, unit, f"{about['low']:g}-{about['high']:g}")
    elif about.get("limit") is not None:
        facts.add(item, code, None, unit, f"{about['comparator']} {about['limit']:g}")
    elif "t" in about:
        stage = "".join(f"{part.upper()}{about[part]}" for part in "tnm" if part in about)
        facts.add(item, code, None, None, f"{about.get('prefix', '')}{stage}")
