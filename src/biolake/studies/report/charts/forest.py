"""Forest plots: estimates with their intervals in rows, beside the numbers they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biolake.studies.report.drawing import (
    Panel,
    Scale,
    box,
    decimal_ticks,
    drawing,
    labelled,
    line,
    log_ticks,
    path,
    text,
    ticks,
    width_of,
)
from biolake.studies.report.formats import interval
from biolake.studies.report.markup import Markup
from biolake.studies.report.reading import Estimate

_WIDTH, _ROW, _END = 720.0, 22.0, 556.0
_LABELS = (150.0, 330.0)  # room for labels: least, most
_WIDEST_RATIO = 50.0
NOTHING = Estimate()


@dataclass(frozen=True)
class Row:
    """One line of a forest: a heading when it has neither estimate nor reason."""

    label: str
    found: Estimate = NOTHING
    aside: str = ""  # such as events/n
    reason: str = ""  # why there is no estimate

    @property
    def heads(self) -> bool:
        return not self.found and not self.reason


@dataclass(frozen=True)
class Axis:
    """What a forest measures; `reference` is where nothing differs."""

    name: str
    reference: float | None = None
    ratio: bool = False
    aside: str = "Events/n"
    ends: tuple[str, str] = ("", "")
    places: int | None = None  # decimals shown


def forest_chart(rows: Sequence[Row], axis: Axis, title: str) -> Markup:
    """Draw the rows in their order; intervals beyond the axis end in an arrow."""
    span = _span(rows)
    scale = _scale(rows, axis, span)
    top = 30.0
    bottom = top + _ROW * len(rows) + 4
    panel = Panel(scale, Scale(0, 1, bottom, top))
    marks = log_ticks(scale.low, scale.high) if axis.ratio else ticks(scale.low, scale.high, 4)
    write = (lambda value: f"{value:g}") if axis.ratio else decimal_ticks(marks)
    content: list[str] = [_head(axis, span), panel.axes((axis.name, ""), marks, [], write)]
    if axis.reference is not None and scale.holds(axis.reference):
        x = scale(axis.reference)
        content.append(line(x, top, x, bottom, "reference"))
    for place, row in enumerate(rows):
        content += _row(row, axis, scale, top + _ROW * place + 16)
    below = 44.0
    if any(axis.ends):
        content.append(text(span[0], bottom + 54, f"← {axis.ends[0]}", "tick"))
        content.append(text(span[1], bottom + 54, f"{axis.ends[1]} →", "tick", "end"))
        below = 62.0
    return drawing(content, _WIDTH, bottom + below, _says(rows, axis, title))


def _span(rows: Sequence[Row]) -> tuple[float, float]:
    """Place the plot right of the longest label, as far as there is room."""
    label = max((width_of(row.label) for row in rows), default=0.0) + 24
    aside = max((width_of(row.aside) for row in rows), default=0.0)
    needed = label + (aside + 30 if aside else 12)
    return min(max(needed, _LABELS[0]), _LABELS[1]), _END


def _head(axis: Axis, span: tuple[float, float]) -> Markup:
    aside = text(span[0] - 14, 16, axis.aside, "name", "end")
    return Markup(aside + text(span[1] + 18, 16, "Estimate (95% CI)", "name"))


def _scale(rows: Sequence[Row], axis: Axis, span: tuple[float, float]) -> Scale:
    """Span the estimates, and the intervals as far as they stay readable."""
    found = [row.found for row in rows if row.found]
    middles = [one.value for one in found if one.value is not None]
    middles += [] if axis.reference is None else [axis.reference]
    reach = middles + [v for one in found for v in (one.low, one.high) if v is not None]
    if axis.ratio:
        middles, reach = [v for v in middles if v > 0], [v for v in reach if v > 0]
    if not middles:
        return Scale(0.5 if axis.ratio else 0, 2 if axis.ratio else 1, *span, axis.ratio)
    low, high = min(reach), max(reach)
    if axis.ratio:
        low = max(low, min(min(middles) / 2, 1 / _WIDEST_RATIO)) / 1.1
        high = min(high, max(max(middles) * 2, _WIDEST_RATIO)) * 1.1
        return Scale(min(low, 0.8), max(high, 1.25), *span, True)
    room = 0.06 * (high - low) or 0.05
    return Scale(low - room, high + room, *span)


def _row(row: Row, axis: Axis, scale: Scale, y: float) -> list[str]:
    indent = 0 if row.heads else 12
    aside = text(scale.start - 14, y, row.aside, "tick", "end")
    room = scale.start - 24 - indent - (width_of(row.aside) + 8 if row.aside else 0)
    label = labelled(4 + indent, y, row.label, room)
    if row.heads:
        return [Markup(label.replace("<text", '<text data-role="head"', 1))]
    if not row.found:
        return [label, aside, text(scale.end + 18, y, row.reason, "tick")]
    said = interval(row.found, axis.places)
    drawn: list[str] = [label, aside, text(scale.end + 18, y, said, "tick")]
    if row.found.low is not None and row.found.high is not None:
        drawn += _whisker(row.found.low, row.found.high, scale, y - 4)
    value = row.found.value or 0.0
    if scale.holds(value):
        drawn.append(box(scale(value) - 4, y - 8, 8, 8, "point s0"))
    return drawn


def _whisker(low: float, high: float, scale: Scale, y: float) -> list[str]:
    low = max(low, scale.low) if scale.logarithmic and low <= 0 else low
    left, right = scale(low), scale(high)
    drawn: list[str] = [line(left, y, right, y, "whisker s0")]
    if low < scale.low:
        drawn.append(path([(left + 6, y - 4), (left, y), (left + 6, y + 4)], "whisker s0"))
    if high > scale.high:
        drawn.append(path([(right - 6, y - 4), (right, y), (right - 6, y + 4)], "whisker s0"))
    return drawn


def _says(rows: Sequence[Row], axis: Axis, title: str) -> str:
    """Read the rows out, as far as a listener will follow."""
    said = [f"{row.label} {interval(row.found, axis.places)}" for row in rows if row.found]
    more = f"; and {len(said) - 12} more" if len(said) > 12 else ""
    return f"Forest plot, {title}, {axis.name}: {'; '.join(said[:12])}{more}."
