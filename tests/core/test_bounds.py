"""What a stored value can be."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from biolake.core.bounds import FIRST_TIME, LAST_TIME, TOO_LARGE, TOO_SMALL, is_sayable, is_storable

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - lake times are naive
MICROSECOND = timedelta(microseconds=1)


@given(st.floats())
@example(TOO_LARGE)
@example(float(np.nextafter(TOO_LARGE, 0)))
@example(TOO_SMALL)
@example(float(np.nextafter(TOO_SMALL, 1)))
def test_a_number_is_storable_if_float32_neither_loses_nor_overflows_it(number: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        kept = np.float32(number)
    assert is_storable(number) == bool(np.isfinite(kept) and (kept != 0 or number == 0))


def test_the_ends_of_time_are_those_of_the_calendar() -> None:
    first, last = EPOCH.replace(1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - as above
    assert (first - EPOCH) // MICROSECOND == FIRST_TIME
    assert (last - EPOCH) // MICROSECOND == LAST_TIME
    assert is_sayable(None)
    assert is_sayable(LAST_TIME)
    assert not is_sayable(FIRST_TIME - 1)
    assert not is_sayable(LAST_TIME + 1)
