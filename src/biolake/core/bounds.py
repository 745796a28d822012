"""What a stored value can be: times of the years 1 to 9999, numbers that a float32 can hold.

Beyond these years Python, ISO 8601 and most tools cannot say a time; beyond float32 a number
becomes infinite, or zero. A row with such a value is quarantined, never changed in silence.
"""

from __future__ import annotations

FIRST_TIME = -62_135_596_800_000_000  # 0001-01-01 in microseconds since 1970
LAST_TIME = 253_402_300_799_999_999  # the last microsecond of 9999

# IEEE 754 binary32, rounding to nearest: from here on a number becomes infinite, or zero.
TOO_LARGE = 2.0**128 - 2.0**103
TOO_SMALL = 2.0**-150


def is_storable(number: float) -> bool:
    """Say whether a number stays finite, and does not become zero, as a float32."""
    size = abs(number)
    return size < TOO_LARGE and (size > TOO_SMALL or size == 0)


def is_sayable(microseconds: int | None) -> bool:
    """Say whether a time, if there is one, lies in the years 1 to 9999."""
    return microseconds is None or FIRST_TIME <= microseconds <= LAST_TIME
