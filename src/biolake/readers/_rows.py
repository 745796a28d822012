"""Rows collected in Python, made into the tables of a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from biolake.core import schema
from biolake.core.assets import FoundAsset
from biolake.core.reading import Chunk, Reject, SourceFile, Tally

NOTES = 2_000  # of one chunk


class Event(NamedTuple):
    """One row of `schema.MAPPED`; times are microseconds since 1970."""

    subject: str
    time: int | None
    end_time: int | None
    code: str
    numeric_value: float | None
    text_value: str | None
    unit: str | None
    encounter: str | None
    row_key: int


class Encounter(NamedTuple):
    """One row of `schema.MAPPED_ENCOUNTERS`."""

    encounter: str
    subject: str
    start: int | None
    end: int | None
    kind: str | None


class Person(NamedTuple):
    """One row of `schema.MAPPED_PEOPLE`."""

    subject: str
    system: str
    value: str
    scope: str


@dataclass
class Rows:
    """What one source table of one file has given so far."""

    tally: Tally = field(default_factory=Tally)
    events: dict[int, Event] = field(default_factory=dict)
    retracted: dict[int, None] = field(default_factory=dict)
    encounters: dict[str, Encounter] = field(default_factory=dict)
    people: dict[Person, None] = field(default_factory=dict)
    notes: dict[tuple[str, str], FoundAsset] = field(default_factory=dict)  # by format, source key
    adds_to_encounters: bool = False  # its encounters are news of them, not all there is to say

    def give(self, *events: Event) -> None:
        """Add events; one with a key given before replaces it."""
        for event in events:
            self.events[event.row_key] = event
            self.retracted.pop(event.row_key, None)

    def take_back(self, *keys: int) -> None:
        """Withdraw the events with these keys, given here or in an earlier load."""
        for key in keys:
            self.events.pop(key, None)
            self.retracted[key] = None

    def skip(self, reason: str) -> None:
        self.tally.rows += 1
        self.tally.skipped[reason] += 1

    def reject(self, row: int, column: str, reason: str) -> None:
        self.tally.rows += 1
        self.tally.rejects.append(Reject(row, column, reason))

    def part(self) -> None:
        self.tally.rows += 1
        self.tally.part_rows += 1

    def event(self) -> None:
        self.tally.rows += 1
        self.tally.event_rows += 1

    def note_chunks(self, file: SourceFile) -> Iterator[Chunk]:
        """Yield the notes found, some thousand a chunk; `format` is the reader that opens them."""
        for form in sorted({form for form, _ in self.notes}):
            mine = [note for (other, _), note in self.notes.items() if other == form]
            for start in range(0, len(mine), NOTES):
                yield Chunk(file, form, Tally(), assets=tuple(mine[start : start + NOTES]))

    def chunk(self, file: SourceFile, table: str, codes: pa.Table | None = None) -> Chunk:
        """Return the rows as a chunk, but for what they take back: see `Withdrawals`."""
        return Chunk(
            file,
            table,
            self.tally,
            events=_table(list(self.events.values()), schema.MAPPED),
            encounters=_table(list(self.encounters.values()), schema.MAPPED_ENCOUNTERS),
            people=_table(list(self.people), schema.MAPPED_PEOPLE),
            codes=codes,
            adds_to_encounters=self.adds_to_encounters,
        )


class Withdrawals:
    """The keys a source has taken back and not given again, handed over when all is read.

    A load removes what any of its chunks takes back, whatever the order of the chunks: a patient
    alive in Monday's file and dead in Tuesday's must not lose the death.
    """

    def __init__(self) -> None:
        self._pending: dict[int, tuple[SourceFile, str]] = {}

    def note(self, rows: Rows, file: SourceFile, table: str) -> None:
        """Take over what the rows of one chunk have given and taken back."""
        if self._pending:
            for key in rows.events:
                self._pending.pop(key, None)
        self._pending.update(dict.fromkeys(rows.retracted, (file, table)))

    def chunks(self) -> Iterator[Chunk]:
        """Yield one chunk without rows for every file and table that took something back."""
        found: dict[tuple[SourceFile, str], list[int]] = {}
        for key, where in self._pending.items():
            found.setdefault(where, []).append(key)
        for (file, table), keys in found.items():
            yield Chunk(file, table, Tally(), retracted=np.array(keys, dtype=np.int64))


def _table(rows: Sequence[Iterable[object]], kind: pa.Schema) -> pa.Table | None:
    if not rows:
        return None
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays(
        [pa.array(values, each.type) for values, each in zip(columns, kind, strict=True)],
        schema=kind,
    )


# ISO/IEC 5218 and HL7 give no rule for "no number": registries use repeated digits and words.
_PLACEHOLDERS = frozenset({"unknown", "none", "null", "na", "n/a", "test", "123456789"})


def is_placeholder(value: str) -> bool:
    """Say whether an identifier is a filler such as 000-00-0000, which would join strangers."""
    letters = {letter for letter in value if letter.isalnum()}
    return len(letters) < 2 or value.replace("-", "").lower() in _PLACEHOLDERS


def social_security(value: str) -> str:
    """Return a US social security number in its usual form, AAA-GG-SSSS."""
    digits = value.replace("-", "").replace(" ", "")
    if len(digits) == 9 and digits.isdigit():
        return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"
    return value
