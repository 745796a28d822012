"""Work out one group of columns for a run of samples, and write it as a part of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake.retrieval.aggregates import Seen, aggregate
from biolake.retrieval.definition import Group
from biolake.retrieval.meeting import Meeting, Span, meet, span
from biolake.retrieval.past import Past


@dataclass(frozen=True)
class Wanted:
    """What a group looks for, by number of code: its item, -1 if none, and the unit it must have.

    `unit` is None where no value comes in another unit.
    """

    item: np.ndarray
    width: int
    unit: np.ndarray | None = None

    @staticmethod
    def of(
        names: Sequence[str],
        units: Sequence[str | None],
        codes: Sequence[str],
        unit_of: Mapping[str, str | None],
    ) -> Wanted:
        """Number the items of `codes`; `unit_of` tells the units, if values are to be left out."""
        numbers = {code: number for number, code in enumerate(names)}
        item = np.full(len(names), -1, dtype=np.int32)
        place = [numbers[code] for code in codes]
        item[place] = np.arange(len(codes))
        if not unit_of:
            return Wanted(item, len(codes))
        unit = np.full(len(names), -2, dtype=np.int32)
        known = {name: number for number, name in enumerate(units[:-1])}
        unit[place] = [-1 if (u := unit_of[c]) is None else known.get(u, -2) for c in codes]
        return Wanted(item, len(codes), unit)

    def of_past(self, past: Past) -> Past:
        """Return the events looked for, their codes numbered as items, without strange values."""
        item, value = self.item[past.code], past.value
        if self.unit is not None:
            value = np.where(past.unit == self.unit[past.code], value, np.float32(np.nan))
        found = replace(past, code=item, value=value)
        return found if (item >= 0).all() else found.take(item >= 0)


def group_part(
    group: Group, wanted: Wanted, past: Past, subject: np.ndarray, time: np.ndarray, start: int
) -> pa.Table:
    """Return the entries of a run of samples, given each one's subject and time, by (sample, item).

    `start` is the number of the first sample.
    """
    past = wanted.of_past(past)
    spans = [span(past, subject, time, window) for window in group.windows]
    met = meet(spans, past.code, wanted.width, group.each)
    columns: dict[str, pa.Array] = {
        "sample": pa.array((met.sample + start).astype(np.int32)),
        "item": pa.array(met.item.astype(np.int32)),
    }
    told = np.zeros(len(met), dtype=bool)
    for window, mine in zip(group.windows, spans, strict=True):
        seen = Seen(past, time[met.sample], met.row, met.event, window.cut)
        inside = _inside(met, mine, spans)
        seen = seen if inside is None else seen.where(inside)
        for name in group.aggregations:
            columns[f"{window.name}.{name}"], there = aggregate(name, seen)
            told |= there
    table = pa.table(columns)
    return table if told.all() else table.filter(pa.array(told))


def _inside(met: Meeting, mine: Span, spans: Sequence[Span]) -> np.ndarray | None:
    """Tell which meetings fall into one window; None if all do."""
    begin, end = (edge[met.sample] for edge in mine)
    inside = None
    if any((mine[0] > first).any() for first, _ in spans):
        inside = met.event >= begin[met.row]
    if any((mine[1] < last).any() for _, last in spans):
        before = met.event < end[met.row]
        inside = before if inside is None else inside & before
    return inside


def write_part(table: pa.Table, path: Path) -> None:
    """Write a part; its bytes follow from the table alone."""
    pq.write_table(
        table,
        path,
        compression="zstd",
        write_statistics=False,
        store_schema=False,
    )
