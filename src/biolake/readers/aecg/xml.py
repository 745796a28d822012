"""The XML of an annotated ECG: its times, quantities and codes."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.hl7_v3 import Moment, moment, parse
from biolake.core.units import to_ucum

__all__ = ["SECONDS", "Moment", "child", "code_of", "moment", "parse", "quantity", "value_of"]

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}


def value_of(element: Element | None, path: str) -> str | None:
    found = element.find(path) if element is not None else None
    return found.get("value") if found is not None else None


def code_of(element: Element) -> str:
    code = element.find("code")
    return (code.get("code") or "") if code is not None else ""


def _number(text: str | None, what: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise SourceUnreadable(f"{what} is not a number")
    return number


def quantity(element: Element | None, what: str, scale: dict[str, float]) -> tuple[float, str]:
    """Return a number and its unit's size in the base unit's spelling."""
    if element is None:
        raise SourceUnreadable(f"{what} is missing")
    unit = to_ucum(element.get("unit") or "")
    if unit not in scale:
        raise SourceUnreadable(f"{what} has no unit of {'/'.join(scale)}")
    return _number(element.get("value"), what), unit


def child(element: Element | None, tag: str) -> Element | None:
    return element.find(tag) if element is not None else None
