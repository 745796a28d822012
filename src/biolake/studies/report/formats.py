"""Numbers as a clinician reads them: three significant digits, no false precision."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from biolake.studies.report.reading import Estimate, number, whole, words

THIN = "\u202f"  # a narrow space that no line breaks at
MINUS = "\u2212"
UNKNOWN = "not estimable"
NONE = "–"
_TINY, _LARGE, _HUGE = 1e-4, 100.0, 1e9
RATIO = 2  # decimals of a ratio: journals print hazard ratios so


def decimals(value: float, digits: int = 3) -> int:
    """Return how many decimals show `digits` significant digits."""
    if value == 0:
        return 0
    magnitude = math.floor(math.log10(float(f"{abs(value):.{digits - 1}e}")))
    return max(0, digits - 1 - magnitude)


def fixed(value: float, places: int) -> str:
    """Write a number with so many decimals, a true minus and thin spaces between thousands."""
    text = f"{value:,.{places}f}".replace(",", THIN)
    zero = not any(digit in text for digit in "123456789")
    return text.lstrip("-") if zero else text.replace("-", MINUS)


def figure(value: object, digits: int = 3) -> str:
    """Write one number with three significant digits; say so when there is none."""
    found = number(value)
    if found is None:
        return UNKNOWN
    if found and not _TINY <= abs(found) < _HUGE:
        return scientific(found)
    return fixed(found, decimals(found, digits))


def scientific(value: float) -> str:
    """Write a very small or very large number as `1.2 × 10⁻⁶`."""
    mantissa, exponent = f"{value:.1e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa.replace('-', MINUS)} × 10{power}"


def count(value: object) -> str:
    """Write a count with thin spaces between thousands; text such as `<10` stays as it is."""
    found = whole(value)
    if found is None:
        return words(value) or NONE
    return fixed(found, 0)


def share(part: object, total: object) -> str:
    """Write `n/N (%)`; whole per cents below a hundred."""
    n, of = whole(part), whole(total)
    if n is None or not of:
        return f"{count(part)}/{count(total)}"
    return f"{count(n)}/{count(of)} ({percent(n / of, of)})"


def percent(value: object, total: int = 1000) -> str:
    """Write a proportion as a per cent, with a decimal only where the numbers carry one."""
    found = number(value)
    return UNKNOWN if found is None else f"{fixed(100 * found, 0 if total < 100 else 1)}%"


def point(found: Estimate, places: int | None = None) -> str:
    """Write an estimate alone, with so many decimals or three significant digits."""
    if found.value is None or places is None:
        return figure(found.value)
    return bound(found.value, places)


def bound(value: float | None, places: int) -> str:
    """Write a limit with its estimate's decimals: more where those would round it to nothing,
    fewer where it is so large that they say nothing.
    """
    if value is None:
        return UNKNOWN
    if value and (abs(value) < 0.5 * 10**-places or abs(value) >= _HUGE):
        return figure(value, 1)
    return fixed(value, min(places, decimals(value)) if abs(value) >= _LARGE else places)


def limits(found: Estimate, places: int | None = None) -> str:
    """Write an interval: `0.801 to 0.867`."""
    if found.low is None or found.high is None:
        return UNKNOWN
    if places is None:
        places = decimals(found.value or found.high or found.low)
    return f"{bound(found.low, places)} to {bound(found.high, places)}"


def interval(found: Estimate, places: int | None = None) -> str:
    """Write an estimate with its interval: `0.834 (0.801 to 0.867)`."""
    value = point(found, places)
    return f"{value} ({limits(found, places)})" if found and found.bounded else value


def confident(found: Estimate, places: int | None = None) -> str:
    """Write an estimate inside a sentence: `0.834, 95% CI 0.801 to 0.867`."""
    value = point(found, places)
    return f"{value}, 95% CI {limits(found, places)}" if found and found.bounded else value


def p_value(value: object) -> str:
    """Write a P value as journals do: two significant digits, never zero."""
    found = number(value)
    if found is None:
        return UNKNOWN
    if found < 0.001:
        return "<0.001"
    return ">0.99" if found > 0.99 else fixed(found, 3 if found < 0.01 else 2)


def p_words(value: object) -> str:
    """Write `P = 0.03` or `P < 0.001`."""
    text = p_value(value)
    return f"P {text[0]} {text[1:]}" if text[0] in "<>" else f"P = {text}"


def day(value: object) -> str:
    """Write a date: of ISO text its date, of microseconds since 1970 theirs."""
    found = whole(value)
    if found is not None and abs(found) > 10**9:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        try:
            return (epoch + timedelta(microseconds=found)).date().isoformat()
        except OverflowError:
            return words(value)
    text = words(value)
    return text[:10] if re.match(r"\d{4}-\d\d-\d\d[T ]", text) else text
