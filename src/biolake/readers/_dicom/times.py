"""When an image was taken: DICOM dates, times and zones to microseconds since 1970 (PS3.5 6.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from biolake.readers._dicom import tags
from biolake.readers._dicom.header import Header

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_DATE = re.compile(r"(\d{4})[.:]?(\d\d)[.:]?(\d\d)")
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(?:\.(\d{1,6}))?")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)")
_DATETIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?")
_PAIRS = (
    (tags.ACQUISITION_DATE, tags.ACQUISITION_TIME),
    (tags.CONTENT_DATE, tags.CONTENT_TIME),
    (tags.SERIES_DATE, tags.SERIES_TIME),
    (tags.STUDY_DATE, tags.STUDY_TIME),
)


Moment = tuple[int | None, int | None]


def taken(header: Header) -> Moment:
    """Return when it was taken, in microseconds since 1970 as written, and the clock's minutes
    east of UTC where the file tells.

    The acquisition counts, then the content, the series, the study; a day without a time counts
    from midnight, and only when nothing tells both.
    """
    zone = header.text(tags.TIMEZONE)
    whole = _DATETIME.fullmatch(header.text(tags.ACQUISITION_DATETIME))
    if whole:
        found = moment(whole[1], whole[2])
        if found is not None:
            return found, _offset(whole[3] or zone)
    for day, time in _PAIRS:
        at = header.text(time)
        found = moment(header.text(day), at) if at else None
        if found is not None:
            return found, _offset(zone)
    days = (moment(header.text(day), "") for day, _ in _PAIRS)
    found = next((day for day in days if day is not None), None)
    return (None, None) if found is None else (found, _offset(zone))


def moment(day: str, time: str) -> int | None:
    """Return microseconds since 1970 of a DA and a TM; nothing when either is malformed."""
    date = _DATE.fullmatch(day)
    clock = _TIME.fullmatch(time) if time else None
    if date is None or (time and clock is None):
        return None
    hour, minute, second, part = clock.groups() if clock else (None, None, None, None)
    try:
        found = datetime(
            int(date[1]), int(date[2]), int(date[3]), int(hour or 0), int(minute or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    # A leap second is written as 60.
    seconds = min(int(second or 0), 60)
    found += timedelta(seconds=seconds, microseconds=int((part or "0").ljust(6, "0")))
    return (found - _EPOCH) // timedelta(microseconds=1)


def earliest(known: Sequence[Moment]) -> Moment:
    """Return the first of several moments; nothing where some tell their clock and some do not."""
    timed = [(at, offset) for at, offset in known if at is not None]
    if not timed or len({offset is None for _, offset in timed}) > 1:
        return None, None
    return min(timed, key=lambda one: one[0] - (one[1] or 0) * _MINUTE)


def _offset(zone: str) -> int | None:
    told = _ZONE.fullmatch(zone)
    if told is None:
        return None
    return (1 if told[1] == "+" else -1) * (int(told[2]) * 60 + int(told[3]))
