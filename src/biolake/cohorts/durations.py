"""Lengths of time as ACES writes them: `24h`, `30 days`, `1 week, 2 hours`, `1:30:00`."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

SECOND = 1_000_000
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_WRITTEN = {
    "weeks": r"w|wks?|weeks?",
    "days": r"d|dys?|days?",
    "hours": r"h|hrs?|hours?",
    "minutes": r"m|mins?|minutes?",
    "seconds": r"s|secs?|seconds?",
}
_CLOCK = r"(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d+)?)"


def _part(name: str) -> str:
    return rf"(?:(?P<{name}>[0-9.]+)\s*(?:{_WRITTEN[name]})\s*(?:[,/]\s*)?)?"


# The same forms, tried in the same order, as the parser ACES uses (pytimeparse 1.2).
_FORMS = [
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        r"\s*".join(_part(name) for name in _UNITS),
        r"(?P<minutes>\d{1,2}):(?P<seconds>\d{2}(?:\.\d+)?)",
        rf"{_part('weeks')}\s*{_part('days')}\s*(?P<hours>\d+):{_CLOCK}",
        rf"(?P<days>\d+):(?P<hours>\d{{2}}):{_CLOCK}",
        r":(?P<seconds>\d{2}(?:\.\d+)?)",
    )
]


def parse_duration(text: str) -> int | None:
    """Return the microseconds of an unsigned length of time, or None if it is not one."""
    text = text.strip()
    for form in _FORMS:
        match = form.fullmatch(text) if text else None
        if match:
            parts = {name: value for name, value in match.groupdict().items() if value}
            try:
                return _microseconds({name: Decimal(value) for name, value in parts.items()})
            except InvalidOperation:
                continue
    return None


def _microseconds(parts: dict[str, Decimal]) -> int:
    total = sum((_UNITS[name] * value for name, value in parts.items()), Decimal(0))
    whole = parts.get("seconds", Decimal(0)) % 1 == 0
    # Fractions of a second exist only where seconds are written with a fraction.
    return int(total) * SECOND if whole else round(total * SECOND)


def duration_text(microseconds: int) -> str:
    """Return a length of time in the largest units that keep it whole: `2 days`, `36 hours`."""
    seconds = abs(microseconds) // SECOND
    for name in ("days", "hours", "minutes", "seconds"):
        unit = _UNITS[name]
        if seconds % unit == 0 and abs(microseconds) == seconds * SECOND:
            many = seconds // unit
            return f"{many} {name if many != 1 else name[:-1]}"
    return f"{abs(microseconds) / SECOND:g} seconds"
