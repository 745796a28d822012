"""Raw quality counts of a load, taken while its rows pass by; thresholds come at reading."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np

from biolake.lake.building import Numbering
from biolake.lake.columns import NO_TIME, Block
from biolake.lake.intake import Intake
from biolake.lake.linkage import NO_ENCOUNTER
from biolake.lake.ordering import repeats

_DAY = 86_400_000_000

Row = tuple[str, str, int, int, str]  # check, item, count, total, detail


@cache
def plausible_ranges() -> dict[str, tuple[str, float, float]]:
    """Return code → (UCUM unit, lowest, highest) as shipped in `plausible.csv`."""
    text = files("biolake.lake").joinpath("plausible.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {r["code"]: (r["unit"], float(r["low"]), float(r["high"])) for r in rows}


@dataclass
class Measures:
    """Counts over the new rows of a load; `birth` and `death` are by registry number."""

    birth: np.ndarray
    death: np.ndarray
    encounters: np.ndarray  # sorted ids of every encounter known after the load
    by_source: Counter[tuple[str, int]] = field(default_factory=Counter)  # (check, origin) → rows
    rows: Counter[int] = field(default_factory=Counter)  # origin → rows
    units: Counter[tuple[int, int]] = field(default_factory=Counter)  # (code, unit) → values
    implausible: Counter[int] = field(default_factory=Counter)  # code → values
    _limits: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def learn(
        self, block: Block, births: Mapping[int, int], deaths: Mapping[int, int], *, anew: bool
    ) -> None:
        """Take in the births and deaths among a bucket's rows, corrections already settled.

        Where stored rows are written anew, what the lake knew of their subjects no longer counts.
        """
        subjects = np.unique(block.subject[block.subject < len(self.birth)])
        for known, noted in ((self.birth, births), (self.death, deaths)):
            if anew:
                known[subjects] = NO_TIME
            told = [n for n in subjects.tolist() if n in noted]
            times = np.array([noted[n] for n in told], dtype=np.int64)
            earlier = (known[told] == NO_TIME) | (times < known[told])
            known[np.array(told, dtype=np.int64)[earlier]] = times[earlier]

    def take(self, block: Block, hashes: np.ndarray, numbering: Numbering) -> None:
        """Count one bucket's new rows; `hashes` are their content hashes."""
        if not len(block):
            return
        self._add(self.rows, block.origin)
        self._count("duplicate events", block.origin, _later_equal(hashes))
        time, birth, death = block.time, self.birth[block.subject], self.death[block.subject]
        timed = time != NO_TIME
        self._count("before birth", block.origin, timed & (birth != NO_TIME) & (time < birth))
        # Deaths are often known to the day only: the rest of that day is not after death.
        end = np.where(death == NO_TIME, np.iinfo(np.int64).max, (death // _DAY + 1) * _DAY)
        self._count("after death", block.origin, timed & (time >= end))
        self._count("orphan encounters", block.origin, self._orphans(block.encounter))
        self._units(block)
        self._ranges(block, numbering)

    def table_rows(self, intake: Intake) -> list[Row]:
        """Return the counts as rows of the quality table."""
        rows: list[Row] = []
        checks = ("duplicate events", "before birth", "after death", "orphan encounters")
        for origin, total in sorted(self.rows.items()):
            source = intake.origins[origin].source
            rows += [(c, source, self.by_source[c, origin], total, "") for c in checks]
        return _merged(rows) + self._unit_rows(intake) + self._range_rows(intake)

    def _count(self, check: str, origin: np.ndarray, mask: np.ndarray) -> None:
        if mask.any():
            numbers, counts = np.unique(origin[mask], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                self.by_source[check, number] += count

    def _orphans(self, encounter: np.ndarray) -> np.ndarray:
        if not len(self.encounters):
            return np.zeros(len(encounter), dtype=bool)
        known = np.append(self.encounters, NO_ENCOUNTER)
        place = np.searchsorted(self.encounters, encounter).clip(max=len(self.encounters) - 1)
        return np.asarray((encounter != NO_ENCOUNTER) & (known[place] != encounter))

    def _units(self, block: Block) -> None:
        rows = (block.unit >= 0) & ~np.isnan(block.value)
        pairs = (block.code[rows].astype(np.int64) << 32) | block.unit[rows]
        for pair, count in zip(*(a.tolist() for a in _runs(pairs)), strict=True):
            self.units[pair >> 32, pair & 0xFFFFFFFF] += count

    def _ranges(self, block: Block, numbering: Numbering) -> None:
        if self._limits is None or len(self._limits[0]) != len(numbering.codes):
            self._limits = _limits(numbering)
        unit, low, high = self._limits
        if not (unit >= 0).any():
            return
        wanted = (block.unit == unit[block.code]) & (block.unit >= 0)
        rows = np.flatnonzero(wanted)
        value, code = block.value[rows], block.code[rows]
        self._add(self.implausible, code[(value < low[code]) | (value > high[code])])

    def _unit_rows(self, intake: Intake) -> list[Row]:
        by_code: dict[int, list[tuple[int, str]]] = {}
        for (code, unit), count in self.units.items():
            by_code.setdefault(code, []).append((count, intake.units.names[unit]))
        rows: list[Row] = []
        for code, units in sorted(by_code.items()):
            total = sum(count for count, _ in units)
            most, _ = max(units)
            if len(units) > 1:
                named = ", ".join(f"{unit} {count}" for count, unit in sorted(units, reverse=True))
                rows.append(
                    ("units disagree", intake.codes.names[code], total - most, total, named)
                )
        return rows

    def _range_rows(self, intake: Intake) -> list[Row]:
        limits, rows = plausible_ranges(), []
        for (code, unit), total in sorted(self.units.items()):
            name = intake.codes.names[code]
            if name in limits and limits[name][0] == intake.units.names[unit]:
                _, low, high = limits[name]
                detail = f"{low:g} to {high:g} {limits[name][0]}"
                rows.append(("implausible values", name, self.implausible[code], total, detail))
        return rows

    @staticmethod
    def _add(counter: Counter[int], numbers: np.ndarray) -> None:
        if len(numbers):
            counts = np.bincount(numbers)
            used = np.flatnonzero(counts)
            counter.update(dict(zip(used.tolist(), counts[used].tolist(), strict=True)))


def _later_equal(hashes: np.ndarray) -> np.ndarray:
    """Mark rows whose content hash occurred before in the bucket."""
    if not repeats(hashes):
        return np.zeros(len(hashes), dtype=bool)
    order = np.argsort(hashes, kind="stable")
    mask = np.zeros(len(hashes), dtype=bool)
    mask[order[1:][hashes[order][1:] == hashes[order][:-1]]] = True
    return mask


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(values, return_counts=True)


def _limits(numbering: Numbering) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ranges, units = plausible_ranges(), {u: n for n, u in enumerate(numbering.units.to_pylist())}
    size = len(numbering.codes)
    unit, low, high = np.full(size, -1, np.int32), np.zeros(size), np.zeros(size)
    for number, name in enumerate(numbering.codes.to_pylist()):
        if name in ranges:
            wanted, low[number], high[number] = ranges[name]
            unit[number] = units.get(wanted, -1)
    return unit, low, high


def _merged(rows: list[Row]) -> list[Row]:
    """Add up the rows of one check and source (several files)."""
    counts: Counter[tuple[str, str]] = Counter()
    totals: Counter[tuple[str, str]] = Counter()
    for check, item, count, total, _ in rows:
        counts[check, item] += count
        totals[check, item] += total
    return [(check, item, counts[check, item], n, "") for (check, item), n in totals.items()]
