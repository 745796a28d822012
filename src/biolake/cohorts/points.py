"""The points in time of a task: the trigger and both ends of every window, as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from biolake.cohorts.definition import Boundary, Side, Task, Window
from biolake.core.errors import did_you_mean
from biolake.core.yaml_positions import Value

TRIGGER = "trigger"


@dataclass(frozen=True)
class Point:
    """One end of a window: the point it hangs on, and how it is found from there."""

    name: str
    parent: str
    boundary: Boundary
    # Whether an event exactly at the parent's time may be the one sought.
    inclusive: bool


def window_points(window: Window) -> tuple[Point, Point]:
    """Return the root point of a window, then the other one."""
    root, other = window.root, window.other
    first = window.boundary(root)
    second = window.boundary(other)
    closed = {"start": window.start_inclusive, "end": window.end_inclusive}
    return (
        Point(f"{window.name}.{root}", first.reference, first, inclusive=False),
        Point(f"{window.name}.{other}", f"{window.name}.{root}", second, closed[other]),
    )


def ordered_points(task: Task) -> Iterator[Point]:
    """Yield all points, each after the one it hangs on."""
    waiting = [point for window in task.windows for point in window_points(window)]
    known = {TRIGGER}
    while waiting:
        ready = [point for point in waiting if point.parent in known]
        if not ready:
            return
        yield from ready
        known |= {point.name for point in ready}
        waiting = [point for point in waiting if point.name not in known]


def point_name(window: Window, side: Side) -> str:
    return f"{window.name}.{side}"


def check_points(task: Task, root: Value) -> None:
    """Refuse references to no window, and windows that refer to each other in a circle."""
    names = {point_name(w, side) for w in task.windows for side in ("start", "end")}
    for window in task.windows:
        boundary = window.boundary(window.root)
        if boundary.reference not in names | {TRIGGER}:
            near = did_you_mean(boundary.reference, [*names, TRIGGER])
            raise root.document.error(
                f"window '{window.name}' refers to '{boundary.reference}', which is no point"
                f" of this task.{near}",
                where=str(boundary.where),
                next=f"Known: {', '.join(sorted({*names, TRIGGER}))}.",
            )
    reached = {point.name for point in ordered_points(task)}
    lost = [w for w in task.windows if point_name(w, w.root) not in reached]
    if lost:
        circle = ", ".join(f"'{window.name}'" for window in lost)
        raise root.document.error(
            f"windows refer to each other in a circle and never to the trigger: {circle}",
            where=str(lost[0].where),
        )
