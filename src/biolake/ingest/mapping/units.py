"""The SQL that renames units and converts the values of codes reported in several units."""

from __future__ import annotations

from biolake.ingest.mapping.definition import Mapping
from biolake.ingest.mapping.engine import quoted


def renamed(unit: str, mapping: Mapping) -> str:
    """Return the unit's SQL with the mapping's own names replaced by UCUM."""
    cases = "".join(f" WHEN {quoted(raw)} THEN {quoted(ucum)}" for raw, ucum in mapping.units)
    return f"(CASE {unit}{cases} ELSE {unit} END)" if cases else unit


def converted(value: str, unit: str, code: str, mapping: Mapping) -> tuple[str, str]:
    """Return the SQL of value and unit after the conversions that name the code and the unit."""
    name = renamed(unit, mapping)
    values, units = "", ""
    for rule in mapping.conversions:
        given = quoted(rule.from_unit)
        applies = f"""WHEN {value} IS NOT NULL AND ({unit} = {given} OR {name} = {given})
            AND regexp_matches({code}, {quoted(rule.codes)}) THEN"""
        values += f" {applies} {value} * {rule.scale!r}::DOUBLE + {rule.offset!r}::DOUBLE"
        units += f" {applies} {quoted(rule.to_unit)}"
    if not values:
        return value, name
    return f"(CASE {values} ELSE {value} END)", f"(CASE {units} ELSE {name} END)"
