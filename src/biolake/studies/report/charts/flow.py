"""The flow of participants: who was left at each step, and why others were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biolake.studies.report.drawing import box, drawing, line, path, text, wrapped
from biolake.studies.report.formats import count
from biolake.studies.report.markup import Markup

_WIDTH, _MAIN, _SIDE = 720.0, (20.0, 330.0), (400.0, 300.0)
_LINE, _PAD = 17.0, 9.0


@dataclass(frozen=True)
class Stage:
    """A step of the selection; `lost` says who left here and why, and may be empty."""

    name: str
    numbers: str
    lost: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """A part the remaining samples were divided into."""

    name: str
    numbers: tuple[str, ...]


def flow_chart(stages: Sequence[Stage], parts: Sequence[Part], unit: str) -> Markup:
    """Draw boxes downwards, with those who left at the side and the split at the foot."""
    content: list[str] = []
    y = 4.0
    middle = _MAIN[0] + _MAIN[1] / 2
    for place, stage in enumerate(stages):
        if place:
            y = _leaving(content, stage, middle, y)
        lines = wrapped(stage.name, _MAIN[1] - 24, most=4)
        y = _boxed(content, (*_MAIN, y), [*lines, stage.numbers], strong=True)
    if parts:
        y = _split(content, parts, middle, y)
    return drawing(content, _WIDTH, y + 6, _says(stages, parts, unit))


def _boxed(
    content: list[str], place: tuple[float, float, float], lines: Sequence[str], strong: bool
) -> float:
    """Draw a box around lines of text; return where it ends."""
    left, width, top = place
    height = _LINE * len(lines) + 2 * _PAD
    content.append(box(left, top, width, height, "box" if strong else "box side"))
    for number, said in enumerate(lines):
        last = strong and number == len(lines) - 1
        y = top + _PAD + _LINE * (number + 1) - 4
        content.append(text(left + 12, y, said, "strong" if last else ""))
    return top + height


def _leaving(content: list[str], stage: Stage, middle: float, y: float) -> float:
    """Draw the way down to the next box, and the side box of those who left on it."""
    if not stage.lost:
        _arrow(content, middle, y, y + 26)
        return y + 26
    reason = wrapped(stage.reason, _SIDE[1] - 24, most=4) if stage.reason else []
    end = _boxed(content, (*_SIDE, y + 12), [stage.lost, *reason], strong=False)
    across = (y + 12 + end) / 2
    content.append(line(middle, across, _SIDE[0], across, "axis"))
    content.append(
        path([(_SIDE[0] - 6, across - 4), (_SIDE[0], across), (_SIDE[0] - 6, across + 4)], "axis")
    )
    _arrow(content, middle, y, end + 12)
    return end + 12


def _arrow(content: list[str], x: float, top: float, bottom: float) -> None:
    content.append(line(x, top, x, bottom, "axis"))
    content.append(path([(x - 4, bottom - 6), (x, bottom), (x + 4, bottom - 6)], "axis"))


def _split(content: list[str], parts: Sequence[Part], middle: float, y: float) -> float:
    """Draw the parts in rows of three, under one bar."""
    across = min(len(parts), 3)
    width = (_WIDTH - 40 - 16 * (across - 1)) / across
    lefts = [20 + (width + 16) * n for n in range(across)]
    centres = [left + width / 2 for left in lefts]
    content.append(line(middle, y, middle, y + 16, "axis"))
    content.append(line(min(*centres, middle), y + 16, max(*centres, middle), y + 16, "axis"))
    top = y + 34
    for start in range(0, len(parts), 3):
        ends = [top]
        for left, part in zip(lefts, parts[start : start + 3], strict=False):
            if start == 0:
                _arrow(content, left + width / 2, y + 16, top)
            lines = [*wrapped(part.name, width - 24, most=3), *part.numbers]
            ends.append(_boxed(content, (left, width, top), lines, strong=True))
        top = max(ends) + 12
    return top - 12


def _says(stages: Sequence[Stage], parts: Sequence[Part], unit: str) -> str:
    """Tell the flow in words."""
    steps = [
        f"{s.name}: {s.numbers}"
        + (f" ({s.lost}{f', {s.reason}' if s.reason else ''})" if s.lost else "")
        for s in stages
    ]
    ends = [f"{part.name}: {', '.join(part.numbers)}" for part in parts]
    return f"Flow of {unit}. {'; '.join([*steps, *ends])}."


def people(subjects: object, samples: object) -> str:
    """Write how many subjects, and samples where they are more."""
    n, of = count(subjects), count(samples)
    if samples is None or subjects is None or n == of:
        return f"n = {n if subjects is not None else of}"
    return f"n = {n} ({of} index times)"
