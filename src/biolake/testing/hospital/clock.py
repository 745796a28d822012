"""The hospital's clock: whole seconds since 1970, local time, as int64."""

from __future__ import annotations

import numpy as np

HOUR = 3600
DAY = 24 * HOUR
YEAR = 31_557_600
NEVER = 2**40


def moment(text: str) -> int:
    """Read an ISO date or date and time."""
    return int(np.datetime64(text, "s").astype(np.int64))


STUDY_START = moment("2010-01-01")
LAST_ENTRY = moment("2018-01-01")
STUDY_END = moment("2025-01-01")
ICD10_START = moment("2015-10-01")


def year_of(seconds: np.ndarray) -> np.ndarray:
    """Return the calendar year of each moment."""
    return seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970


def day_of(seconds: np.ndarray) -> np.ndarray:
    """Return the calendar day of each moment, as seconds at midnight."""
    return seconds // DAY * DAY


def texts(seconds: np.ndarray, unit: str = "s") -> list[str]:
    """Write each moment as ISO text: 's' for date and time, 'D' for the date."""
    stamps = seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]")
    return np.datetime_as_string(stamps).tolist()


def compact(seconds: np.ndarray) -> list[str]:
    """Write each moment as HL7 v2 does: YYYYMMDDHHMMSS."""
    return [t[:4] + t[5:7] + t[8:10] + t[11:13] + t[14:16] + t[17:19] for t in texts(seconds)]
