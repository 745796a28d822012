"""Calibration: observed against predicted risk, over how the predictions are spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biolake.studies.report.drawing import (
    Panel,
    Scale,
    box,
    decimal_ticks,
    dot,
    drawing,
    line,
    path,
    text,
    ticks,
)
from biolake.studies.report.formats import percent
from biolake.studies.report.markup import Markup

_SIDE, _LEFT, _BARS = 300.0, 58.0, 56.0
_MOST_GROUPS = 20


@dataclass(frozen=True)
class Group:
    """Samples of similar predicted risk: the mean prediction and the share with the outcome."""

    predicted: float
    observed: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bar:
    """How many predictions lie between two risks."""

    low: float
    high: float
    n: float


def calibration_chart(
    groups: Sequence[Group], bars: Sequence[Bar], title: str, lines: Sequence[str]
) -> Markup:
    """Draw a calibration plot with its histogram; `lines` are the figures written inside."""
    most = _reach(groups, bars)
    width = _LEFT + _SIDE + 14
    top, height = 30.0, 30.0 + _SIDE
    panel = Panel(Scale(0, most, _LEFT, _LEFT + _SIDE), Scale(0, most, height, top))
    marks = ticks(0, most)
    write = decimal_ticks(marks)
    bottom = height + (_BARS + 12 if bars else 0)
    content: list[str] = [text(_LEFT, 18, title, "name")]
    frame = panel.axes(("", "Observed share"), [] if bars else marks, marks, write, write)
    content += [frame, path(panel.place([(0, 0), (most, most)]), "reference")]
    content += _points(panel, groups)
    content += [text(_LEFT + 10, top + 14 + 16 * n, said, "tick") for n, said in enumerate(lines)]
    content += _histogram(panel, bars, bottom, most)
    if bars:
        content += [text(panel.x(m), bottom + 17, write(m), "tick", "middle") for m in marks]
    middle = _LEFT + _SIDE / 2
    content.append(text(middle, bottom + 36, "Predicted risk", "name", "middle"))
    return drawing(content, width, bottom + 46, _says(title, groups, lines))


def _reach(groups: Sequence[Group], bars: Sequence[Bar]) -> float:
    """Return how far the axes go: to the largest risk, rounded up; never beyond 1."""
    points = [max(g.predicted, g.observed, g.high or 0.0) for g in groups]
    points += [bar.high for bar in bars if bar.n]
    most = max(points, default=1.0)
    steps = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    return next((step for step in steps if most <= step), 1.0)


def _points(panel: Panel, groups: Sequence[Group]) -> list[str]:
    drawn: list[str] = []
    if len(groups) > _MOST_GROUPS:  # a smooth curve: a band, not one whisker a point
        low = [(g.predicted, g.low) for g in groups if g.low is not None]
        high = [(g.predicted, g.high) for g in groups if g.high is not None]
        smooth = panel.curve([(g.predicted, g.observed) for g in groups], 0)
        return [panel.band(low, high, 0) if len(low) == len(high) else "", smooth]
    for group in groups:
        x = panel.x(group.predicted)
        if group.low is not None and group.high is not None:
            drawn.append(line(x, panel.y(group.low), x, panel.y(group.high), "whisker s0"))
    drawn.append(panel.curve([(group.predicted, group.observed) for group in groups], 0))
    drawn += [dot(panel.x(g.predicted), panel.y(g.observed), "dot s0") for g in groups]
    return drawn


def _histogram(panel: Panel, bars: Sequence[Bar], bottom: float, most: float) -> list[str]:
    tallest = max((bar.n for bar in bars), default=0.0)
    if not tallest:
        return []
    drawn: list[str] = []
    for bar in bars:
        left, right = panel.x(bar.low), panel.x(min(bar.high, most))
        tall = _BARS * bar.n / tallest
        drawn.append(box(left, bottom - tall, max(right - left - 1, 0.8), tall, "bar s0"))
    drawn.append(line(panel.x.start, bottom, panel.x.end, bottom, "axis"))
    drawn.append(text(panel.x.end, bottom - _BARS + 10, "how many", "tick", "end"))
    return drawn


def _says(title: str, groups: Sequence[Group], lines: Sequence[str]) -> str:
    """Describe the plot in words."""
    ends = [f"{percent(g.predicted)} predicted, {percent(g.observed)} observed" for g in groups]
    shown = ends if len(ends) <= 3 else [ends[0], ends[len(ends) // 2], ends[-1]]
    return f"Calibration, {title}: {len(groups)} points; {'; '.join(shown)}. {'. '.join(lines)}."
