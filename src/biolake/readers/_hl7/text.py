"""HL7 v2 text: segments, delimiters, escapes, character sets and times (HL7 v2.5.1, chapter 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import IO

from biolake.core.bounds import is_sayable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Segments end with CR; files also use LF. 0x0B and 0x1C frame messages sent over MLLP.
_END = re.compile(rb"[\r\n\x0b\x1c]+")
_BLOCK = 1 << 20
_TIME = re.compile(
    r"([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?(\.[0-9]{1,6})?"
    r"([+-](?:0[0-9]|1[0-5])[0-5][0-9])?"  # no zone was ever beyond 15:13
)
_CHARSETS = {  # HL7 table 0211
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc_kr",
}
NULL = '""'  # HL7's way to say: delete the value you hold


class FieldError(Exception):
    """One field cannot be read; names the field and the reason, never the value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


def segments(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the segments of a file with their numbers from 1."""
    number, rest = 0, b""
    while block := stream.read(_BLOCK):
        *whole, rest = _END.split(rest + block)
        for segment in whole:
            if segment.strip():
                number += 1
                yield number, segment
    if rest.strip():
        yield number + 1, rest


@dataclass(frozen=True)
class Syntax:
    """How one message is written: its delimiters and its character set."""

    field: str
    component: str
    repetition: str
    escape: str
    part: str
    charset: str

    def decode(self, raw: bytes) -> str:
        try:
            return raw.decode(self.charset)
        except UnicodeDecodeError:
            raise FieldError("MSH-18", "not in the declared character set") from None

    def text(self, value: str) -> str:
        """Return a value with its escape sequences resolved."""
        if self.escape not in value:
            return value
        edge = re.escape(self.escape)
        return re.sub(f"{edge}([^{edge}]*){edge}", lambda found: self._plain(found[1]), value)

    def _plain(self, sequence: str) -> str:
        delimiters = {
            "F": self.field,
            "S": self.component,
            "T": self.part,
            "R": self.repetition,
            "E": self.escape,
        }
        if sequence in delimiters:
            return delimiters[sequence]
        if sequence in ("H", "N"):  # highlighting
            return ""
        if sequence.startswith((".br", ".sp")):
            return "\n"
        if sequence.startswith("X"):
            try:
                return bytes.fromhex(sequence[1:]).decode(self.charset)
            except ValueError:
                raise FieldError("escape", "unreadable escape sequence") from None
        return f"{self.escape}{sequence}{self.escape}"


def syntax_of(header: bytes) -> Syntax:
    """Return the syntax an MSH segment declares in MSH-1, MSH-2 and MSH-18."""
    line = header.decode("latin-1")
    mark = line[3:4]
    fields = line.split(mark) if mark else []
    marks = fields[1] if len(fields) > 1 else ""
    if len(marks) == 3:
        marks += "&"
    used = mark + marks[:4]
    if len(marks) < 4 or len(set(used)) != 5 or any(c.isalnum() or c.isspace() for c in used):
        raise FieldError("MSH-2", "unreadable delimiters")
    named = fields[17].split(marks[1])[0].strip().upper() if len(fields) > 17 else ""
    charset = _CHARSETS.get(named) if named else "utf-8"
    if charset is None:
        raise FieldError("MSH-18", "unknown character set")
    return Syntax(mark, marks[0], marks[1], marks[2], marks[3], charset)


@dataclass(frozen=True)
class Segment:
    """One segment of a message, by field number as the standard counts."""

    name: str
    fields: list[str]
    syntax: Syntax

    def raw(self, number: int) -> str:
        """Return a field as written; HL7's explicit null counts as empty."""
        number -= self.name == "MSH"  # MSH-1 is the delimiter itself
        value = self.fields[number] if number < len(self.fields) else ""
        return "" if value == NULL else value

    def is_null(self, number: int) -> bool:
        return number < len(self.fields) and self.fields[number] == NULL

    def repeats(self, number: int) -> list[list[str]]:
        """Return the repetitions of a field as lists of its components, unescaped."""
        value = self.raw(number)
        if not value:
            return []
        text, mark = self.syntax.text, self.syntax.component
        return [
            [text(part).strip() for part in each.split(mark)]
            for each in value.split(self.syntax.repetition)
        ]

    def parts(self, number: int, count: int = 6) -> list[str]:
        """Return at least `count` components of a field's first repetition."""
        first = (self.repeats(number) or [[]])[0]
        return first + [""] * (count - len(first))

    def first(self, number: int) -> str:
        return self.parts(number, 1)[0]

    def sub(self, value: str) -> str:
        """Return the first subcomponent of a component."""
        return value.split(self.syntax.part)[0]

    def time(self, number: int) -> tuple[int, bool | None] | None:
        """Return a field's time; the flag says: with an offset, without, or a day only."""
        value = self.first(number)
        if not value:
            return None
        try:
            return time_of(value)
        except ValueError:
            raise FieldError(f"{self.name}-{number}", "unreadable date") from None


@lru_cache(maxsize=1 << 15)
def time_of(text: str) -> tuple[int, bool | None]:
    """Return microseconds since 1970 of a TS; a year or month counts from its first day."""
    match = _TIME.fullmatch(text)
    if not match or (match[7] and not match[6]):
        raise ValueError(text)
    year, month, day, hour, minute, second = (
        int(part) if part else None for part in match.groups()[:6]
    )
    moment = datetime(
        year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC
    )
    micros = int((match[7] or ".").ljust(7, "0")[1:])
    since = moment - _EPOCH
    if match[8] and hour is not None:
        sign = -1 if match[8][0] == "-" else 1
        since -= sign * timedelta(hours=int(match[8][1:3]), minutes=int(match[8][3:]))
    total = (since.days * 86_400 + since.seconds) * 1_000_000 + micros
    if not is_sayable(total):  # its offset leads out of the years 1 to 9999
        raise ValueError(text)
    return total, None if hour is None else bool(match[8])


def parse(raw: bytes, syntax: Syntax) -> Segment:
    """Return a segment of a message whose syntax is known."""
    fields = syntax.decode(raw).split(syntax.field)
    name = fields[0].strip()
    if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", name):
        raise FieldError("segment", "not a segment")
    return Segment(name, fields, syntax)
