"""The clinical table beside matrices: who everyone is, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from biolake.core.bounds import is_storable
from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.readers._matrix.melting import NOT_A_NUMBER, row_key
from biolake.readers._matrix.origin import (
    DAYS_A_MONTH,
    ORIGIN_CODE,
    at_birth,
    at_day,
    event,
)
from biolake.readers._matrix.specification import Numbers, Subjects
from biolake.readers._matrix.text_table import TextTable, open_table, refuse_twins
from biolake.readers._rows import Event, Rows

REPEATED = "this subject stands here twice"
UNKNOWN = "this subject is not in the table of subjects"
_LATEST = 200 * 366.0  # days; further off is a wrong unit or a slip

_Read = Callable[["Row", str], list[Event]]


@dataclass(frozen=True)
class Row:
    """One line: its number, and its values by column; missing ones are not there."""

    line: int
    said: dict[str, str]


@dataclass
class Book:
    """Who stands in the table of subjects, and the study's name for their row keys."""

    name: str
    known: frozenset[str] | None  # None: there is no such table, and everybody is welcome
    cohort: str = ""
    times: Mapping[str, int] | None = None  # of samples that have a sheet

    def key(self, subject: str, *words: str) -> int:
        return row_key("molecular", self.name, subject, *words)


class _Bad(Exception):
    """A row that cannot become events."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def known_subjects(file: SourceFile, said: Subjects) -> frozenset[str]:
    """Return the names of everyone in the table of subjects."""
    opened = open_table(file)
    place = place_of(opened, said.id)
    found: set[str] = set()
    for block in opened.blocks():
        found |= {name for name in block.columns[place].to_pylist() if name}
    return frozenset(found)


def subject_chunks(file: SourceFile, said: Subjects, book: Book) -> Iterator[Chunk]:
    """Read the table of subjects."""
    opened = open_table(file)
    columns = [said.id, said.age, said.months, said.days, *said.facts]
    columns += [said.dead[0] if said.dead else "", said.female[0] if said.female else ""]
    for name in filter(None, columns):
        place_of(opened, name)
    yield from _chunks(opened, said.id, "subjects", lambda row, who: _person(row, who, said, book))


def number_chunks(file: SourceFile, said: Numbers, book: Book) -> Iterator[Chunk]:
    """Read a table of numbers that are true at any time."""
    opened = open_table(file)
    for name in said.columns:
        place_of(opened, name)

    def read(row: Row, who: str) -> list[Event]:
        if book.known is not None and who not in book.known:
            raise _Bad(said.id, UNKNOWN)
        found = [(code, _number(row, name)) for name, code in said.columns.items()]
        return [
            event(who, code, None, value=value, key=book.key(who, "number", code))
            for code, value in found
            if value is not None
        ]

    yield from _chunks(opened, said.id, "numbers", read)


def place_of(opened: TextTable, name: str) -> int:
    """Return the place of a column that a file must have."""
    if name not in opened.header.names:
        raise SourceUnreadable(f"no column '{name}'", where=opened.file.name)
    return opened.header.names.index(name)


def _chunks(opened: TextTable, id_column: str, table: str, read: _Read) -> Iterator[Chunk]:
    refuse_twins(opened)
    seen: set[str] = set()
    names = opened.header.names
    for block in opened.blocks():
        rows = Rows()
        lists = [column.to_pylist() for column in block.columns]
        for line, values in zip(block.numbers.tolist(), zip(*lists, strict=True), strict=True):
            said = {n: v.strip() for n, v in zip(names, values, strict=True) if v is not None}
            _take(rows, Row(line, said), id_column, seen, read)
        yield rows.chunk(opened.file, table)
    if opened.ragged:
        yield rejected(opened, table)


def rejected(opened: TextTable, table: str) -> Chunk:
    """Return a chunk of the lines that do not fit the header."""
    return Chunk(opened.file, table, Tally(rows=len(opened.ragged), rejects=opened.ragged))


def _take(rows: Rows, row: Row, id_column: str, seen: set[str], read: _Read) -> None:
    who = row.said.get(id_column, "")
    try:
        if not who:
            raise _Bad(id_column, "no name")
        if who in seen:
            raise _Bad(id_column, REPEATED)
        seen.add(who)
        events = read(row, who)
    except _Bad as bad:
        rows.reject(row.line, bad.column, bad.reason)
        return
    rows.give(*events)
    if events:
        rows.event()
    else:
        rows.skip("no value")


def _person(row: Row, who: str, said: Subjects, book: Book) -> list[Event]:
    """Return all that one row tells."""
    found = [event(who, ORIGIN_CODE, at_day(0), key=book.key(who, "origin"))]
    if book.cohort:
        found.append(event(who, book.cohort, None, key=book.key(who, "cohort")))
    if said.age and (age := _number(row, said.age)) is not None:
        if not 0 <= age <= 130:
            raise _Bad(said.age, "no age in years")
        found.append(event(who, "MEDS_BIRTH", at_birth(age), key=book.key(who, "birth")))
    if said.female:
        found += _sex(row, who, said.female, book)
    for column, code in said.facts.items():
        if value := " ".join(row.said.get(column, "").replace("//", "/").split()):
            found.append(event(who, f"{code}//{value}", None, key=book.key(who, "fact", column)))
    return found + _follow_up(row, who, said, book)


def _sex(row: Row, who: str, female: tuple[str, str, str], book: Book) -> list[Event]:
    column, *words = female
    value = row.said.get(column)
    if value is None:
        return []
    code = "GENDER//F" if _same(value, words[0]) else "GENDER//M"
    if not any(_same(value, word) for word in words):
        raise _Bad(column, "neither the word for female nor that for male")
    return [event(who, code, None, key=book.key(who, "sex"))]


def _follow_up(row: Row, who: str, said: Subjects, book: Book) -> list[Event]:
    """Lay death or the last contact on its day after diagnosis."""
    if said.dead is None:
        return []
    column, word = said.dead
    length = _number(row, said.months or said.days)
    value = row.said.get(column)
    if length is None or value is None:
        return []
    days = length * (DAYS_A_MONTH if said.months else 1.0)
    if not 0 <= days <= _LATEST:
        raise _Bad(said.months or said.days, "not from 0 to 200 years")
    dead = _same(value, word)
    if not dead and not _same(value, said.alive):
        raise _Bad(column, "neither the word for dead nor that for alive")
    code, time = f"OS//{'DECEASED' if dead else 'LIVING'}", at_day(days)
    found = [event(who, code, time, value=float(dead), key=book.key(who, "os"))]
    if dead:
        found.append(event(who, "MEDS_DEATH", time, key=book.key(who, "death")))
    return found


def _number(row: Row, column: str) -> float | None:
    text = row.said.get(column)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise _Bad(column, NOT_A_NUMBER) from None
    if number != number or not is_storable(number):
        raise _Bad(column, NOT_A_NUMBER)
    return number


def _same(value: str, word: str) -> bool:
    """Say whether a value is a word; 1 and 1.0 are the same."""
    try:
        return float(value) == float(word)
    except ValueError:
        return value.lower() == word.lower()
