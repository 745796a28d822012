"""A task in plain English, so that a clinician can say whether it is the cohort that was meant."""

from __future__ import annotations

from biolake.cohorts.definition import (
    ANY_EVENT,
    RECORD_END,
    RECORD_START,
    And,
    Boundary,
    CodeChoice,
    Count,
    Derived,
    Expr,
    Nested,
    Not,
    Or,
    Outcome,
    Plain,
    Predicate,
    Ref,
    Task,
    ValueRange,
    Window,
)
from biolake.cohorts.durations import duration_text

_SPECIAL = {
    ANY_EVENT: "any event",
    RECORD_START: "the start of the record",
    RECORD_END: "the end of the record",
}


def describe(task: Task) -> str:
    """Return the definition as English sentences."""
    parts = [f"One row for each time of {_name(task.trigger)}"]
    if task.static:
        parts[0] += f" of a subject with {_list([plain.name for plain in task.static])}"
    parts[0] += "."
    parts += [_window(window) for window in task.windows]
    parts += [_prediction(task)] if task.index_window or task.label_window else []
    if task.outcome:
        parts.append(_outcome(task.outcome))
    meanings = [_meaning(predicate) for predicate in task.predicates.values()]
    if meanings:
        parts.append("Here " + "; ".join(meanings) + ".")
    return " ".join(parts)


def _name(predicate: str) -> str:
    return _SPECIAL.get(predicate, predicate)


def _list(names: list[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _window(window: Window) -> str:
    start = f"{_point(window.start)} ({'included' if window.start_inclusive else 'excluded'})"
    end = f"{_point(window.end)} ({'included' if window.end_inclusive else 'excluded'})"
    text = f"Window {window.name} runs from {start} to {end}"
    demands = [_count(count) for count in window.has] + [_value(v) for v in window.values]
    if demands:
        return f"{text} and must hold {_list(demands)}."
    moving = [b.event for b in (window.start, window.end) if b.event]
    return f"{text}{', which must exist' if moving else ''}."


def _point(boundary: Boundary) -> str:
    reference = boundary.reference.replace(".", " ")
    if boundary.event in (RECORD_START, RECORD_END) and boundary.reference in ("start", "end"):
        return _SPECIAL[boundary.event]
    if boundary.event:
        place = "next" if boundary.direction == "next" else "last"
        side = "from" if boundary.direction == "next" else "before"
        return f"the {place} {_name(boundary.event)} {side} its {reference}".replace(
            "its trigger", "the trigger"
        )
    if boundary.offset:
        side = "after" if boundary.offset > 0 else "before"
        return f"{duration_text(boundary.offset)} {side} the {reference}"
    return f"the {reference}"


def _count(count: Count) -> str:
    name = _name(count.predicate)
    if count.most == 0:
        return f"no {name}"
    if count.least is None:
        return f"at most {count.most} {name}"
    if count.most is None:
        return f"at least {count.least} {name}"
    if count.least == count.most:
        return f"exactly {count.least} {name}"
    return f"{count.least} to {count.most} {name}"


def _value(wanted: ValueRange) -> str:
    low = "" if wanted.least is None else f"at least {wanted.least:g}"
    high = "" if wanted.most is None else f"at most {wanted.most:g}"
    limits = " and ".join(part for part in (low, high) if part)
    return f"a {wanted.statistic} {wanted.predicate} of {limits}"


def _prediction(task: Task) -> str:
    index, label = task.index_window, task.label_window
    parts = []
    if index:
        parts.append(f"the prediction time is the {index.index} of {index.name}")
    if label:
        parts.append(f"the label says whether {label.label} occurs in {label.name}")
    text = " and ".join(parts)
    return text[0].upper() + text[1:] + "."


def _outcome(outcome: Outcome) -> str:
    text = f"Follow-up runs from the prediction time to {outcome.event}"
    if outcome.competing:
        text += f", to {_list(list(outcome.competing), 'or')} (competing)"
    text += " or to the end of the record"
    return text + (f", for at most {duration_text(outcome.horizon)}." if outcome.horizon else ".")


def _meaning(predicate: Predicate) -> str:
    match predicate:
        case Plain():
            return f"{predicate.name} is {_codes(predicate.codes)}{_limits(predicate)}"
        case Derived():
            return f"{predicate.name} is {_expression(predicate.expression)}"
        case Nested():
            what = "positive trigger" if predicate.positive else "trigger"
            return f"{predicate.name} is a {what} of task {predicate.task.name}"


def _codes(choice: CodeChoice) -> str:
    shown = [f"'{value}'" for value in choice.values[:3]]
    if len(choice.values) > 3:
        shown.append(f"{len(choice.values) - 3} more")
    before = {"equal": "code ", "any": "a code of ", "regex": "a code like "}
    return before.get(choice.kind, "a code at or below ") + ", ".join(shown)


def _limits(plain: Plain) -> str:
    parts = []
    for limit, words in (
        (plain.minimum, ("above", "at least")),
        (plain.maximum, ("below", "at most")),
    ):
        if limit is not None:
            parts.append(f"{words[limit.inclusive]} {limit.value:g}")
    parts += [f"{column} '{value}'" for column, value in plain.columns]
    return f" with {' and '.join(parts)}" if parts else ""


def _expression(expression: Expr, *, inner: bool = False) -> str:
    match expression:
        case Ref(name):
            return name
        case Not(item):
            return f"not {_expression(item, inner=True)}"
        case And(items) | Or(items):
            word = " and " if isinstance(expression, And) else " or "
            text = word.join(_expression(item, inner=True) for item in items)
            return f"({text})" if inner else text
