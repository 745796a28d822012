"""A study as values: who, from when, what is asked, how it is split, and what is reported.

Times are microseconds, as everywhere below the surfaces.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from biolake.cohorts.definition import Task
from biolake.cohorts.durations import duration_text
from biolake.core.errors import DataRefused
from biolake.core.yaml_positions import Where
from biolake.retrieval.definition import CodeSelection, Definition

Question = Literal["describe", "predict", "causal"]
SplitKind = Literal["random", "temporal", "site", "leave_one_site_out", "folds"]
MINIMUM_CELL = 10
_DURATIONS = ("horizon", "start", "within", "history_below")


class StudyInvalid(DataRefused):
    """A study definition says something that has no meaning, or none on this lake."""

    code = "study_invalid"


@dataclass(frozen=True)
class About:
    """What authors say of the study; what software cannot know."""

    id: str
    title: str
    question: Question
    texts: Mapping[str, str] = field(default_factory=dict)
    authors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Has:
    """Events of certain codes within a time before the prediction time (None: ever before)."""

    codes: CodeSelection
    within: int | None = None


@dataclass(frozen=True)
class Rule:
    """What an excluded sample is: exactly one of these is set."""

    age_below: float | None = None
    age_above: float | None = None
    history_below: int | None = None
    has: Has | None = None
    lacks: Has | None = None


@dataclass(frozen=True)
class Exclusion:
    """A named reason not to count a sample, and the rule that finds those samples."""

    name: str
    why: str
    rule: Rule


@dataclass(frozen=True)
class Population:
    """A task whose prediction time is the index, then exclusions in the order given."""

    task: Task
    task_path: str  # as the study names it
    task_text: str
    predicates_text: str = ""
    exclusions: tuple[Exclusion, ...] = ()
    first_only: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of them: the task's label, or the time to an event after the index."""

    name: str
    source: Literal["label", "task", "events"] = "label"
    codes: CodeSelection | None = None
    competing: CodeSelection | None = None
    horizon: int | None = None
    start: int = 0  # time at risk begins this long after the index

    @property
    def timed(self) -> bool:
        return self.source != "label"


@dataclass(frozen=True)
class Split:
    """Which subjects train, tune and test; always whole subjects."""

    kind: SplitKind = "random"
    ratios: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    stratify: bool = True
    held_out_sites: tuple[str, ...] = ()
    code: str = ""  # of folds: the code whose number is a subject's fold


@dataclass(frozen=True)
class Option:
    """A value an analysis was given, and where it stands in the file."""

    value: Any
    where: Where


@dataclass(frozen=True)
class Analysis:
    """One analysis asked for by name."""

    name: str
    options: Mapping[str, Option]
    where: Where


@dataclass(frozen=True)
class Subgroup:
    """A variable whose levels are reported apart."""

    name: str
    cuts: tuple[float, ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Report:
    """How the result is told."""

    formats: tuple[str, ...] = ("html",)
    standard: str = "tripod+ai"
    language: str = "en"


@dataclass(frozen=True)
class Study:
    """A whole study definition. `hash` is its identity, whatever layout and comments say."""

    about: About
    population: Population
    outcome: Outcome
    features: Definition
    features_text: str
    split: Split
    analyses: tuple[Analysis, ...]
    sites: tuple[str, ...] = ()
    commit: int | None = None
    subgroups: tuple[Subgroup, ...] = (Subgroup("sex"), Subgroup("site"))
    report: Report = field(default_factory=Report)
    minimum_cell: int = MINIMUM_CELL
    text: str = ""
    # Name → feature groups: each block is modelled alone, and all together.
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()  # name and text of every file the study names

    @property
    def hash(self) -> str:
        return hashlib.sha256(json.dumps(said(self), sort_keys=True).encode()).hexdigest()


def said(study: Study) -> dict[str, Any]:
    """Return what a study says as plain JSON values; texts of files by their hashes."""
    about = {"id": study.about.id, "title": study.about.title, "question": study.about.question}
    population = {
        "task": study.population.task_path,
        "task_hash": sha256(study.population.task_text + "\0" + study.population.predicates_text),
        "exclusions": [
            {"name": e.name, "why": e.why, "where": _timed(asdict(e.rule))}
            for e in study.population.exclusions
        ],
        "first_only": study.population.first_only,
    }
    return {
        "study": {**about, **study.about.texts, "authors": list(study.about.authors)},
        "data": {"sites": list(study.sites), "commit": study.commit},
        "population": population,
        "outcome": _timed(asdict(study.outcome)),
        "features": {"name": study.features.name, "hash": study.features.hash},
        "split": _split(study.split),
        "analyses": [
            {a.name: {name: option.value for name, option in sorted(a.options.items())}}
            for a in study.analyses
        ],
        "subgroups": [_set(asdict(subgroup)) for subgroup in study.subgroups],
        "report": asdict(study.report),
        "minimum_cell": study.minimum_cell,
        # Studies without blocks keep the hash they had before there were any.
        **({"blocks": {n: list(g) for n, g in study.blocks.items()}} if study.blocks else {}),
    }


def _split(split: Split) -> dict[str, Any]:
    found = asdict(split) | {"ratios": list(split.ratios)}
    return found if split.code else {k: v for k, v in found.items() if k != "code"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _set(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set."""
    return {name: value for name, value in values.items() if value not in (None, "", (), [])}


def _timed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set, and write lengths of time as people do."""
    found: dict[str, Any] = {}
    for name, value in _set(values).items():
        if isinstance(value, dict):
            found[name] = _timed(value)
        elif name in _DURATIONS:
            found[name] = duration_text(value)
        else:
            found[name] = value
    return found
