"""The sections of an SCP-ECG record: where they lie, and what the header section says."""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime

from biolake.core.errors import SourceUnreadable

HEADER, HUFFMAN, LEADS, RHYTHM = 1, 2, 3, 6
_HEAD = 16  # bytes of a section's own header
_POINTER = 10
_END = 255
_DAYS_OF = {1: 365.25, 2: 30.4375, 3: 7.0, 4: 1.0, 5: 1 / 24}  # years, months, weeks, days, hours
_SEXES = {1: "M", 2: "F"}
_LAST, _NUMBER, _AGE, _BIRTH, _SEX, _DEVICE, _DATE, _TIME, _ZONE = 0, 2, 4, 5, 8, 14, 25, 26, 34


def sections(data: bytes) -> dict[int, bytes]:
    """Return each section's content by its number; both checksums of each byte must be right."""
    if len(data) < 6 + _HEAD:
        raise SourceUnreadable("the file is cut short before its first section")
    crc, length = struct.unpack_from("<HI", data)
    if length > len(data) or length < 6 + _HEAD:
        raise SourceUnreadable(f"the record announces {length} bytes, the file has {len(data)}")
    data = data[:length]
    if binascii.crc_hqx(data[2:], 0xFFFF) != crc:
        raise SourceUnreadable("the record's checksum is wrong: the file was damaged or changed")
    found = {}
    pointers = _section(data, 0, 6, struct.unpack_from("<I", data, 10)[0])
    for at in range(0, len(pointers) - _POINTER + 1, _POINTER):
        number, size, index = struct.unpack_from("<HII", pointers, at)
        if size <= _HEAD:
            continue  # listed, and empty
        if number in found:
            raise SourceUnreadable(f"section {number} is listed twice")
        found[number] = _section(data, number, index - 1, size)
    return found


def _section(data: bytes, number: int, at: int, size: int) -> bytes:
    if at < 6 or size < _HEAD or at + size > len(data):
        raise SourceUnreadable(f"section {number} lies outside of the file")
    crc, named, length = struct.unpack_from("<HHI", data, at)
    if named != number or length != size:
        raise SourceUnreadable(f"section {number} is not where it is listed")
    if binascii.crc_hqx(data[at + 2 : at + size], 0xFFFF) != crc:
        raise SourceUnreadable(f"the checksum of section {number} is wrong")
    return data[at + _HEAD : at + size]


@dataclass(frozen=True)
class Header:
    """What section 1 says; `start` is microseconds since 1970 as written.

    `offset` is the clock's minutes east of UTC where the record tells.
    """

    subject: str | None = None
    age: float | None = None  # years
    sex: str = ""
    device: str = ""
    start: int | None = None
    offset: int | None = None


def read_header(body: bytes) -> Header:
    """Read the tags that are needed; names and addresses are passed over."""
    tags = _tags(body)
    taken = _date(tags.get(_DATE, b""))
    start, offset = _start(taken, tags.get(_TIME, b""), tags.get(_ZONE, b""))
    sex = tags.get(_SEX, b"")
    return Header(
        _text(tags.get(_NUMBER, b"")) or None,
        _age(tags.get(_AGE, b""), _date(tags.get(_BIRTH, b"")), taken),
        _SEXES.get(sex[0], "") if sex else "",
        _text(tags.get(_DEVICE, b"")[8:14]),
        start,
        offset,
    )


def _tags(body: bytes) -> dict[int, bytes]:
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(body):
        tag, length = struct.unpack_from("<BH", body, at)
        at += 3
        if tag == _END:
            return tags
        if at + length > len(body):
            raise SourceUnreadable(f"tag {tag} of section 1 is cut short")
        tags.setdefault(tag, body[at : at + length])
        at += length
    raise SourceUnreadable("section 1 has no end")


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("latin-1").strip()


def _date(value: bytes) -> date | None:
    if len(value) < 4:
        return None
    try:
        return date(*struct.unpack_from("<HBB", value))
    except ValueError:  # zeros mean unknown
        return None


def _start(day: date | None, clock: bytes, zone: bytes) -> tuple[int | None, int | None]:
    if day is None or len(clock) < 3:
        return None, None
    try:
        hour, minute, second = clock[:3]
        local = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None, None
    offset = struct.unpack_from("<h", zone)[0] if len(zone) >= 2 else None
    told = offset is not None and abs(offset) <= 14 * 60  # 0x7FFF means unknown
    return round(local.timestamp() * 1e6), offset if told else None


def _age(value: bytes, birth: date | None, taken: date | None) -> float | None:
    if len(value) >= 3:
        number, unit = struct.unpack_from("<HB", value)
        if number and unit in _DAYS_OF:
            return round(float(number * _DAYS_OF[unit] / _DAYS_OF[1]), 2)
    if birth is not None and taken is not None and birth <= taken:
        return round((taken - birth).days / _DAYS_OF[1], 2)
    return None
