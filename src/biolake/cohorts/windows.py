"""Windows of a task file, with what `biolake: windows:` asks of their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from biolake.cohorts.boundaries import check_length, parse_boundary, root_side
from biolake.cohorts.definition import (
    SPECIAL,
    STATISTICS,
    Count,
    Statistic,
    ValueRange,
    Window,
)
from biolake.cohorts.predicates import check_name, finite, truth
from biolake.core.errors import did_you_mean
from biolake.core.yaml_positions import Value

_REQUIRED = ("start_inclusive", "end_inclusive")
_OPTIONAL = ("start", "end", "has", "label", "index_timestamp")


@dataclass(frozen=True)
class ParsedWindow:
    """A window, its YAML value, and every predicate it uses with the place it is named at."""

    window: Window
    value: Value
    uses: tuple[tuple[str, Value], ...]


def parse_windows(value: Value | None, own: Value | None) -> list[ParsedWindow]:
    """Parse all windows; at most one has a label and at most one the prediction time."""
    found = [_window(key, block) for key, block in value.entries()] if value else []
    for role in ("label", "index"):
        bearers = [one for one in found if getattr(one.window, role)]
        if len(bearers) > 1:
            word = "label" if role == "label" else "index_timestamp"
            bearers[1].value.refuse(
                f"only one window can have '{word}', and '{bearers[0].window.name}' has it already"
            )
    if own is not None:
        found = _with_values(found, own)
    for one in found:
        check_length(one.window, one.value)
    return found


def _window(key: Value, value: Value) -> ParsedWindow:
    name = check_name(key)
    found = value.block(_OPTIONAL, _REQUIRED)
    if "start" not in found and "end" not in found:
        value.refuse("a window cannot go from the start to the end of the record")
    start = parse_boundary(found.get("start"), "start", value.where)
    end = parse_boundary(found.get("end"), "end", value.where)
    has = found["has"].entries() if "has" in found else []
    window = Window(
        name,
        key.where,
        start,
        end,
        truth(found["start_inclusive"]),
        truth(found["end_inclusive"]),
        root_side(value, start, end),
        tuple(_count(*entry) for entry in has),
        label=_label(found),
    )
    if "index_timestamp" in found:
        side = found["index_timestamp"].choice("start", "end")
        window = replace(window, index="start" if side == "start" else "end")
    uses = [(start.event, found.get("start")), (end.event, found.get("end"))]
    uses += [(window.label, found.get("label")), *((k.text(), k) for k, _ in has)]
    named = tuple((name, spot) for name, spot in uses if name and spot is not None)
    return ParsedWindow(window, value, named)


def _label(found: dict[str, Value]) -> str:
    if "label" not in found:
        return ""
    if found["label"].text() in SPECIAL:
        found["label"].refuse("a label must be a predicate of the task")
    return found["label"].text()


def _count(key: Value, value: Value) -> Count:
    """Parse `(min, max)`: whole numbers or None, both included."""
    parts = [part.strip() for part in value.text().strip().strip("()").split(",")]
    if len(parts) != 2:
        value.refuse(f"'{value.text()}' is not a range", next="Write (1, None) or (None, 0).")
    least, most = (_whole(value, part) for part in parts)
    if least is None and most is None:
        value.refuse("the range has no limit", next="Write (1, None) or (None, 0).")
    if most is not None and most < (least or 0):
        value.refuse("no count can lie in this range: its maximum is below its minimum")
    return Count(key.text(), least, most, value.where)


def _whole(value: Value, text: str) -> int | None:
    if text in ("None", ""):
        return None
    try:
        return int(text)
    except ValueError:
        value.refuse(
            f"'{text}' is neither a whole number nor None", next="Write (1, None) or (None, 0)."
        )


def _with_values(found: list[ParsedWindow], own: Value) -> list[ParsedWindow]:
    names = [one.window.name for one in found]
    asked: dict[str, list[tuple[Value, Value]]] = {}
    for key, value in own.entries():
        if key.text() not in names:
            key.refuse(f"there is no window '{key.text()}'.{did_you_mean(key.text(), names)}")
        asked[key.text()] = value.block((), ("has_value",))["has_value"].entries()
    result = []
    for one in found:
        entries = asked.get(one.window.name, [])
        ranges = tuple(wanted for entry in entries for wanted in _value_ranges(*entry))
        uses = (*one.uses, *((key.text(), key) for key, _ in entries))
        result.append(ParsedWindow(replace(one.window, values=ranges), one.value, uses))
    return result


def _value_ranges(key: Value, value: Value) -> Iterator[ValueRange]:
    """Parse `creatinine: {max: [1.5, null], change: [0.3, null]}`."""
    for statistic, limits in value.block(STATISTICS).items():
        ends = limits.items()
        if limits.is_text or len(ends) != 2:
            limits.refuse("a range is [lowest, highest]", next="Write [1.5, null] or [null, 90].")
        least, most = (None if end.missing else finite(end) for end in ends)
        if least is None and most is None:
            limits.refuse("the range has no limit", next="Write [1.5, null] or [null, 90].")
        if least is not None and most is not None and most < least:
            limits.refuse("no value can lie in this range: its highest is below its lowest")
        yield ValueRange(key.text(), cast(Statistic, statistic), least, most, limits.where)
