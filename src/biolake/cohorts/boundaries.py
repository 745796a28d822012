"""The ends of a window as ACES writes them: `trigger + 24h`, `end <- admission`, `gap.end`."""

from __future__ import annotations

import re

from biolake.cohorts.definition import RECORD_END, RECORD_START, Boundary, Side, Window
from biolake.cohorts.durations import parse_duration
from biolake.core.yaml_positions import Value, Where

_REFERENCE = re.compile(r"\w+(\.(start|end))?", re.ASCII)
_NEXT = "Write `trigger + 24h`, `start -> death`, `end <- admission`, `input.end` or null."


def parse_boundary(value: Value | None, side: Side, where: Where) -> Boundary:
    """Parse one end of a window; null is the start or the end of the record."""
    if value is None:
        if side == "start":
            return Boundary("end", where, event=RECORD_START, direction="previous")
        return Boundary("start", where, event=RECORD_END, direction="next")
    text = value.text()
    for arrow in ("->", "<-"):
        if arrow in text:
            return _event_bound(value, text, arrow)
    for sign in ("+", "-"):
        if sign in text:
            return _offset(value, text, sign)
    return Boundary(_reference(value, text), value.where)


def _event_bound(value: Value, text: str, arrow: str) -> Boundary:
    parts = [part.strip() for part in text.split(arrow)]
    if len(parts) != 2 or re.fullmatch(r"\w+", parts[1], re.ASCII) is None:
        value.refuse(f"'{text}' is not a boundary", next=_NEXT)
    reference, event = _reference(value, parts[0]), parts[1]
    if arrow == "->" and event == RECORD_START:
        value.refuse("no window can end at the start of the record")
    if arrow == "<-" and event == RECORD_END:
        value.refuse("no window can start at the end of the record")
    direction: dict[str, str] = {"->": "next", "<-": "previous"}
    if direction[arrow] == "next":
        return Boundary(reference, value.where, event=event, direction="next")
    return Boundary(reference, value.where, event=event, direction="previous")


def _offset(value: Value, text: str, sign: str) -> Boundary:
    parts = [part.strip() for part in text.split(sign)]
    if len(parts) != 2 or "-" in parts[1]:
        value.refuse(f"'{text}' is not a boundary", next=_NEXT)
    length = parse_duration(parts[1])
    if length is None:
        value.refuse(
            f"'{parts[1]}' is not a length of time",
            next="Write weeks, days, hours, minutes or seconds, for example 24h or 30 days.",
        )
    offset = length if sign == "+" else -length
    return Boundary(_reference(value, parts[0]), value.where, offset)


def _reference(value: Value, text: str) -> str:
    reference = text.strip()
    if _REFERENCE.fullmatch(reference) is None:
        value.refuse(f"'{reference}' names no point in time", next=_NEXT)
    return reference


def root_side(value: Value, start: Boundary, end: Boundary) -> Side:
    """Return which end of a window hangs on another window; the other end hangs on it."""
    if (start.reference == "end") == (end.reference == "start"):
        value.refuse(
            "exactly one end of a window must refer to the other",
            next="For example `start: trigger` and `end: start + 24h`.",
        )
    if start.reference == "end":
        if start.offset > 0 or start.direction == "next":
            value.refuse("the window would end before it starts")
        return "end"
    if end.offset < 0 or end.direction == "previous":
        value.refuse("the window would end before it starts")
    return "start"


def check_length(window: Window, value: Value) -> None:
    """Refuse to judge a window of no length: ACES drops what is asked of it without a word."""
    if window.boundary(window.other).moves:
        return
    if window.has or window.values or window.label or window.index:
        value.refuse(
            f"window '{window.name}' has no length, so nothing can be counted in it",
            next="Ask it of a window with a length, or of the trigger.",
        )
