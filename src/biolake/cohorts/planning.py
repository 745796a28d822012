"""What a task needs from the events: times of points, running counts at window bounds, statistics.

Every constrained count is a difference of two running counts: the one at the window's end less the
one at its start. Equal look-ups of different windows are done once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from biolake.cohorts.definition import (
    ANY_EVENT,
    RECORD_END,
    RECORD_START,
    SPECIAL,
    And,
    Boundary,
    Derived,
    Expr,
    Not,
    Or,
    Plain,
    Ref,
    Task,
    Window,
)
from biolake.cohorts.points import TRIGGER, Point, ordered_points, point_name


@dataclass(frozen=True)
class At:
    """A time: a column of the state (an event's time) plus an offset in microseconds."""

    column: str
    offset: int = 0

    def sql(self, table: str = "s") -> str:
        shift = f" {'+' if self.offset > 0 else '-'} {abs(self.offset)}" if self.offset else ""
        return f"{table}.{self.column}{shift}"


@dataclass(frozen=True)
class Lookup:
    """Running counts up to a time, that instant itself included or not."""

    at: At
    inclusive: bool
    any_event: bool


@dataclass(frozen=True)
class Found:
    """A point that is an event: the nearest one of a predicate from a time on."""

    column: str
    origin: At
    event: str
    direction: str
    inclusive: bool


@dataclass
class Plan:
    """The steps that give each trigger its times and counts, in an order that works."""

    task: Task
    names: dict[str, str]
    windows: dict[str, str]
    at: dict[str, At] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    # Look-up → the predicates counted there; the state's columns are numbered in this order.
    lookups: dict[Lookup, set[str]] = field(default_factory=dict)
    spans: bool = False

    def lookup_column(self, lookup: Lookup, predicate: str) -> str:
        number = list(self.lookups).index(lookup)
        return f"at{number}_{self.names[predicate]}"

    def counted(self) -> list[str]:
        """Predicates whose running counts are needed, in the order they are defined."""
        asked = {name for names in self.lookups.values() for name in names}
        return [name for name in self.task.predicates if name in asked]

    @property
    def axis(self) -> bool:
        """Whether the times of all events are needed, not only of those a predicate names."""
        counts = any(lookup.any_event for lookup in self.lookups)
        return self.axis_bounds or counts or self.task.trigger == ANY_EVENT

    @property
    def axis_bounds(self) -> bool:
        """Whether a window ends at an event of any kind."""
        return any(step.event == ANY_EVENT for step in self.found)


def plan_task(task: Task) -> Plan:
    """Lay out the points of a task, the events that fix them, and the counts between them."""
    windows = identifiers([window.name for window in task.windows])
    plan = Plan(task, predicate_names(task), windows)
    plan.at[TRIGGER] = At("t_trigger")
    needed = _needed_points(task)
    for point in ordered_points(task):
        plan.at[point.name] = _place(plan, point, needed)
    for window in task.windows:
        for predicate in wanted_counts(window):
            for lookup in bounds_of(plan, window, predicate):
                plan.lookups.setdefault(lookup, set()).add(predicate)
    asked = {count.predicate for window in task.windows for count in window.has}
    special = {RECORD_START, RECORD_END}
    if asked & special or task.trigger in special or task.outcome:
        plan.spans = True
    return plan


def _place(plan: Plan, point: Point, needed: set[str]) -> At:
    origin, boundary = plan.at[point.parent], point.boundary
    window, side = point.name.split(".")
    column = f"t_{plan.windows[window]}_{side}"
    if not boundary.event:
        return At(origin.column, origin.offset + boundary.offset)
    if _opens_record(boundary, point, origin) and point.name not in needed:
        # From the first event on, whatever its time: nothing to find, nothing to subtract.
        return At(origin.column, origin.offset)
    plan.found.append(Found(column, origin, boundary.event, boundary.direction, point.inclusive))
    plan.spans |= boundary.event in (RECORD_START, RECORD_END)
    return At(column)


def _opens_record(boundary: Boundary, point: Point, origin: At) -> bool:
    return boundary.event == RECORD_START and point.inclusive and origin.offset >= 0


def _needed_points(task: Task) -> set[str]:
    """Points whose time is used elsewhere: by another window, as prediction time, by values."""
    used = {boundary.reference for w in task.windows for boundary in (w.start, w.end)}
    for window in task.windows:
        if window.index:
            used.add(point_name(window, window.index))
        if window.values or any(count.predicate in SPECIAL for count in window.has):
            used |= {f"{window.name}.start", f"{window.name}.end"}
    return used


def wanted_counts(window: Window) -> list[str]:
    """Predicates to count in a window by running counts: those of `has`, and the label."""
    wanted = [c.predicate for c in window.has if c.predicate not in (RECORD_START, RECORD_END)]
    return list(dict.fromkeys([*wanted, *([window.label] if window.label else [])]))


def bounds_of(plan: Plan, window: Window, predicate: str) -> list[Lookup]:
    """Return the look-up to add, then the one to subtract unless the window opens the record."""
    any_event = predicate == ANY_EVENT
    start, end = plan.at[f"{window.name}.start"], plan.at[f"{window.name}.end"]
    upper = Lookup(end, window.end_inclusive, any_event)
    opens = window.start.event == RECORD_START and window.start_inclusive
    if opens:
        return [upper]
    return [upper, Lookup(start, not window.start_inclusive, any_event)]


def predicate_names(task: Task) -> dict[str, str]:
    return identifiers([*task.predicates, *SPECIAL])


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return an SQL name for each name; SQL, unlike YAML, does not tell `A` from `a`."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        if name in found:
            continue
        slug = base = name.strip("_").lower() or "x"
        number = 2
        while slug in taken:
            slug, number = f"{base}_{number}", number + 1
        taken.add(slug)
        found[name] = slug
    return found


def expand(task: Task, expression: Expr) -> Expr:
    """Replace derived predicates by what defines them, down to plain and nested ones."""
    match expression:
        case Ref(name):
            predicate = task.predicates[name]
            if isinstance(predicate, Derived):
                return expand(task, predicate.expression)
            return expression
        case Not(item):
            return Not(expand(task, item))
        case And(items):
            return And(tuple(expand(task, item) for item in items))
        case Or(items):
            return Or(tuple(expand(task, item) for item in items))


def holds_of_nothing(task: Task, expression: Expr) -> bool:
    """Say whether an expression is true at an instant at which no plain predicate is."""
    match expression:
        case Ref(name):
            predicate = task.predicates[name]
            if isinstance(predicate, Derived):
                return holds_of_nothing(task, predicate.expression)
            return isinstance(predicate, Plain) and predicate.static
        case Not(item):
            return not holds_of_nothing(task, item)
        case And(items):
            return all(holds_of_nothing(task, item) for item in items)
        case Or(items):
            return any(holds_of_nothing(task, item) for item in items)


def value_parts(task: Task, name: str) -> list[Plain]:
    """Return the plain predicates whose values a statistic reads: one, or the parts of an or."""
    expanded = expand(task, Ref(name))
    found = []
    for item in expanded.items if isinstance(expanded, Or) else (expanded,):
        predicate = task.predicates[item.name] if isinstance(item, Ref) else None
        if not isinstance(predicate, Plain) or predicate.static:
            return []
        found.append(predicate)
    return found
