"""When an image was taken: DICOM dates, times and zones to microseconds since 1970 (PS3.5 6.2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from biolake.readers._dicom import tags
from biolake.readers._dicom.header import Header

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


def taken(header: Header) -> tuple[int | None, bool]:
    """Return when it was taken, in microseconds since 1970, and whether that is UTC.

    The acquisition counts, then the content, the series, the study; a day without a time counts
    from midnight, and only when nothing tells both.
    """
    zone = header.text(tags.TIMEZONE)
    whole = _DATETIME.fullmatch(header.text(tags.ACQUISITION_DATETIME))
    if whole:
        found = moment(whole[1], whole[2])
        if found is not None:
            return _shifted(found, whole[3] or zone)
    for day, time in _PAIRS:
        at = header.text(time)
        found = moment(header.text(day), at) if at else None
        if found is not None:
            return _shifted(found, zone)
    days = (moment(header.text(day), "") for day, _ in _PAIRS)
    found = next((day for day in days if day is not None), None)
    return (None, False) if found is None else _shifted(found, zone)


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


def _shifted(found: int, zone: str) -> tuple[int, bool]:
    offset = _ZONE.fullmatch(zone)
    if offset is None:
        return found, False
    seconds = int(offset[2]) * 3600 + int(offset[3]) * 60
    return found - (1 if offset[1] == "+" else -1) * seconds * 1_000_000, True
