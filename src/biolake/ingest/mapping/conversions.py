"""Tries the conversions of a mapping on the first rows: one that meets no unit does nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from biolake.ingest.mapping.definition import Conversion, Mapping
from biolake.ingest.mapping.engine import quoted
from biolake.ingest.mapping.plan import Planner
from biolake.ingest.mapping.units import applies_to
from biolake.ingest.mapping.values import Values

TRIED_ROWS = 100_000
_MOST_UNITS = 10


@dataclass
class Conversions:
    """Which conversions applied to some row, and the units of the codes that each names."""

    mapping: Mapping
    used: set[int] = field(default_factory=set)
    units: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def try_on(self, planner: Planner) -> None:
        """Try every conversion on the first rows of a table's file."""
        if not self.mapping.conversions:
            return
        values = planner.values(planner.relation())
        values.add_all(list(planner.outputs(values)))
        for place, rule in enumerate(planner.table.events):
            if rule.unit and rule.numeric_value:
                self._try(values, place)

    def _try(self, values: Values, place: int) -> None:
        value, unit, code = (values.sql[f"{n}{place}"] for n in ("numeric_value", "unit", "code"))
        for number, rule in enumerate(self.mapping.conversions):
            applies = applies_to(rule, value, unit, code, self.mapping)
            named = f"({value} IS NOT NULL AND regexp_matches({code}, {quoted(rule.codes)}))"
            sample = (
                f"SELECT {applies} AS applies, CASE WHEN {named} THEN {unit} END AS met"  # noqa: S608 - checked before
                f" FROM {values.rows} LIMIT {TRIED_ROWS}"
            )
            query = f"SELECT bool_or(applies), list(DISTINCT met) FROM ({sample})"  # noqa: S608 - checked before
            try:
                applied, met = values.connection.execute(query).fetchone() or (False, None)
            except duckdb.Error:
                # An expression fails on some value past the rows of the dry run: nothing is known.
                self.used.add(number)
                continue
            if applied:
                self.used.add(number)
            self.units[number].update(met or ())

    def unused(self) -> Iterator[tuple[Conversion, list[str]]]:
        """Yield the conversions that never applied, and some units that their codes have."""
        for number, rule in enumerate(self.mapping.conversions):
            if number not in self.used:
                yield rule, sorted(unit for unit in self.units[number] if unit)[:_MOST_UNITS]
