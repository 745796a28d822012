"""What one data file of a study gives, row by row: events, people, codes, and every row's fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from biolake.core import schema
from biolake.core.bounds import is_storable
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, Reject
from biolake.readers._cbioportal.people import Owners
from biolake.readers._cbioportal.study import Study, Table
from biolake.readers._matrix.genes import GeneBook
from biolake.readers._matrix.melting import row_key
from biolake.readers._matrix.origin import DAY, ORIGIN, event
from biolake.readers._matrix.text_table import Header, open_table, refuse_twins
from biolake.readers._rows import Event, Person, Rows

REPEATED = "the same row stands here twice"
NOT_A_NUMBER = "not a number"
_LATEST = 200 * 366.0  # days from diagnosis; further off is a wrong unit or a slip


class Bad(Exception):
    """A row that cannot become events, by column and reason."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


@dataclass(frozen=True)
class Record:
    """One row: its line in the file, and what it says by column; missing values are not there."""

    line: int
    said: Mapping[str, str]

    def need(self, column: str, reason: str = "no value") -> str:
        found = self.said.get(column, "").strip()
        if not found:
            raise Bad(column, reason)
        return found

    def number(self, column: str) -> float | None:
        """Return a number; None where there is no value."""
        text = self.said.get(column)
        return None if text is None else as_number(text, column)

    def first(self, *columns: str) -> str:
        """Return the first of these columns that has a value."""
        return next((self.said[c].strip() for c in columns if self.said.get(c, "").strip()), "")


@dataclass
class Taking:
    """One data file being read."""

    study: Study
    owners: Owners
    genes: GeneBook
    table: Table
    rows: Rows = field(default_factory=Rows)
    codes: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    # What the row at hand gives: kept once the whole row is found to be good.
    events: list[Event] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def take(self, record: Record, read: Callable[[Taking, Record], str]) -> None:
        """Take one row. `read` gives its events and returns why there are none, or ""."""
        self.events, self.people, self.dropped = [], [], Counter()
        try:
            skipped = read(self, record)
        except Bad as bad:
            self.rows.reject(record.line, bad.column, bad.reason)
            return
        self.rows.give(*self.events)
        self.rows.people.update(dict.fromkeys(self.people))
        self.rows.tally.dropped.update(self.dropped)
        if self.events:
            self.rows.event()
        elif self.people or not skipped:
            self.rows.part()
        else:
            self.rows.skip(skipped)

    def key(self, *words: str) -> int:
        return row_key("cbioportal", self.study.identifier, *words)

    def give(
        self,
        subject: str,
        code: str,
        *identity: str,
        time: int | None = ORIGIN,
        value: float | None = None,
        text: str | None = None,
        end: int | None = None,
    ) -> None:
        """Add an event; `identity` is what makes it one of its kind in the study."""
        key = self.key(*identity)
        self.events.append(event(subject, code, time, value=value, text=text, end=end, key=key))

    def once(self, column: str, *identity: str) -> None:
        """Refuse a row whose identity stood here before."""
        key = self.key(*identity)
        if key in self.seen:
            raise Bad(column, REPEATED)
        self.seen.add(key)

    def describe(self, code: str, description: str | None, parent: str | None = None) -> None:
        self.codes.setdefault(code, (description, parent))

    def person(self, subject: str, sample: str) -> None:
        self.people.append(Person(subject, "sample", sample, "site"))

    def chunk(self, name: str) -> Chunk:
        """Return what has been taken since the last chunk."""
        chunk = self.rows.chunk(self.table.file, name, codes_table(self.codes))
        self.rows, self.codes = Rows(), {}
        return chunk


def codes_table(codes: Mapping[str, tuple[str | None, str | None]]) -> pa.Table | None:
    if not codes:
        return None
    rows = [
        {"code": code, "description": said, "parent_codes": [parent] if parent else None}
        for code, (said, parent) in codes.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema.MAPPED_CODES)


def records(taking: Taking) -> Iterator[list[Record] | Reject]:
    """Yield runs of a file's rows, and last the rejects of lines that do not fit."""
    opened = open_table(taking.table.file, "\t")
    names = opened.header.names
    for block in opened.blocks():
        lists = [column.to_pylist() for column in block.columns]
        yield [
            Record(line, {n: v for n, v in zip(names, row, strict=True) if v is not None})
            for line, row in zip(block.numbers.tolist(), zip(*lists, strict=True), strict=True)
        ]
    yield from opened.ragged


def chunks(taking: Taking, name: str, read: Callable[[Taking, Record], str]) -> Iterator[Chunk]:
    """Read a file row by row, a chunk a run of rows."""
    for found in records(taking):
        if isinstance(found, Reject):
            taking.rows.reject(found.row, found.column, found.reason)
            continue
        for record in found:
            taking.take(record, read)
        yield taking.chunk(name)
    yield taking.chunk(name)


def header_of(table: Table, *needed: str) -> Header:
    """Return a file's header; a file without a column it must have is refused."""
    opened = open_table(table.file, "\t")
    refuse_twins(opened)
    header = opened.header
    missing = [name for name in needed if name not in header.names]
    if missing:
        raise SourceUnreadable(f"no column '{missing[0]}'", where=table.file.name)
    return header


def as_number(text: str, column: str) -> float:
    """Read a number that the lake can hold."""
    try:
        number = float(text)
    except ValueError:
        raise Bad(column, NOT_A_NUMBER) from None
    if number != number or not is_storable(number):
        raise Bad(column, NOT_A_NUMBER)
    return number


def day(record: Record, column: str, scale: float = 1.0) -> int | None:
    """Return the time that so many days (× scale) after diagnosis are."""
    number = record.number(column)
    if number is None:
        return None
    if abs(number * scale) > _LATEST:
        raise Bad(column, "more than 200 years from the diagnosis")
    return ORIGIN + round(number * scale) * DAY


def worded(value: str) -> str:
    """Return a value as a part of a code: `//` parts codes, so it cannot stand inside one."""
    return " ".join(value.replace("//", "/").split())
