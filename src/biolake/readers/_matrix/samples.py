"""The sample sheet beside matrices: when each sample was taken, and whose it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, Clock, SourceFile
from biolake.core.schema import MICROSECONDS
from biolake.readers._matrix.specification import Samples
from biolake.readers._matrix.subjects import place_of, rejected
from biolake.readers._matrix.text_table import TextTable, open_table, refuse_twins
from biolake.readers._rows import Person, Rows, is_placeholder

SAMPLE = "sample"
NO_SAMPLE = "no sample"
NO_TIME = "no time: nobody can say what was known before the sample was taken"
NOT_A_TIME = "not a time such as 2024-01-31 or 2024-01-31T08:30"
OTHER_CLOCK = {
    "utc": "without an offset, where most times of this sheet have one",
    "local": "with an offset, where most times of this sheet have none",
}
TWICE = "this sample stands here twice"
CONTRADICTED = "this sample stands here twice, with another time or subject: neither is believed"
PLACEHOLDER = "a placeholder, which would join strangers"
NOBODY = (
    "nobody has said yet whose this sample is: load what says so and then this again,"
    " or name `subject` and `system` in molecular.yaml"
)


@dataclass(frozen=True)
class Row:
    """One line: its sample, when that was taken, whose it is, and what is wrong (column, why)."""

    line: int
    sample: str
    time: int | None
    subject: str
    fault: tuple[str, str] | None


@dataclass(frozen=True)
class Sheet:
    """A sample sheet, read. `whose` changes when its samples come to be others'."""

    opened: TextTable
    said: Samples
    rows: tuple[Row, ...]
    clock: Clock
    whose: str

    def times(self) -> dict[str, int]:
        """Return when each sample was taken, in microseconds since 1970."""
        return {row.sample: row.time for row in self.rows if row.time is not None and not row.fault}

    def chunks(self, file: SourceFile) -> Iterator[Chunk]:
        """Yield the people: each row names a sample, and if it can whose it is."""
        rows, taken = Rows(), []
        for row in self.rows:
            if row.fault:
                rows.reject(row.line, *row.fault)
                continue
            rows.part()
            rows.people[Person(row.sample, SAMPLE, row.sample, "site")] = None
            taken.append(row.time)
            if row.subject:
                rows.people[Person(row.sample, self.said.system, row.subject, "site")] = None
                taken.append(None)
        chunk = rows.chunk(file, "samples")
        if chunk.people is not None:
            times = pa.array(taken, pa.int64()).cast(MICROSECONDS)
            chunk = replace(chunk, people=chunk.people.append_column("time", times))
        yield chunk
        if self.opened.ragged:
            yield rejected(self.opened, "samples")


def read_sheet(file: SourceFile, said: Samples, whose: Callable[[str], str]) -> Sheet:
    """Read a sheet. `whose` tells a mark of the subject that a sample's name leads to, or nothing.

    Times that all have an offset are UTC; without any they are the site's own.
    """
    opened = _opened(file, said)
    told = list(_cells(opened, said))
    read = [_time(time) for _, _, time, _ in told]
    offsets = [time is not None and time.tzinfo is not None for time in read]
    clock: Clock = "utc" if sum(offsets) > sum(time is not None for time in read) / 2 else "local"
    digest, rows, seen = hashlib.sha256(), [], set[str]()
    for (line, sample, text, subject), time in zip(told, read, strict=True):
        fault = _fault(said, sample, subject, sample in seen) or _untimed(said, text, time, clock)
        if not (fault or subject):
            mark = whose(sample)
            digest.update(f"{sample}\0{mark}\0".encode())
            fault = None if mark else (said.id, NOBODY)
        seen.add(sample)
        rows.append(Row(line, sample, _microseconds(time), subject, fault))
    return Sheet(opened, said, _agreeing(said, rows), clock, digest.hexdigest())


def _agreeing(said: Samples, rows: list[Row]) -> tuple[Row, ...]:
    """Fault every row of a sample that is told of in two ways: the earlier time may look ahead."""
    first = {row.sample: (row.time, row.subject) for row in reversed(rows)}
    others = (row for row in rows if (row.time, row.subject) != first[row.sample])
    torn = {row.sample for row in others} - {""}
    fault = (said.id, CONTRADICTED)
    return tuple(replace(row, fault=fault) if row.sample in torn else row for row in rows)


def _cells(opened: TextTable, said: Samples) -> Iterator[tuple[int, str, str, str]]:
    """Yield line, sample, time and subject as they are written."""
    names = [said.id, said.time, *([said.subject] if said.subject else [])]
    places = [place_of(opened, name) for name in names]
    for block in opened.blocks():
        lists = [block.columns[place].to_pylist() for place in places]
        for line, *values in zip(block.numbers.tolist(), *lists, strict=True):
            sample, told, *subject = [(value or "").strip() for value in values]
            yield line, sample, told, subject[0] if subject else ""


def _fault(said: Samples, sample: str, subject: str, twice: bool) -> tuple[str, str] | None:
    if not sample:
        return said.id, NO_SAMPLE
    if twice:
        return said.id, TWICE
    # Of one letter or digit it is a small clinic's own number.
    if len(subject) > 1 and is_placeholder(subject):
        return said.subject, PLACEHOLDER
    return None


def _untimed(
    said: Samples, text: str, time: datetime | None, clock: Clock
) -> tuple[str, str] | None:
    if time is None:
        return said.time, NOT_A_TIME if text else NO_TIME
    return (
        None if (time.tzinfo is not None) == (clock == "utc") else (said.time, OTHER_CLOCK[clock])
    )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _microseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return int(np.datetime64(time.replace(tzinfo=None), "us").astype(np.int64))


def _opened(file: SourceFile, said: Samples) -> TextTable:
    opened = open_table(file)
    refuse_twins(opened)
    if said.id == said.time:
        raise SourceUnreadable("one column cannot be both sample and time", where=file.name)
    return opened
