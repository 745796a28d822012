"""EDF and BDF headers: who, when, and how the data records are laid out.

Sources: Kemp et al. 1992 (EDF), Kemp and Olivan 2003 (EDF+), BioSemi's BDF description.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from biolake.core.errors import SourceUnreadable

MAGIC = {b"0       ": 2, b"\xffBIOSEMI": 3}  # first eight bytes → bytes a sample
_FIXED = 256
_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_DATE = re.compile(r"(\d\d)[./-](\d\d)[./-](\d\d)")
_TIME = re.compile(r"(\d\d)[.:](\d\d)[.:](\d\d)")
_LONG_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Channel(NamedTuple):
    """One signal of a data record; physical = (digital − digital_min) · scale + physical_min."""

    label: str
    unit: str
    physical_min: float
    digital_min: int
    scale: float
    samples: int
    first: int  # its first sample within a record
    is_annotation: bool


@dataclass(frozen=True)
class Header:
    """A file's header. `patient` and `recording` are EDF+'s fields, spaces still as `_`."""

    width: int
    offset: int
    plus: bool
    discontinuous: bool
    records: int
    duration: float
    channels: tuple[Channel, ...]
    start: datetime | None
    patient: tuple[str, ...] = field(repr=False)
    equipment: str
    notes: tuple[str, ...]

    @property
    def record_samples(self) -> int:
        return sum(channel.samples for channel in self.channels)


def read_header(start: bytes, size: int) -> Header:
    """Read the header from a file's first bytes; `size` is the whole file's.

    Raises `SourceUnreadable` when it is no EDF or BDF, contradicts itself, or the file is cut
    short. A record count of −1, a recording never closed, is taken from the size.
    """
    width, count = _kind(start, size)
    offset = _FIXED * (1 + count)
    reserved = start[192:236].decode("latin-1")
    plus = reserved.startswith(("EDF+", "BDF+"))
    channels = _channels(start[_FIXED:offset], count, plus)
    duration = _duration(start[244:252], channels)
    bytes_each = width * sum(channel.samples for channel in channels)
    records, notes = _records(
        _whole(start[236:244], "number of data records"), bytes_each, size - offset
    )
    recording = _fields(start[88:168]) if plus else ()
    moment, fault = _start(_text(start[168:176]), _text(start[176:184]), recording)
    return Header(
        width,
        offset,
        plus,
        plus and reserved[4:5] == "D",
        records,
        duration,
        channels,
        moment,
        _fields(start[8:88]) if plus else (),
        recording[4].replace("_", " ") if len(recording) > 4 and recording[4] != "X" else "",
        notes + fault,
    )


def _kind(start: bytes, size: int) -> tuple[int, int]:
    """Return bytes a sample and number of signals, the header's own size checked."""
    if size == 0:
        raise SourceUnreadable("the file is empty")
    width = MAGIC.get(start[:8])
    if width is None:
        raise SourceUnreadable("the file is no EDF or BDF")
    count = _whole(start[252:256], "number of signals")
    offset = _FIXED * (1 + count)
    if count < 1 or len(start) < offset or size < offset:
        raise SourceUnreadable("the header is cut short, or has no signals")
    if _whole(start[184:192], "number of header bytes") != offset:
        raise SourceUnreadable("the number of header bytes does not fit the number of signals")
    return width, count


def header_bytes(start: bytes) -> int:
    """Return how many bytes the header takes, as its first 256 tell; 256 where they do not."""
    text = start[252:256].decode("latin-1").strip()
    return _FIXED * (1 + int(text)) if text.isascii() and text.isdecimal() else _FIXED


def birth_date(patient: tuple[str, ...]) -> date | None:
    """Return the date of birth of EDF+'s patient field, where it is one."""
    return _long_date(patient[2]) if len(patient) > 2 else None


def _channels(block: bytes, count: int, plus: bool) -> tuple[Channel, ...]:
    columns: list[list[bytes]] = []
    at = 0
    for width in _WIDTHS:
        columns.append([block[at + width * i : at + width * (i + 1)] for i in range(count)])
        at += width * count
    channels: list[Channel] = []
    first = 0
    for row in zip(*columns, strict=True):
        try:
            channel = _channel(row, first, plus)
        except SourceUnreadable as error:
            raise SourceUnreadable(error.message, where=f"signal {len(channels) + 1}") from None
        channels.append(channel)
        first += channel.samples
    return tuple(channels)


def _channel(row: tuple[bytes, ...], first: int, plus: bool) -> Channel:
    label, unit = _text(row[0]), _text(row[2])
    samples = _whole(row[8], "number of samples in a record")
    if samples < 1:
        raise SourceUnreadable("the number of samples in a record is not above 0")
    if plus and label in ("EDF Annotations", "BDF Annotations"):
        return Channel(label, "", 0.0, 0, 1.0, samples, first, True)
    low, high = _number(row[3], "physical minimum"), _number(row[4], "physical maximum")
    least, most = _whole(row[5], "digital minimum"), _whole(row[6], "digital maximum")
    if least >= most or low == high:
        raise SourceUnreadable("the digital or physical range is empty")
    if max(abs(low), abs(high)) > 1e30:
        raise SourceUnreadable("the physical range is beyond 1e30")
    return Channel(label, unit, low, least, (high - low) / (most - least), samples, first, False)


def _duration(raw: bytes, channels: tuple[Channel, ...]) -> float:
    """Return the seconds of a data record; only annotations may have records of no duration."""
    found = _number(raw, "duration of a data record")
    fastest = max((channel.samples for channel in channels if not channel.is_annotation), default=0)
    if not 0 <= found <= 1e7 or fastest > found * 1e9:
        raise SourceUnreadable("the duration of a data record is not above 0, or beyond reason")
    return found


def _records(stated: int, bytes_each: int, held: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of data records, checked against the bytes that are there."""
    whole, rest = divmod(held, bytes_each)
    notes: tuple[str, ...] = ()
    if stated == -1:
        stated = whole
        notes = ("the recording was never closed: its length is taken from the file's size",)
    elif stated < 0:
        raise SourceUnreadable("the number of data records is negative")
    if stated == 0:
        raise SourceUnreadable("the file has no data records")
    if whole < stated:
        raise SourceUnreadable("the file is cut short: it has fewer data records than it says")
    if whole > stated:
        raise SourceUnreadable("the file has more data records than it says")
    return stated, notes + (("bytes follow the last data record",) if rest else ())


def _start(
    day: str, time: str, recording: tuple[str, ...]
) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when the recording starts; None where the date is withheld (`Startdate X`) or wrong.

    And what is wrong with it.
    """
    short, clock = _DATE.fullmatch(day), _TIME.fullmatch(time)
    if short is None or clock is None:
        return None, ("the start date or time is not written as EDF asks",)
    dated = len(recording) > 1 and recording[0] == "Startdate"
    if dated and recording[1] == "X":
        return None, ()
    # Two digits stand for 1985 to 2084 (EDF+).
    year = int(short[3]) + (1900 if int(short[3]) >= 85 else 2000)
    try:
        hour, minute, second = map(int, clock.groups())
        moment = datetime(year, int(short[2]), int(short[1]), hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None, ("the start date or time does not exist",)
    told = _long_date(recording[1]) if dated else None
    if told is None:
        return moment, ()
    if (told.month, told.day) != (moment.month, moment.day):
        return None, ("the two start dates of the header differ",)
    return moment.replace(year=told.year), ()


def _long_date(text: str) -> date | None:
    found = _LONG_DATE.fullmatch(text)
    if found is None or found[2].upper() not in _MONTHS:
        return None
    try:
        return date(int(found[3]), _MONTHS.index(found[2].upper()) + 1, int(found[1]))
    except ValueError:
        return None


def _fields(raw: bytes) -> tuple[str, ...]:
    return tuple(_text(raw).split())


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip(" \0")
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip(" \0")


def _number(raw: bytes, what: str) -> float:
    text = _text(raw)
    found = float(text) if text.isascii() and _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(found):
        raise SourceUnreadable(f"the {what} is not a number")
    return found


def _whole(raw: bytes, what: str) -> int:
    found = _number(raw, what)
    if not found.is_integer():
        raise SourceUnreadable(f"the {what} is not a whole number")
    return int(found)
