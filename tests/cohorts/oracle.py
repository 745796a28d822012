"""What a task means, straight from its definition: slow, obvious, and sharing no code with ours.

An instant is a subject's events at one time. A window is judged by the instants inside it. A window
whose bounding event does not exist is no window, and its trigger is not in the cohort.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from dataclasses import dataclass

from tests.cohorts.cases import ANY, FIRST, LAST, Event, Move, Spec, WindowSpec

Row = tuple[int, int | None, bool | None]


@dataclass(frozen=True)
class Record:
    """One subject: hours with events, in order, and how often each predicate holds at each."""

    hours: list[int]
    counts: dict[int, Counter[str]]


def cohort(events: list[Event], spec: Spec) -> Counter[Row]:
    """Return (subject, hour of prediction, label) of every trigger that meets all windows."""
    rows: Counter[Row] = Counter()
    for subject in sorted({event.subject for event in events}):
        own = [event for event in events if event.subject == subject]
        timeless = {event.code for event in own if event.hour is None}
        if _static_codes(spec) <= timeless:
            record = _record(own, spec)
            for hour in record.hours:
                if _holds(record, spec.trigger, hour):
                    row = _judge(record, spec, hour)
                    if row:
                        rows[(subject, *row)] += 1
    return rows


def _static_codes(spec: Spec) -> set[object]:
    """Return the codes every subject must have: demographics, and static predicates in use."""
    used = {spec.trigger}
    for window in spec.windows:
        used |= {window.first.event, window.second.event, window.label, *window.has}
    for name in reversed(list(spec.predicates)):
        if name in used and "expr" in spec.predicates[name]:
            used |= set(re.findall(r"\w+", str(spec.predicates[name]["expr"])))
    static = [spec.predicates[name] for name in used & set(spec.predicates)]
    demands = [*spec.demographics.values(), *(p for p in static if p.get("static"))]
    return {predicate["code"] for predicate in demands}


def _record(events: list[Event], spec: Spec) -> Record:
    hours = sorted({event.hour for event in events if event.hour is not None})
    counts = {}
    for hour in hours:
        there = [event for event in events if event.hour == hour]
        counts[hour] = Counter(
            {name: _count(there, name, spec) for name in spec.predicates}
            | {ANY: 1, FIRST: int(hour == hours[0]), LAST: int(hour == hours[-1])}
        )
    return Record(hours, counts)


def _count(there: list[Event], name: str, spec: Spec) -> int:
    predicate = spec.predicates[name]
    if predicate.get("static"):
        return 1  # every subject that is left has it
    if "expr" in predicate:
        word, inside = re.fullmatch(r"(\w+)\((.*)\)", str(predicate["expr"])).groups()
        parts = [_count(there, part.strip(), spec) > 0 for part in inside.split(",")]
        return int(all(parts) if word == "and" else any(parts))
    return sum(_matches(event, predicate) for event in there)


def _matches(event: Event, predicate: dict[str, object]) -> bool:
    code = predicate["code"]
    if isinstance(code, dict):
        right = (
            re.search(code["regex"], event.code) if "regex" in code else event.code in code["any"]
        )
    else:
        right = event.code == code
    if not right or ("text_value" in predicate and event.text != predicate["text_value"]):
        return False
    return all(_in_range(event.value, predicate, end) for end in ("min", "max"))


def _in_range(value: float | None, predicate: dict[str, object], end: str) -> bool:
    limit = predicate.get(f"value_{end}")
    if limit is None:
        return True
    if value is None:
        return False
    value, limit = _float32(value), _float32(float(limit))
    if value == limit:
        return bool(predicate.get(f"value_{end}_inclusive"))
    above = math.isnan(value) or value > limit  # not-a-number sorts above every number
    return above if end == "min" else not above


def _float32(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _holds(record: Record, predicate: str, hour: int) -> bool:
    return record.counts[hour][predicate] > 0


def _judge(record: Record, spec: Spec, trigger: int) -> tuple[int | None, bool | None] | None:
    points: dict[str, int | None] = {"trigger": trigger}
    index, label = None, None
    for window in spec.windows:
        ends = _ends(record, window, points)
        if ends is None:
            return None
        points |= {f"{window.name}.{side}": hour for side, hour in ends.items()}
        for predicate, (low, high) in window.has.items():
            count = _within(record, window, ends, predicate)
            if (low is not None and count < low) or (high is not None and count > high):
                return None
        if window.index:
            index = ends[window.index]
        if window.label:
            label = _within(record, window, ends, window.label) > 0
    return index, label


def _ends(
    record: Record, window: WindowSpec, points: dict[str, int | None]
) -> dict[str, int] | None:
    other = "end" if window.root == "start" else "start"
    root = _moved(record, points[window.reference], window.first, inclusive=False)
    if root is None:
        return None
    hour = _moved(record, root, window.second, inclusive=window.inclusive[other])
    return None if hour is None else {window.root: root, other: hour}


def _moved(record: Record, hour: int, move: Move, *, inclusive: bool) -> int | None:
    if move.kind == "stay":
        return hour
    if move.kind == "offset":
        return hour + move.hours
    events = [h for h in record.hours if _holds(record, move.event, h)]
    if move.kind == "next":
        return min((h for h in events if h > hour or (inclusive and h == hour)), default=None)
    return max((h for h in events if h < hour or (inclusive and h == hour)), default=None)


def _within(record: Record, window: WindowSpec, ends: dict[str, int], predicate: str) -> int:
    start, end = ends["start"], ends["end"]
    return sum(
        record.counts[hour][predicate]
        for hour in record.hours
        if (start < hour or (start == hour and window.inclusive["start"]))
        and (hour < end or (hour == end and window.inclusive["end"]))
    )
