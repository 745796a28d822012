"""Look things up in a result that may lack any of them: a report never fails for a missing key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """Return a sequence as a list, and an empty list for anything else, text included."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return list(value) if is_list and isinstance(value, Sequence) else []


def rows(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of a list."""
    return [item for item in listed(value) if isinstance(item, Mapping)]


def at(value: object, path: str) -> Any:
    """Follow a dotted path through mappings; None where it ends early."""
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def number(value: object) -> float | None:
    """Return a finite number, or None: NaN, infinity, text and truth values are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """Return a count, or None."""
    found = number(value)
    return None if found is None else round(found)


def words(value: object) -> str:
    """Return text without its outer spaces; nothing for None."""
    return "" if value is None else str(value).strip()


def plain(value: object) -> str:
    """Write a nested definition as one line: `codes: A, B; horizon: 30 days`.

    Keys are sorted, as they are in result.json, so that a result says the same before and after it
    is written.
    """
    if isinstance(value, Mapping):
        parts = sorted((words(key), plain(held)) for key, held in value.items())
        return "; ".join(f"{key.replace('_', ' ')}: {held}" for key, held in parts if held)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        held = [plain(item) for item in value]
        joint = " | " if any(";" in item for item in held) else ", "
        return joint.join(item for item in held if item)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words(value)


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; None is what could not be estimated."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __bool__(self) -> bool:
        return self.value is not None

    @property
    def bounded(self) -> bool:
        return self.low is not None and self.high is not None


def estimate(value: object, name: str = "estimate") -> Estimate:
    """Read an estimate from `{estimate, low, high}` or from a bare number."""
    held = mapping(value)
    if not held:
        return Estimate(number(value))
    return Estimate(number(held.get(name)), number(held.get("low")), number(held.get("high")))


def first(held: Mapping[str, Any], *names: str) -> Any:
    """Return the first of these keys that holds something."""
    return next((held[name] for name in names if held.get(name) is not None), None)


def pairs(value: object) -> list[tuple[float, float]]:
    """Read points from `[[x, y], …]`, leaving out those that are not two numbers."""
    found = []
    for item in listed(value):
        point = listed(item)
        if len(point) == 2 and (x := number(point[0])) is not None:
            y = number(point[1])
            found += [] if y is None else [(x, y)]
    return found
