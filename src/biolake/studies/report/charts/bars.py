"""Bars: what weighs most in a model."""

from __future__ import annotations

from collections.abc import Sequence

from biolake.studies.report.drawing import (
    Panel,
    Scale,
    box,
    decimal_ticks,
    drawing,
    labelled,
    line,
    text,
    ticks,
    width_of,
)
from biolake.studies.report.formats import figure
from biolake.studies.report.markup import Markup

_WIDTH, _ROW, _END, _LABELS = 720.0, 22.0, 640.0, (120.0, 340.0)


def bar_chart(bars: Sequence[tuple[str, float]], unit: str, title: str) -> Markup:
    """Draw signed bars from zero, in their order."""
    low = min([0.0, *(value for _, value in bars)])
    high = max([0.0, *(value for _, value in bars)])
    low, high = (low, high) if high > low else (0.0, 1.0)
    longest = max((width_of(name) for name, _ in bars), default=0.0) + 28
    start = min(max(longest, _LABELS[0]), _LABELS[1])
    bottom = 8 + _ROW * len(bars)
    panel = Panel(Scale(low, high, start, _END), Scale(0, 1, bottom, 8))
    marks = ticks(low, high, 4)
    content: list[str] = [panel.axes((unit, ""), marks, [], decimal_ticks(marks))]
    zero = panel.x(0)
    for place, (name, value) in enumerate(bars):
        y, end = 8 + _ROW * place, panel.x(value)
        content.append(labelled(4, y + 15, name, start - 24))
        kind = "bar s0" if value >= 0 else "bar s1"
        content.append(box(min(zero, end), y + 4, abs(end - zero), _ROW - 8, kind))
        content.append(text(max(zero, end) + 6, y + 15, figure(value), "tick"))
    content.append(line(zero, 8, zero, bottom, "axis"))
    said = "; ".join(f"{name} {figure(value)}" for name, value in bars[:12])
    return drawing(content, _WIDTH, bottom + 44, f"{title}, {unit}: {said}.")
