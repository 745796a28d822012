"""A cohort definition as values: which events count, where follow-up windows lie, what is judged.

Times are microseconds. The language is that of ACES (Xu et al., "ACES: Automatic Cohort Extraction
System for Event-Streams", 2024) and a `biolake:` block of our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from biolake.core.yaml_positions import Where

ANY_EVENT, RECORD_START, RECORD_END = "_ANY_EVENT", "_RECORD_START", "_RECORD_END"
SPECIAL = (ANY_EVENT, RECORD_START, RECORD_END)
STATISTICS = ("mean", "min", "max", "first", "last", "change")

Statistic = Literal["mean", "min", "max", "first", "last", "change"]
Side = Literal["start", "end"]


@dataclass(frozen=True)
class CodeChoice:
    """Which codes are meant: one, those that match a pattern, any of a list, or descendants."""

    kind: Literal["equal", "regex", "any", "descendants_of"]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Limit:
    """One end of a range of values: a number, or a quantile whose number a lake gives."""

    value: float
    inclusive: bool
    share: float | None = None  # 0.5 is the median over the lake's subjects


@dataclass(frozen=True)
class Plain:
    """Events with certain codes, values and columns; `static` ones have no time (sex, race)."""

    name: str
    where: Where
    codes: CodeChoice
    minimum: Limit | None = None
    maximum: Limit | None = None
    columns: tuple[tuple[str, str], ...] = ()
    static: bool = False


@dataclass(frozen=True)
class Ref:
    name: str


@dataclass(frozen=True)
class And:
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Or:
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Not:
    item: Expr


Expr = Ref | And | Or | Not


@dataclass(frozen=True)
class Derived:
    """True at an instant at which other predicates are."""

    name: str
    where: Where
    expression: Expr
    static: bool = False


@dataclass(frozen=True)
class Nested:
    """True at the trigger of another task that meets all of its criteria."""

    name: str
    where: Where
    task: Task
    positive: bool
    static: bool = False


Predicate = Plain | Derived | Nested


@dataclass(frozen=True)
class Boundary:
    """One end of a window: a reference, then an offset or the nearest event before or after it."""

    reference: str
    where: Where
    offset: int = 0
    event: str = ""
    direction: Literal["", "next", "previous"] = ""

    @property
    def moves(self) -> bool:
        return bool(self.offset or self.event)


@dataclass(frozen=True)
class Count:
    """How many instants or events of one predicate a window may hold; None is unlimited."""

    predicate: str
    least: int | None
    most: int | None
    where: Where


@dataclass(frozen=True)
class ValueRange:
    """What one statistic of a predicate's values over a window must lie in, ends included."""

    predicate: str
    statistic: Statistic
    least: float | None
    most: float | None
    where: Where


@dataclass(frozen=True)
class Window:
    """A stretch of a record. Its `root` end hangs on another point; the other end on its root."""

    name: str
    where: Where
    start: Boundary
    end: Boundary
    start_inclusive: bool
    end_inclusive: bool
    root: Side
    has: tuple[Count, ...] = ()
    values: tuple[ValueRange, ...] = ()
    label: str = ""
    index: Literal["", "start", "end"] = ""

    @property
    def other(self) -> Side:
        return "end" if self.root == "start" else "start"

    def boundary(self, side: Side) -> Boundary:
        return self.start if side == "start" else self.end


@dataclass(frozen=True)
class Outcome:
    """Time to an event after the prediction time, ended by competing ones or the record's end."""

    event: str
    where: Where
    competing: tuple[str, ...] = ()
    horizon: int | None = None


@dataclass(frozen=True)
class Task:
    """A trigger, windows around it, and what is predicted; only predicates in use are kept."""

    name: str
    file: str
    trigger: str
    predicates: Mapping[str, Predicate]
    windows: tuple[Window, ...]
    outcome: Outcome | None = None

    @property
    def static(self) -> list[Plain | Derived]:
        """Predicates every subject must meet at any time."""
        found = self.predicates.values()
        return [p for p in found if not isinstance(p, Nested) and p.static]

    @property
    def label_window(self) -> Window | None:
        return next((w for w in self.windows if w.label), None)

    @property
    def index_window(self) -> Window | None:
        return next((w for w in self.windows if w.index), None)

    def plain(self) -> list[Plain]:
        return [p for p in self.predicates.values() if isinstance(p, Plain)]

    def nested(self) -> list[Nested]:
        return [p for p in self.predicates.values() if isinstance(p, Nested)]


def references(expression: Expr) -> Iterator[str]:
    """Yield the names an expression mentions."""
    match expression:
        case Ref(name):
            yield name
        case Not(item):
            yield from references(item)
        case And(items) | Or(items):
            for item in items:
                yield from references(item)
