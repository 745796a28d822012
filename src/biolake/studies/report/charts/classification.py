"""Discrimination and usefulness: ROC, precision-recall and decision curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biolake.studies.report.drawing import (
    Panel,
    Point,
    Scale,
    decimal_ticks,
    drawing,
    legend,
    path,
    ticks,
)
from biolake.studies.report.formats import figure
from biolake.studies.report.markup import Markup

_SIDE, _LEFT, _BELOW = 300.0, 58.0, 48.0


@dataclass(frozen=True)
class Line:
    """A named curve; `note` is the number its key shows, such as an area."""

    name: str
    points: tuple[Point, ...]
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.name} ({self.note})" if self.note else self.name


def _square(
    lines: Sequence[Line], labels: tuple[str, str], under: Sequence[Point], says: str
) -> Markup:
    """Draw curves on the unit square, with a dashed reference."""
    width = _LEFT + _SIDE + 14
    key, used = legend([one.key for one in lines], 8, 14, width - 12)
    top = used + 8
    panel = Panel(Scale(0, 1, _LEFT, _LEFT + _SIDE), Scale(0, 1, top + _SIDE, top))
    marks = ticks(0, 1)
    write = decimal_ticks(marks)
    content: list[str] = [key, panel.axes(labels, marks, marks, write, write)]
    content.append(path(panel.place(under), "reference"))
    content += [panel.curve(one.points, place) for place, one in enumerate(lines)]
    return drawing(content, width, top + _SIDE + _BELOW, says)


def roc_chart(lines: Sequence[Line], where: str) -> Markup:
    """Draw receiver operating characteristic curves."""
    says = f"ROC curves, {where}: {'; '.join(one.key for one in lines)}."
    labels = ("1 − specificity (false positive rate)", "Sensitivity")
    return _square(lines, labels, ((0, 0), (1, 1)), says)


def pr_chart(lines: Sequence[Line], where: str, share: float | None) -> Markup:
    """Draw precision-recall curves over the share of samples with the outcome."""
    says = f"Precision-recall curves, {where}: {'; '.join(one.key for one in lines)}."
    chance = () if share is None else ((0.0, share), (1.0, share))
    labels = ("Sensitivity (recall)", "Positive predictive value (precision)")
    return _square(lines, labels, chance, says)


def decision_chart(lines: Sequence[Line], where: str) -> Markup:
    """Draw net benefit over the risk threshold; what is far below zero is cut off."""
    values = [(x, y) for one in lines for x, y in one.points]
    best = max((y for _, y in values), default=0.0)
    best = best if best > 0 else 0.01
    floor = -0.25 * best
    last = max((x for x, _ in values), default=1.0) or 1.0
    width, height = 720.0, 280.0
    key, used = legend([one.key for one in lines], 66, 14, width - 90)
    top = used + 8
    panel = Panel(Scale(0, last, 72, width - 24), Scale(floor, best * 1.08, top + height, top))
    x_ticks, y_ticks = ticks(0, last, 8), ticks(floor, best * 1.08)
    names = ("Risk threshold for acting", "Net benefit")
    content: list[str] = [key]
    writes = decimal_ticks(x_ticks), decimal_ticks(y_ticks)
    content.append(panel.axes(names, x_ticks, y_ticks, *writes))
    content += [panel.curve(_above(one.points, floor), place) for place, one in enumerate(lines)]
    reach = f"net benefit up to {figure(best, 2)}, thresholds up to {figure(last, 2)}"
    says = f"Decision curves, {where}: {reach}."
    return drawing(content, width, top + height + _BELOW, says)


def _above(points: Sequence[Point], floor: float) -> list[Point]:
    """Keep a curve down to the floor of the chart, and stop where it leaves."""
    kept: list[Point] = []
    for place, (x, y) in enumerate(points):
        if y >= floor:
            kept.append((x, y))
        elif kept and place and points[place - 1][1] >= floor:
            x0, y0 = points[place - 1]
            kept.append((x0 + (x - x0) * (y0 - floor) / (y0 - y), floor))
            break
    return kept
