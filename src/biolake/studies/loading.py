"""Read a study file; an unknown word is refused where it stands, with the word that was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from biolake.cohorts.definition import Task
from biolake.cohorts.loading import load_task
from biolake.core.errors import SetupMissing
from biolake.core.yaml_positions import Document, Value, parse_document
from biolake.retrieval.definition import Definition
from biolake.retrieval.loading import load_definition, parse_definition
from biolake.studies.clauses import (
    parse_about,
    parse_analyses,
    parse_blocks,
    parse_exclusions,
    parse_outcome,
    parse_report,
    parse_split,
    parse_subgroups,
    whole,
)
from biolake.studies.definition import MINIMUM_CELL, Population, Report, Study, StudyInvalid
from biolake.studies.keys import block

_Parsed = TypeVar("_Parsed")
# `task: other.yaml` in a task, `file: codes.txt` in a feature definition.
_MENTIONED = re.compile(r"\b(?:task|file):\s*['\"]?([\w./-]+)")


def load_study(path: str | Path) -> Study:
    """Read a study file; its task, predicates and features files are looked for beside it."""
    path = Path(path)
    text = _text(path, "study")
    root = parse_document(text, Document(str(path), "study", StudyInvalid))
    found = block(root, "")
    return _study(found, path, text)


def _study(found: Mapping[str, Value], path: Path, text: str) -> Study:
    data = block(found["data"], "data") if "data" in found else {}
    population = _population(found["population"], path.parent)
    outcome = parse_outcome(found.get("outcome"), found.get("time_at_risk"))
    _check_outcome(found, outcome.source, population.task)
    features, features_text = _features(found["features"], path, text)
    return Study(
        about=parse_about(found["study"]),
        population=population,
        outcome=outcome,
        features=features,
        features_text=features_text,
        split=_parsed(found, "split", parse_split),
        analyses=parse_analyses(found["analyses"]),
        sites=tuple(site.text() for site in data["sites"].items()) if "sites" in data else (),
        commit=whole(data["commit"], 0) if "commit" in data else None,
        subgroups=_parsed(found, "subgroups", parse_subgroups),
        report=parse_report(found["report"]) if "report" in found else Report(),
        minimum_cell=whole(found["minimum_cell"], 1) if "minimum_cell" in found else MINIMUM_CELL,
        text=text,
        blocks=parse_blocks(found.get("blocks"), features),
        files=_files(found, path.parent),
    )


def _files(found: Mapping[str, Value], folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the files the study names and those that they name: tasks in tasks, code sets."""
    population = block(found["population"], "population")
    names = [population[key].text() for key in ("task", "predicates") if key in population]
    if found["features"].is_text:
        names.append(found["features"].text())
    texts: dict[str, str] = {}
    while names:
        name = names.pop(0)
        if name in texts or not (folder / name).is_file():
            continue
        texts[name] = _text(folder / name, "study")
        inside = Path(name).parent
        names += [str(inside / word) for word in _MENTIONED.findall(texts[name])]
    return tuple(sorted(texts.items()))


def _parsed(
    found: Mapping[str, Value], key: str, parse: Callable[[Value | None], _Parsed]
) -> _Parsed:
    return parse(found.get(key))


def _population(value: Value, folder: Path) -> Population:
    found = block(value, "population")
    task_path = folder / found["task"].text()
    _beside(task_path, found["task"], "task")
    predicates_path = None
    if "predicates" in found:
        predicates_path = folder / found["predicates"].text()
        _beside(predicates_path, found["predicates"], "predicates")
    task = load_task(task_path, predicates_path)
    if task.index_window is None:
        found["task"].refuse(
            f"task '{task.name}' says no prediction time",
            next="Give one of its windows `index_timestamp: start` or `end`.",
        )
    return Population(
        task=task,
        task_path=found["task"].text(),
        task_text=_text(task_path, "task"),
        predicates_text=_text(predicates_path, "predicates") if predicates_path else "",
        exclusions=parse_exclusions(found["exclusions"]) if "exclusions" in found else (),
        first_only="first_only" in found and found["first_only"].flag(),
    )


def _check_outcome(found: Mapping[str, Value], source: str, task: Task) -> None:
    spot = found.get("outcome", found["population"])
    if source == "label" and task.label_window is None:
        spot.refuse(
            f"task '{task.name}' has no label, so it gives no yes/no outcome",
            next="Give one of its windows a `label:`, or name `codes:` under `outcome:`.",
        )
    if source == "task" and task.outcome is None:
        spot.refuse(
            f"task '{task.name}' has no `biolake: outcome:`",
            next="Add one to the task, or name `codes:` under `outcome:`.",
        )


def _features(value: Value, path: Path, text: str) -> tuple[Definition, str]:
    if value.is_text:
        file = path.parent / value.text()
        _beside(file, value, "feature definition")
        return load_definition(file), _text(file, "feature definition")
    if not value.is_block:
        value.refuse("'features' is the name of a file, or a block of its own")
    # The block stands where it stood, so that its errors point into this file.
    start, end = value.node.start_mark, value.node.end_mark
    body = text[start.index : end.index]
    padded = "\n" * start.line + " " * start.column + body
    return parse_definition(padded, str(path), path.parent), padded.lstrip("\n")


def _beside(path: Path, value: Value, what: str) -> None:
    if not path.is_file():
        value.refuse(f"there is no {what} file '{value.text()}' beside the study")


def _text(path: Path, what: str) -> str:
    if not path.is_file():
        raise SetupMissing(f"there is no {what} file here", where=str(path))
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StudyInvalid(f"the {what} file is not UTF-8 text", where=str(path)) from None
