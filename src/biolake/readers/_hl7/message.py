"""The HL7 v2 message being read: what its header and its segments have said so far."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from biolake.core.errors import DataRefused
from biolake.core.keys import row_key
from biolake.core.reading import Clock, SourceFile
from biolake.readers._codes import CodeBook
from biolake.readers._hl7 import fields as hl7
from biolake.readers._hl7.text import Segment, Syntax
from biolake.readers._rows import Encounter, Event, Rows, Withdrawals

ADMIT, DISCHARGE, TRANSFER = {"A01", "A04"}, {"A03"}, {"A02"}
MERGE = {"A18", "A30", "A34", "A36", "A40", "A47"}
CANCEL = {"A11": ("start", "end"), "A13": ("end",)}
UPDATE = {"A05", "A06", "A07", "A08", "A28", "A31"}
READ_ADT = {*ADMIT, *DISCHARGE, *TRANSFER, *MERGE, *CANCEL, *UPDATE}
PART = "part"  # the fate of a segment that only other segments use
_MESSAGE = re.compile(r"[A-Z]{3}(\^[A-Z][0-9]{2})?")


@dataclass
class Source:
    """What all messages of a source share."""

    clock: Clock
    several_authorities: bool
    book: CodeBook = field(default_factory=CodeBook)
    withdrawals: Withdrawals = field(default_factory=Withdrawals)
    encounters: dict[str, Encounter] = field(default_factory=dict)

    def name(self, identifier: hl7.Identifier) -> str:
        """Return a subject's or visit's name: its number, with the list if there are several."""
        if self.several_authorities:
            return f"{identifier.authority}|{identifier.value}"
        return identifier.value


@dataclass
class Message:
    """The message being read: its header, and what its segments have said so far."""

    source: Source
    file: SourceFile
    rows: Rows
    syntax: Syntax
    trigger: str
    facility: str
    unread: str = ""  # why no segment of this message is read
    subject: str = ""
    person: tuple[str, str] = ("", "")
    visit: str | None = None
    order: str = ""
    order_time: int | None = None
    event_time: int | None = None
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    joined: int = 0  # row key of the text that the next line may continue

    def time(self, segment: Segment, number: int, row: int) -> int | None:
        """Return a field's time on the source's clock; another clock is refused."""
        found = segment.time(number)
        if found is None:
            return None
        if found[1] is not None and found[1] != (self.source.clock == "utc"):
            raise DataRefused(
                f"{segment.name}-{number}: times with and without an offset in one source",
                where=f"{self.file.name} segment {row}",
                next="Load the two kinds of files as two sites.",
            )
        return found[0]

    def key(self, *parts: object) -> int:
        return row_key("hl7v2", *parts)

    def give(
        self,
        key: int,
        time: int | None,
        code: str,
        text: str | None = None,
        number: float | None = None,
        unit: str | None = None,
    ) -> None:
        event = Event(self.subject, time, None, code, number, text, unit, self.visit, key)
        self.rows.give(event)


def begin(source: Source, file: SourceFile, rows: Rows, header: Segment) -> Message:
    """Return the message that an MSH segment opens."""
    kind, trigger = header.parts(9, 2)[:2]
    name = f"{kind}^{trigger}" if trigger else kind
    unread = ""
    if not (kind == "ADT" and trigger in READ_ADT) and (kind, trigger) != ("ORU", "R01"):
        unread = f"{name if _MESSAGE.fullmatch(name) else 'message'}: not read"
    facility = header.first(4) or header.first(3)
    return Message(source, file, rows, header.syntax, trigger, facility, unread)
