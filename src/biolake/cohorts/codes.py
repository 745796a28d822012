"""Which codes of the lake each predicate means: found once, so that scans read only those."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import duckdb

from biolake.cohorts.definition import CodeChoice, Derived, Expr, Nested, Not, Or, Plain, Ref, Task
from biolake.core.errors import TaskInvalid, did_you_mean
from biolake.lake.door import View
from biolake.lake.hierarchy import occurring_descendants

EQUAL = """
SELECT code FROM codes WHERE code IN (SELECT unnest(?::VARCHAR[])) AND events > 0 ORDER BY code
"""
REGEX = "SELECT code FROM codes WHERE regexp_matches(code, ?) AND events > 0 ORDER BY code"


@dataclass(frozen=True)
class Resolved:
    """The codes of each plain predicate, and what a reader of the cohort should know of them."""

    codes: dict[str, list[str]]
    notes: tuple[str, ...]


Missing = Literal["refuse", "refuse typos", "allow"]


def resolve(view: View, task: Task, *, missing: Missing = "refuse") -> Resolved:
    """Find the codes of every plain predicate, and judge those that can never occur.

    "refuse typos" takes a portable task to a lake that simply has no such events: only a trigger
    that cannot occur, or a code that looks like one the lake has, is an error.
    """
    codes = {plain.name: find_codes(view, plain.codes, plain) for plain in task.plain()}
    empty = [plain for plain in task.plain() if not codes[plain.name]]
    notes = [_missing_text(view, plain) for plain in empty]
    notes += [
        f"predicate '{plain.name}': only {len(codes[plain.name])} of its"
        f" {len(set(plain.codes.values))} codes are in the lake"
        for plain in task.plain()
        if plain.codes.kind == "any" and 0 < len(codes[plain.name]) < len(set(plain.codes.values))
    ]
    if missing != "allow":
        _refuse_missing(view, task, {plain.name for plain in empty}, missing)
    return Resolved(codes, tuple(notes))


def _refuse_missing(view: View, task: Task, never: set[str], missing: Missing) -> None:
    for name, predicate in task.predicates.items():
        if not (_needed(task, name) and _never(task, Ref(name), never)):
            continue
        culprit = _culprit(task, name, never)
        text = _missing_text(view, culprit)
        if missing == "refuse typos" and name != task.trigger and "Did you mean" not in text:
            continue
        raise TaskInvalid(
            text,
            where=str(culprit.where),
            next=f"List codes: biolake codes search. Without it '{predicate.name}' never occurs.",
        )


def find_codes(view: View, choice: CodeChoice, plain: Plain | None = None) -> list[str]:
    """Return the codes of the lake that a choice means."""
    try:
        if choice.kind == "regex":
            return [row[0] for row in view.rows(REGEX, [choice.values[0]])]
    except duckdb.Error:
        raise TaskInvalid(
            f"'{choice.values[0]}' is not a regular expression",
            where=str(plain.where) if plain else "",
        ) from None
    if choice.kind == "descendants_of":
        return occurring_descendants(view, choice.values)
    return [row[0] for row in view.rows(EQUAL, [list(choice.values)])]


def nearest_code(view: View, code: str) -> str:
    """Return ` Did you mean 'X'?` for a code the lake does not hold, or nothing."""
    start = code.split("//")[0].casefold()
    sql = "SELECT code FROM codes WHERE starts_with(lower(code), ?) ORDER BY events DESC LIMIT 5000"
    near = [row[0] for row in view.rows(sql, [start])]
    return did_you_mean(code, near or _common(view))


def _common(view: View) -> list[str]:
    return [r[0] for r in view.rows("SELECT code FROM codes ORDER BY events DESC LIMIT 5000")]


def _missing_text(view: View, plain: Plain) -> str:
    values = ", ".join(f"'{value}'" for value in plain.codes.values[:5])
    text = f"predicate '{plain.name}': no code of the lake matches {values}."
    exact = plain.codes.kind != "regex"
    return text + (nearest_code(view, plain.codes.values[0]) if exact else "")


def _needed(task: Task, name: str) -> bool:
    """Say whether the task itself names a predicate (not only another predicate does)."""
    used = {task.trigger, *(plain.name for plain in task.static)}
    for window in task.windows:
        used |= {window.start.event, window.end.event, window.label}
        used |= {count.predicate for count in window.has}
        used |= {wanted.predicate for wanted in window.values}
    if task.outcome:
        used |= {task.outcome.event, *task.outcome.competing}
    return name in used


def _never(task: Task, expression: Expr, never: set[str]) -> bool:
    """Say whether an expression can hold nowhere because of predicates that never occur."""
    if isinstance(expression, Not):
        return False
    if isinstance(expression, Ref):
        predicate = task.predicates[expression.name]
        if isinstance(predicate, Derived):
            return _never(task, predicate.expression, never)
        return not isinstance(predicate, Nested) and predicate.name in never
    verdicts = [_never(task, item, never) for item in expression.items]
    return all(verdicts) if isinstance(expression, Or) else any(verdicts)


def _culprit(task: Task, name: str, never: set[str]) -> Plain:
    """Return a plain predicate without codes that an expression rests on."""
    for inner in _plain_names(task, Ref(name)):
        predicate = task.predicates[inner]
        if isinstance(predicate, Plain) and inner in never:
            return predicate
    raise KeyError(name)


def _plain_names(task: Task, expression: Expr) -> Iterable[str]:
    if isinstance(expression, Ref):
        predicate = task.predicates[expression.name]
        if isinstance(predicate, Derived):
            yield from _plain_names(task, predicate.expression)
        else:
            yield expression.name
    elif isinstance(expression, Not):
        yield from _plain_names(task, expression.item)
    else:
        for item in expression.items:
            yield from _plain_names(task, item)
