"""Read a task file: ACES YAML as it stands, and what a `biolake:` block adds to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from biolake.cohorts.definition import SPECIAL, Derived, Outcome, Predicate, Task, references
from biolake.cohorts.durations import parse_duration
from biolake.cohorts.planning import value_parts
from biolake.cohorts.points import check_points
from biolake.cohorts.predicates import (
    parse_demographic,
    parse_own,
    parse_predicate,
    unknown_predicate,
)
from biolake.cohorts.windows import parse_windows
from biolake.core.errors import SetupMissing, TaskInvalid
from biolake.core.yaml_positions import Document, Value, parse_document

_FILE = ("description", "metadata", "predicates", "patient_demographics")
_MAX_NESTED = 8

Entry = tuple[Value, Value, Callable[[Value, Value], Predicate]]


def load_task(path: str | Path, predicates: str | Path | None = None) -> Task:
    """Read a task file; a predicates file replaces the predicates it names."""
    return _load(Path(path), Path(predicates) if predicates else None, ())


def _load(path: Path, override: Path | None, opened: tuple[Path, ...]) -> Task:
    root = _read(path, "task")
    found = root.block((*_FILE, "windows", "biolake"), ("trigger",))
    own = found["biolake"].block(("predicates", "windows", "outcome")) if "biolake" in found else {}
    entries = _aces_entries(found, override)
    for name, entry in _own_entries(own, override, (*opened, path)).items():
        if name in entries:
            entry[0].refuse(f"'{name}' is a predicate of the task already")
        entries[name] = entry
    trigger = found["trigger"].text()
    windows = parse_windows(found.get("windows"), own.get("windows"))
    outcome = _outcome(own["outcome"]) if "outcome" in own else None
    used = [(trigger, found["trigger"])]
    used += [use for window in windows for use in window.uses]
    if outcome:
        used += [(name, own["outcome"]) for name in (outcome.event, *outcome.competing)]
    task = Task(
        path.stem,
        path.name,
        trigger,
        _in_use(entries, used),
        tuple(window.window for window in windows),
        outcome,
    )
    check_points(task, root)
    _check_static(task, used)
    _check_values(task, root)
    return task


def _read(path: Path, what: str) -> Value:
    if not path.is_file():
        raise SetupMissing(f"there is no {what} file here", where=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TaskInvalid(f"the {what} file is not UTF-8 text", where=str(path)) from None
    return parse_document(text, Document(str(path), what, TaskInvalid))


def _aces_entries(found: dict[str, Value], override: Path | None) -> dict[str, Entry]:
    blocks = [found]
    if override:
        blocks.append(_read(override, "predicates").block(_FILE))
    entries: dict[str, Entry] = {}
    for name, parse in (
        ("predicates", parse_predicate),
        ("patient_demographics", parse_demographic),
    ):
        for block in blocks:
            if name in block:
                for key, value in block[name].entries():
                    entries[key.text()] = key, value, parse
    return entries


def _own_entries(
    own: dict[str, Value], override: Path | None, opened: tuple[Path, ...]
) -> dict[str, Entry]:
    def parse(key: Value, value: Value) -> Predicate:
        return parse_own(key, value, nested)

    def nested(path: Path, value: Value) -> Task:
        if path.resolve() in {one.resolve() for one in opened}:
            value.refuse(f"task '{path.name}' refers to itself, directly or through another")
        if len(opened) > _MAX_NESTED:
            value.refuse("tasks are nested too deeply")
        return _load(path, override, opened)

    if "predicates" not in own:
        return {}
    return {key.text(): (key, value, parse) for key, value in own["predicates"].entries()}


def _in_use(entries: dict[str, Entry], used: list[tuple[str, Value]]) -> dict[str, Predicate]:
    """Parse the predicates in use and what they refer to; all demographics are in use."""
    found: dict[str, Predicate] = {}
    for name, value in used:
        if name not in SPECIAL:
            _visit(entries, found, name, value, ())
    for name, (key, _body, parse) in entries.items():
        if parse is parse_demographic:
            _visit(entries, found, name, key, ())
    return found


def _visit(
    entries: dict[str, Entry],
    found: dict[str, Predicate],
    name: str,
    value: Value,
    path: tuple[str, ...],
) -> None:
    """Add a predicate after the ones that define it; `value` is where it is named."""
    if name in path:
        chain = " → ".join([*path[path.index(name) :], name])
        value.refuse(f"predicate '{name}' is defined by itself: {chain}")
    if name in found:
        return
    if name not in entries:
        unknown_predicate(value, name, list(entries))
    key, body, parse = entries[name]
    predicate = parse(key, body)
    if isinstance(predicate, Derived):
        for inner in references(predicate.expression):
            _visit(entries, found, inner, key, (*path, name))
    found[name] = predicate


def _check_static(task: Task, used: list[tuple[str, Value]]) -> None:
    for name, value in used:
        predicate = task.predicates.get(name)
        if predicate is not None and predicate.static:
            value.refuse(
                f"'{name}' is static: it holds at no time, so it cannot be counted in a window",
                next="Every subject must meet it already; leave it out here.",
            )


def _check_values(task: Task, root: Value) -> None:
    for window in task.windows:
        for wanted in window.values:
            if wanted.predicate in SPECIAL or not value_parts(task, wanted.predicate):
                raise root.document.error(
                    f"'{wanted.predicate}' has no values to take a {wanted.statistic} of",
                    where=str(wanted.where),
                    next="Name a predicate with codes, or an or(…) of such predicates.",
                )


def _outcome(value: Value) -> Outcome:
    found = value.block(("competing", "horizon"), ("event",))
    horizon = None
    if "horizon" in found:
        horizon = parse_duration(found["horizon"].text())
        if not horizon:
            found["horizon"].refuse("'horizon' must be a length of time, for example 365d")
    competing = (
        tuple(item.text() for item in found["competing"].items()) if ("competing" in found) else ()
    )
    event = found["event"].text()
    for name in (event, *competing):
        if name in SPECIAL or (*competing, event).count(name) > 1:
            value.refuse(f"'{name}' cannot be an outcome here")
    return Outcome(event, value.where, competing, horizon)
