"""Predicates of a task file: plain ones by code, derived ones, and those of our own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from biolake.cohorts.definition import (
    SPECIAL,
    CodeChoice,
    Derived,
    Limit,
    Nested,
    Plain,
    Predicate,
    Task,
)
from biolake.cohorts.expressions import parse_expression
from biolake.cohorts.quantiles import share_of
from biolake.core.errors import did_you_mean
from biolake.core.yaml_positions import Value

TaskLoader = Callable[[Path, Value], Task]

# Columns of an event beside code, value and time that a predicate may ask for.
COLUMNS = ("text_value", "unit", "site_id", "source", "load_id")
_VALUES = ("value_min", "value_max", "value_min_inclusive", "value_max_inclusive")
_PLAIN = ("code", *_VALUES, "static", *COLUMNS)
# Set operations on classes: Rust's regular expressions (ACES) have them, RE2 (ours) reads letters.
_CLASS_ALGEBRA = re.compile(r"&&|--|~~|\[\[(?!:)")


def check_name(key: Value) -> str:
    name = key.text()
    if re.fullmatch(r"\w+", name, re.ASCII) is None:
        key.refuse(f"'{name}' must be made of letters, digits and '_'")
    if name in SPECIAL:
        key.refuse(f"'{name}' is reserved")
    return name


def truth(value: Value) -> bool:
    """Read true or false; YAML 1.1 and 1.2 disagree about yes, no, on and off."""
    if value.text() not in ("true", "True", "TRUE", "false", "False", "FALSE"):
        value.refuse(f"'{value.name}' must be true or false, not '{value.text()}'")
    return value.flag()


def finite(value: Value) -> float:
    number = value.number()
    if not math.isfinite(number):
        value.refuse(f"'{value.name}' must be a finite number")
    return number


def parse_predicate(key: Value, value: Value) -> Predicate:
    """Parse one entry of `predicates:`, as ACES reads it."""
    name = check_name(key)
    if not value.is_block:
        value.refuse(
            f"predicate '{name}' is not defined: '{value.text() if value.is_text else 'null'}'",
            next="Give it a `code:` or an `expr:`, here or in the predicates file.",
        )
    if any(entry.text() == "expr" for entry, _ in value.entries()):
        found = value.block(("static",), ("expr",))
        static = "static" in found and truth(found["static"])
        return Derived(name, key.where, parse_expression(found["expr"], ours=False), static)
    found = value.block(_PLAIN, ("code",))
    static = "static" in found and truth(found["static"])
    return _plain(name, key, found, _aces_codes(found["code"]), static)


def parse_demographic(key: Value, value: Value) -> Plain:
    """Parse one entry of `patient_demographics:`: every subject must have it, at no time."""
    found = value.block((*_VALUES, "other_cols"), ("code",))
    if "other_cols" in found:
        found |= found["other_cols"].block(COLUMNS)
    return _plain(check_name(key), key, found, _aces_codes(found["code"]), static=True)


def parse_own(key: Value, value: Value, load: TaskLoader) -> Predicate:
    """Parse one entry of `biolake: predicates:`: not(…), descendants, or another task."""
    name = check_name(key)
    keys = {entry.text() for entry, _ in value.entries()}
    if "task" in keys:
        found = value.block(("positive",), ("task",))
        task = load(Path(key.document.file).parent / found["task"].text(), found["task"])
        positive = "positive" in found and truth(found["positive"])
        if positive and task.label_window is None:
            found["positive"].refuse(f"task '{task.name}' has no label that could be positive")
        return Nested(name, key.where, task, positive)
    if "expr" in keys:
        found = value.block((), ("expr",))
        return Derived(name, key.where, parse_expression(found["expr"], ours=True))
    found = value.block(_PLAIN, ("code",))
    static = "static" in found and truth(found["static"])
    return _plain(name, key, found, _own_codes(found["code"]), static)


def _plain(
    name: str, key: Value, found: dict[str, Value], codes: CodeChoice, static: bool
) -> Plain:
    columns = tuple((column, found[column].text()) for column in COLUMNS if column in found)
    least, most = _limit(found, "value_min"), _limit(found, "value_max")
    if least and most and least.share is None and most.share is None:
        open_end = not (least.inclusive and most.inclusive)
        if least.value > most.value or (least.value == most.value and open_end):
            key.refuse(f"no value can meet '{name}': its value_min lies above its value_max")
    return Plain(name, key.where, codes, least, most, columns, static)


def _limit(found: dict[str, Value], name: str) -> Limit | None:
    if name not in found:
        return None
    inclusive = found.get(f"{name}_inclusive")
    share = share_of(found[name].text())
    value = finite(found[name]) if share is None else math.nan
    return Limit(value, inclusive is not None and truth(inclusive), share)


def _aces_codes(value: Value) -> CodeChoice:
    if value.is_text:
        return CodeChoice("equal", (value.text(),))
    found = value.block(("regex", "any"))
    if len(found) != 1:
        value.refuse("give exactly one of `regex` and `any`")
    if "regex" in found:
        return CodeChoice("regex", (_pattern(found["regex"]),))
    return CodeChoice("any", _list(found["any"]))


def _own_codes(value: Value) -> CodeChoice:
    if value.is_block and any(key.text() == "descendants_of" for key, _ in value.entries()):
        found = value.block((), ("descendants_of",))
        return CodeChoice("descendants_of", _list(found["descendants_of"]))
    return _aces_codes(value)


def _list(value: Value) -> tuple[str, ...]:
    if value.is_text or not (codes := value.items()):
        value.refuse(f"'{value.name}' must be a list of codes")
    return tuple(code.text() for code in codes)


def _pattern(value: Value) -> str:
    pattern = value.text()
    if not pattern:
        value.refuse("the regular expression is empty")
    if _CLASS_ALGEBRA.search(pattern):
        value.refuse("set operations in [...] are not understood the same way everywhere")
    return pattern


def unknown_predicate(value: Value, name: str, known: list[str]) -> None:
    value.refuse(
        f"predicate '{name}' is not defined.{did_you_mean(name, known)}",
        next="Define it under `predicates:`.",
    )
