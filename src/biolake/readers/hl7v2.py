"""HL7 v2 message files: admissions (ADT) and results (ORU^R01)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from biolake.core.catalogue import reader
from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.core.reading import Chunk, Clock, ReadContext, Reading, SourceFile, SubjectSystem
from biolake.readers._hl7 import fields as hl7
from biolake.readers._hl7.message import Message, Source, begin
from biolake.readers._hl7.segments import ENVELOPE, take
from biolake.readers._hl7.text import FieldError, Segment, Syntax, parse, segments, syntax_of
from biolake.readers._rows import Rows

LAYOUT, VERSION = "hl7-v2", "1"
CHUNK_SEGMENTS = 50_000
_STARTS = (b"MSH", b"FHS", b"BHS")
# Segment → fields whose times are used; a source has one clock in all of them.
_TIMED = {
    "PID": (29,),
    "PV1": (44, 45),
    "OBR": (7,),
    "OBX": (14,),
    "DG1": (5,),
    "AL1": (6,),
    "PR1": (5,),
}


def detect(path: Path) -> bool:
    """Say whether the file, or a file of the folder, begins like an HL7 v2 message or batch."""
    return any(_is_hl7(each) for each in _candidates(path))


def _candidates(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (each for each in path.rglob("*") if each.suffix.lower() in (".hl7", ".txt"))
    return sorted(each for each in found if each.is_file())


def _is_hl7(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            head = stream.read(64).lstrip(b"\x0b\r\n\xef\xbb\xbf ")
    except OSError:
        return False
    return head.startswith(_STARTS) and len(head) > 8 and not head[3:4].isalnum()


@reader("HL7 v2 messages (ADT, ORU)", detect=detect)
def hl7v2(path: Path, context: ReadContext) -> Reading:
    """Read HL7 v2 files: one message or many, with or without batch envelope and MLLP frames.

    ADT gives people, merges of record numbers, encounters, diagnoses, allergies and procedures;
    ORU^R01 gives results. Every segment is a source row. A diagnosis or allergy without a time of
    its own counts from the time of its message. The whole source is read once before the first
    row, to learn its clock: times with and without an offset in one source are refused.

    Source: HL7 version 2.5.1, chapters 2, 3 and 7.
    """
    root = path if path.is_dir() else path.parent
    found = tuple(
        SourceFile(each, each.relative_to(root).as_posix(), size=each.stat().st_size)
        for each in _candidates(path)
        if path.is_file() or each.suffix.lower() == ".hl7" or _is_hl7(each)
    )
    if not found:
        raise SourceUnreadable("no HL7 v2 file here", where=path.name)
    survey = _Survey()
    for file in found:
        survey.read(file)
    authorities = sorted(survey.authorities)
    system = f"hl7:{authorities[0]}" if len(authorities) == 1 else "hl7"
    clock = survey.clock
    return Reading(
        layout=LAYOUT,
        layout_hash=f"{LAYOUT}/{VERSION}",
        subjects=SubjectSystem(system),
        clock=clock,
        files=found,
        chunks=lambda wanted: _chunks(wanted, Source(clock, len(authorities) > 1), context),
    )


@dataclass
class _Survey:
    """The first look at a source: which clock its times are on, and who numbers its subjects."""

    authorities: set[str] = field(default_factory=set)
    offset: bool | None = None

    @property
    def clock(self) -> Clock:
        return "utc" if self.offset else "local"

    def read(self, file: SourceFile) -> None:
        syntax, envelope = None, ""
        for number, raw in _segments(file):
            if raw[:3] in (b"FHS", b"FTS"):
                envelope = raw[:3].decode()
            if raw.startswith(b"MSH"):
                syntax = _syntax(raw)
            if syntax and raw[:3].decode("latin-1") in _TIMED:
                self._look(file, number, raw, syntax)
        if envelope == "FHS":
            raise SourceUnreadable("cut short: FHS without its FTS", where=file.name)

    def _look(self, file: SourceFile, number: int, raw: bytes, syntax: Syntax) -> None:
        try:
            segment = parse(raw, syntax)
            if segment.name == "PID":
                chosen = hl7.record_number(hl7.identifiers(segment, 3), "PID-3")
                self.authorities.add(chosen.authority)
            for each in _TIMED[segment.name]:
                found = segment.time(each)
                if found and found[1] is not None:
                    self._note(found[1], f"{file.name} segment {number}", f"{segment.name}-{each}")
        except FieldError:
            return  # the reading itself rejects the segment

    def _note(self, offset: bool, where: str, column: str) -> None:
        if self.offset not in (None, offset):
            raise DataRefused(
                f"{column}: times with and without an offset in one source",
                where=where,
                next="Load the two kinds of files as two sites.",
            )
        self.offset = offset


def _syntax(header: bytes) -> Syntax | None:
    try:
        return syntax_of(header)
    except FieldError:
        return None


def _segments(file: SourceFile) -> Iterator[tuple[int, bytes]]:
    """Yield a file's segments; the first must open a message or a batch."""
    try:
        with file.path.open("rb") as stream:
            for number, raw in segments(stream):
                raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
                if number == 1 and not raw.startswith(_STARTS):
                    where = f"{file.name} segment 1"
                    raise SourceUnreadable("not HL7 v2: no MSH, FHS or BHS", where=where)
                yield number, raw
    except OSError:
        raise SourceUnreadable("the file cannot be read", where=file.name) from None


@dataclass
class _Reader:
    """Reads one file segment by segment into the tables ADT, ORU and the rest."""

    file: SourceFile
    source: Source
    tables: dict[str, Rows] = field(default_factory=dict)
    message: Message | None = None
    table: str = "other"
    fault: tuple[str, str] | None = None

    def rows(self) -> Rows:
        return self.tables.setdefault(self.table, Rows(adds_to_encounters=True))

    def take(self, number: int, raw: bytes) -> None:
        if raw[:3].decode("latin-1") in ENVELOPE:
            self.message, self.table, self.fault = None, "other", None
            return self.rows().skip("batch envelope")
        try:
            if raw.startswith(b"MSH"):
                self._begin(raw)
            if self.fault:
                raise FieldError(*self.fault)
            if self.message is None:
                raise FieldError("segment", "outside a message")
            return take(self.message, number, self._parse(raw))
        except FieldError as error:
            return self.rows().reject(number, error.column, error.reason)

    def _begin(self, raw: bytes) -> None:
        self.message, self.table, self.fault = None, "other", None
        try:
            header = parse(raw, syntax_of(raw))
        except FieldError as error:
            self.fault = error.column, error.reason
            return
        kind = header.first(9)
        self.table = kind if kind in ("ADT", "ORU") else "other"
        self.message = begin(self.source, self.file, self.rows(), header)

    def _parse(self, raw: bytes) -> Segment:
        assert self.message is not None  # noqa: S101  take() has just checked it
        try:
            return parse(raw, self.message.syntax)
        except FieldError:
            if raw.startswith(b"PID"):  # what follows must not count for the subject before
                self.message.subject = ""
            raise


def _chunks(
    wanted: tuple[SourceFile, ...], source: Source, context: ReadContext
) -> Iterator[Chunk]:
    for file in wanted:
        reading = _Reader(file, source)
        count = 0
        for number, raw in _segments(file):
            # A chunk ends between messages.
            if count >= CHUNK_SEGMENTS and raw.startswith(b"MSH"):
                yield from _hand_over(reading, context, count)
                count = 0
            reading.take(number, raw)
            count += 1
        yield from _hand_over(reading, context, count)
    yield from source.withdrawals.chunks()


def _hand_over(reading: _Reader, context: ReadContext, count: int) -> Iterator[Chunk]:
    codes = reading.source.book.drain()
    context.progress(reading.file.name, count)
    for table in sorted(reading.tables):
        rows = reading.tables[table]
        reading.source.withdrawals.note(rows, reading.file, table)
        yield rows.chunk(reading.file, table, codes)
        codes = None
    reading.tables = {}
