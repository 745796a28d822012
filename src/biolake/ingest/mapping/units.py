"""The SQL that renames units and converts the values of codes reported in several units."""

from __future__ import annotations

from biolake.core.units import spellings, to_ucum
from biolake.ingest.mapping.definition import Conversion, Mapping
from biolake.ingest.mapping.engine import quoted


def renamed(unit: str, mapping: Mapping) -> str:
    """Return the unit's SQL with the mapping's own names replaced by UCUM."""
    cases = "".join(f" WHEN {quoted(raw)} THEN {quoted(ucum)}" for raw, ucum in mapping.units)
    return f"(CASE {unit}{cases} ELSE {unit} END)" if cases else unit


def applies_to(rule: Conversion, value: str, unit: str, code: str, mapping: Mapping) -> str:
    """Return the SQL of whether a conversion applies: units are compared by their UCUM code."""
    return f"""({value} IS NOT NULL AND ({unit} = {quoted(rule.from_unit)}
        OR {_is_unit(renamed(unit, mapping), rule.from_unit, mapping)})
        AND regexp_matches({code}, {quoted(rule.codes)}))"""


def _is_unit(name: str, wanted: str, mapping: Mapping) -> str:
    """Return the SQL of whether `to_ucum` makes a renamed unit the same as the one wanted."""
    ucum = to_ucum(dict(mapping.units).get(wanted, wanted))
    known = spellings()
    exact = sorted({ucum, *(text for text, code in known.items() if code == ucum)})
    low = [text for text in exact if known.get(text) == ucum and text == _low(text)]
    if not low:
        return f"{name} IN {_list(exact)}"
    # Spelled exactly so it is another unit, though in lower case it is this one.
    other = [text for text, code in known.items() if _low(text) in low and code != ucum]
    unlike = f"{name} NOT IN {_list(other)} AND " if other else ""
    return f"({name} IN {_list(exact)} OR {unlike}lower(trim({name})) IN {_list(low)})"


def _low(text: str) -> str:
    return text.strip().lower()


def _list(texts: list[str]) -> str:
    return f"({', '.join(quoted(text) for text in texts)})"


def converted(value: str, unit: str, code: str, mapping: Mapping) -> tuple[str, str]:
    """Return the SQL of value and unit after the conversions that name the code and the unit."""
    name = renamed(unit, mapping)
    values, units = "", ""
    for rule in mapping.conversions:
        applies = f"WHEN {applies_to(rule, value, unit, code, mapping)} THEN"
        values += f" {applies} {value} * {rule.scale!r}::DOUBLE + {rule.offset!r}::DOUBLE"
        units += f" {applies} {quoted(rule.to_unit)}"
    if not values:
        return value, name
    return f"(CASE {values} ELSE {value} END)", f"(CASE {units} ELSE {name} END)"
