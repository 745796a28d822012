"""Time where a source knows none: days and months since diagnosis, laid on one made-up date."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.readers._rows import Event

DAY = 86_400_000_000  # microseconds
DAYS_A_MONTH = 30.4375  # 365.25 / 12, as TCGA and cBioPortal turn days into months
DAYS_A_YEAR = 365.25
ORIGIN_CODE = "TIME_ORIGIN//DIAGNOSIS"
# Day 0 of every subject. No date of such a source is a calendar date.
ORIGIN = int(np.datetime64(datetime(2000, 1, 1), "us").astype(np.int64))  # noqa: DTZ001 - naive
NOTE = (
    "Times are days since each subject's diagnosis, laid on 2000-01-01: the source has no dates."
    f" Months are {DAYS_A_MONTH} days, rounded to whole days; births are diagnosis less the age."
)


def at_day(day: float) -> int:
    """Return the time of a whole day after the origin."""
    return ORIGIN + round(day) * DAY


def at_month(months: float) -> int:
    return at_day(months * DAYS_A_MONTH)


def at_birth(age: float) -> int:
    """Return when someone of this age (years) at the origin was born, to the day."""
    return at_day(-age * DAYS_A_YEAR)


def keyed(event: Event, key: int) -> Event:
    return event._replace(row_key=key)


def event(
    subject: str,
    code: str,
    time: int | None,
    *,
    value: float | None = None,
    text: str | None = None,
    end: int | None = None,
    key: int = 0,
) -> Event:
    return Event(subject, time, end, code, value, text, None, None, key)


def empty(file: SourceFile, table: str, tally: Tally) -> Chunk:
    """Return a chunk that only accounts for rows."""
    return Chunk(file, table, tally)
