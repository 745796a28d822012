"""Survival curves with the numbers at risk under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biolake.studies.report.drawing import (
    SERIES,
    Panel,
    Point,
    Scale,
    decimal_ticks,
    drawing,
    labelled,
    legend,
    path,
    text,
    ticks,
    width_of,
)
from biolake.studies.report.formats import count, percent
from biolake.studies.report.markup import Markup
from biolake.studies.report.reading import listed, number, words

_WIDTH, _HEIGHT, _ROW = 720.0, 300.0, 18.0
_LEFT = (90.0, 230.0)  # room for the groups' names: least, most
_MOST_RISK_TIMES = 8
_UNITS = ((3 * 365.25, 365.25, "years"), (180.0, 365.25 / 12, "months"), (0.0, 1.0, "days"))


@dataclass(frozen=True)
class Curve:
    """One group's survival; times in days."""

    group: str
    points: tuple[Point, ...]
    low: tuple[Point, ...]
    high: tuple[Point, ...]
    at_risk: tuple[tuple[float, object], ...]

    @property
    def last(self) -> float:
        risk = self.at_risk[-1][0] if self.at_risk else 0.0
        return max(self.points[-1][0] if self.points else 0.0, risk)


def curve(held: Mapping[str, Any], place: int, least: int = 10) -> Curve:
    """Read one curve of a result; points without a number are left out, small numbers hidden."""
    times = [number(value) for value in listed(held.get("times"))]

    def column(name: str) -> tuple[Point, ...]:
        values = [number(value) for value in listed(held.get(name))]
        return tuple(
            (t, v) for t, v in zip(times, values, strict=False) if t is not None and v is not None
        )

    risk = [listed(item) for item in listed(held.get("at_risk"))]
    counted = [(number(item[0]), item[1]) for item in risk if len(item) == 2]
    at_risk = tuple((t, f"<{least}" if n is None else n) for t, n in counted if t is not None)
    points = column("survival")
    if points and points[0][0] > 0:
        points = ((0.0, 1.0), *points)
    name = words(held.get("group")) or ("Everyone" if place == 0 else f"Group {place + 1}")
    return Curve(name, points, column("low"), column("high"), at_risk)


def unit_for(last: float) -> tuple[float, str]:
    """Choose the unit that keeps the time axis short, and its length in days."""
    return next((days, name) for least, days, name in _UNITS if last >= least)


def survival_chart(curves: Sequence[Curve], of: str) -> Markup:
    """Draw Kaplan-Meier curves with their bands and the numbers at risk."""
    last = max((one.last for one in curves), default=0.0) or 1.0
    days, unit = unit_for(last)
    longest = max((width_of(one.group) for one in curves), default=0.0) + 66
    left = min(max(longest, _LEFT[0]), _LEFT[1])
    names = [one.group for one in curves] if len(curves) > 1 else []
    key, used = legend(names, left, 14, _WIDTH - left - 20)
    top = used + 12
    panel = Panel(Scale(0, last, left, _WIDTH - 24), Scale(0, 1, top + _HEIGHT, top))
    marks = [mark * days for mark in ticks(0, last / days, 7)]
    write = decimal_ticks([mark / days for mark in marks])
    content: list[str] = [
        key,
        panel.axes(
            (f"Time since index ({unit})", "Free of the event"),
            marks,
            ticks(0, 1),
            lambda mark: write(mark / days),
            lambda mark: f"{100 * mark:.0f}%",
        ),
    ]
    for place, one in enumerate(curves):
        content += _lines(panel, one, place)
    under, height = _at_risk(panel, curves, marks)
    return drawing([*content, under], _WIDTH, top + _HEIGHT + 46 + height, _says(curves, of, unit))


def _lines(panel: Panel, one: Curve, place: int) -> list[str]:
    drawn: list[str] = []
    if one.low and len(one.low) == len(one.high):
        drawn.append(panel.band(one.low, one.high, place, steps=True))
    if one.points:
        whole = [*one.points, (one.last, one.points[-1][1])]
        drawn.append(panel.curve(whole, place, steps=True))
    return drawn


def _at_risk(panel: Panel, curves: Sequence[Curve], marks: Sequence[float]) -> tuple[Markup, float]:
    """Write the numbers at risk at their own times, thinned so that they do not touch."""
    shown = [(place, one) for place, one in enumerate(curves) if one.at_risk]
    if not shown:
        return Markup(), 0.0
    y = panel.y.start + 64
    drawn: list[str] = [text(12, y, "Number at risk", "name")]
    for place, one in shown:
        y += _ROW
        drawn.append(path([(12, y - 4), (30, y - 4)], f"line s{place % SERIES}"))
        drawn.append(labelled(36, y, one.group, panel.x.start - 62))
        spread = max(1, -(-len(one.at_risk) // _MOST_RISK_TIMES))
        drawn += [
            text(panel.x(time), y, count(n), "tick", "middle") for time, n in one.at_risk[::spread]
        ]
    if _off_ticks(shown[0][1], marks):
        times, y = shown[0][1].at_risk, y + _ROW
        spread = max(1, -(-len(times) // _MOST_RISK_TIMES))
        drawn.append(text(12, y, "at day", "tick"))
        drawn += [text(panel.x(t), y, count(t), "tick", "middle") for t, _ in times[::spread]]
    return Markup("".join(drawn)), y - panel.y.start - 34


def _off_ticks(one: Curve, marks: Sequence[float]) -> bool:
    """Tell whether numbers at risk stand at other times than the ticks of the axis."""
    near = one.last / 100
    return any(all(abs(time - mark) > near for mark in marks) for time, _ in one.at_risk)


def _says(curves: Sequence[Curve], of: str, unit: str) -> str:
    """Describe the chart in words: where each curve starts and ends."""
    ends = [f"{one.group}: {percent(one.points[-1][1])} at the end" for one in curves if one.points]
    return f"Survival curves, {of}, time in {unit}. {'; '.join(ends)}."
