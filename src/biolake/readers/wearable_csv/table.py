"""A wearable's CSV as numbers: columns, times, and what had to be passed over."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, repeat
from pathlib import Path
from typing import Protocol

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.readers.wearable_csv.declaration import TIME_UNITS, Clock, Rule

MOST_BAD = 0.01  # of a column's cells
_CHUNK = 50_000
_LARGEST = 1e30  # any sample; float32 ends little above
_YEAR_2200 = 7_258_118_400  # seconds since 1970


class _Lines(Protocol):
    """A CSV reader: rows, and the number of the line last read."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


@dataclass
class Table:
    """A CSV read: numbers by channel, seconds by row, and what had to be passed over."""

    values: dict[str, np.ndarray]
    seconds: np.ndarray | None  # as written: since 1970 or since the start
    subject: str | None
    offset: int | None  # minutes east of UTC of the first time; `seconds` are then of UTC
    notes: list[str]


def read_table(path: Path, rule: Rule) -> Table:
    """Read the declared columns in chunks; row numbers in errors count lines of the file from 1."""
    try:
        with path.open(encoding=rule.encoding, newline="") as stream:
            rows = csv.reader(stream, delimiter=rule.delimiter)
            for _ in range(rule.skip):
                next(rows, None)
            reader = _Rows(rule, next(rows, []) if rule.header else None)
            kept = _kept(rows, rule)
            while chunk := list(islice(kept, _CHUNK)):
                reader.add([row for _, row in chunk], [line for line, _ in chunk])
    except (UnicodeError, csv.Error, OSError) as error:
        raise SourceUnreadable(f"the file is not such a CSV ({type(error).__name__})") from None
    return reader.table()


def _kept(rows: _Lines, rule: Rule) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and cells of each row, no cells for a sample left blank.

    Where no column tells the time, a blank line between others is a missing sample: without it all
    that follows would be told too early. Those that end the file are nothing, nor are those above
    the first row where that row tells the time or comments stand there.
    """
    timed = rule.clock is not None and not rule.clock.first_only
    blank, counted = 0, rule.clock is None and not rule.comment
    for row in rows:
        if not row:
            blank += counted
        elif not (rule.comment and row[0].startswith(rule.comment)):
            yield from repeat((rows.line_num, []), blank)
            blank, counted = 0, not timed
            yield rows.line_num, row


class _Rows:
    """Turns rows into columns of numbers, chunk by chunk, and counts what is none."""

    def __init__(self, rule: Rule, header: list[str] | None):
        self.rule = rule
        self.header = [name.strip() for name in header] if header is not None else None
        self.places = [self._place(column.place) for column in rule.columns]
        self.who = None if rule.subject_column is None else self._place(rule.subject_column)
        self.parts: list[list[np.ndarray]] = [[] for _ in rule.columns]
        self.times: list[np.ndarray] = []
        self.bad = [0] * len(rule.columns)
        self.first_bad = [0] * len(rule.columns)
        self.subjects: set[str] = set()
        self.count = self.blank = 0
        self.offset: int | None = None

    def _place(self, place: str | int) -> int:
        if isinstance(place, int) or self.header is None:
            if not isinstance(place, int) or place < 1:
                raise SourceUnreadable("without a header, columns are numbered from 1")
            return place - 1
        if self.header.count(place) != 1:
            raise SourceUnreadable(f"the file has not exactly one column '{place}'")
        return self.header.index(place)

    def add(self, chunk: list[list[str]], lines: list[int]) -> None:
        for number, (column, place) in enumerate(zip(self.rule.columns, self.places, strict=True)):
            cells = [row[place].strip() if place < len(row) else "" for row in chunk]
            values, bad = _numbers(cells, self.rule.missing, column.values)
            bad = [k for k in bad if chunk[k]]
            if bad and not self.bad[number]:
                self.first_bad[number] = lines[bad[0]]
            self.bad[number] += len(bad)
            self.parts[number].append(values)
        first_only = self.rule.clock is not None and self.rule.clock.first_only
        if self.rule.clock is not None and not (first_only and self.count):
            self._add_times(chunk[:1] if first_only else chunk, lines, self.rule.clock)
        if self.who is not None:
            self.subjects.update(
                row[self.who].strip() if self.who < len(row) else "" for row in chunk if row
            )
        self.blank += sum(not row for row in chunk)
        self.count += len(chunk)

    def _add_times(self, chunk: list[list[str]], lines: list[int], clock: Clock) -> None:
        place = self._place(clock.column)
        cells = [row[place].strip() if place < len(row) else "" for row in chunk]
        if clock.unit:
            times, _ = _numbers(cells, (), {})
            times *= TIME_UNITS[clock.unit]
            self.offset = 0 if clock.epoch else None
        else:
            stamps = [_stamp(cell, clock) for cell in cells]
            zoned = {offset is not None for _, offset in stamps}
            if len(zoned) > 1 or (self.times and zoned != {self.offset is not None}):
                raise SourceUnreadable("times with and without a zone are mixed")
            self.offset = self.offset if self.times else stamps[0][1]
            times = np.array([at for at, _ in stamps])
        if not np.isfinite(times).all():
            line = lines[int(np.flatnonzero(~np.isfinite(times))[0])]
            raise SourceUnreadable(f"row {line} has no time that can be read")
        if (clock.form or clock.epoch) and not (0 <= times.min() <= times.max() < _YEAR_2200):
            raise SourceUnreadable("times are before 1970 or after 2200: another unit or format?")
        self.times.append(times)

    def table(self) -> Table:
        if not self.count:
            raise SourceUnreadable("the file has no rows")
        notes = [f"{self.blank} lines are blank: taken as missing"] if self.blank else []
        for column, bad, row in zip(self.rule.columns, self.bad, self.first_bad, strict=True):
            if bad > MOST_BAD * self.count:
                raise SourceUnreadable(
                    f"{bad} of {self.count} cells of '{column.place}' are no numbers,"
                    f" first in row {row}"
                )
            if bad:
                notes.append(f"{bad} cells of '{column.channel}' are no numbers: taken as missing")
        if len(self.subjects) > 1:
            raise SourceUnreadable("the file holds several subjects: split it")
        pairs = zip(self.rule.columns, self.parts, strict=True)
        values = {column.channel: np.concatenate(parts) for column, parts in pairs}
        seconds = np.concatenate(self.times) if self.times else None
        return Table(values, seconds, next(iter(self.subjects), None) or None, self.offset, notes)


def _numbers(
    cells: list[str], missing: Sequence[str], values: Mapping[str, float]
) -> tuple[np.ndarray, list[int]]:
    """Return cells as numbers, NaN where missing or none, and where they are none."""
    if not values:
        try:
            numbers = np.array([cell or "nan" for cell in cells], dtype=np.float64)
        except ValueError:
            numbers = np.array([np.inf])
        if not (np.abs(numbers) > _LARGEST).any() and not any("_" in cell for cell in cells):
            return numbers, []
    numbers, bad = np.full(len(cells), np.nan), []
    for place, cell in enumerate(cells):
        if cell in missing and cell not in values:
            continue
        number = values.get(cell, _number(cell))
        if number is None:
            bad.append(place)
        else:
            numbers[place] = number
    return numbers, bad


def _number(cell: str) -> float | None:
    try:
        number = float(cell.replace("_", "x"))  # Python's own 1_000 is no number
    except ValueError:
        return None
    return None if abs(number) > _LARGEST else number


def offset_of(time: datetime) -> int | None:
    """Return how many minutes east of UTC a time was written, where it tells."""
    offset = time.utcoffset()
    return None if offset is None else round(offset.total_seconds() / 60)


def _stamp(cell: str, clock: Clock) -> tuple[float, int | None]:
    """Return seconds since 1970, of UTC where the zone is known, and its minutes east of UTC.

    NaN for what is no such time.
    """
    try:
        given = (
            datetime.fromisoformat(cell)
            if clock.form == "iso"
            else datetime.strptime(cell, clock.form)  # noqa: DTZ007 - the zone is looked at below
        )
    except ValueError:
        return float("nan"), None if clock.zone is None else 0
    if given.tzinfo is not None:
        return given.timestamp(), offset_of(given)
    if clock.zone is None:
        return given.replace(tzinfo=UTC).timestamp(), None
    one, two = (given.replace(tzinfo=clock.zone, fold=fold) for fold in (0, 1))
    if one.utcoffset() != two.utcoffset():
        raise SourceUnreadable("a time falls in the hour that summer time repeats or leaves out")
    return one.timestamp(), offset_of(one)
