"""The TRIPOD+AI checklist, filled from the run where it knows and from the authors where it cannot.

TRIPOD+AI: Collins et al., BMJ 2024;385:e078378. The items are theirs, the wording and the division
into elements are ours. Each row of `tripod_ai.csv` says how its element is filled, tried in this
order: `provenance` names facts the run knows (one or more), `author` names keys of the study
file (the first that is written), `not_applicable` names a rule.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from io import StringIO

from biolake.studies.report import study
from biolake.studies.report.evaluations import external, models
from biolake.studies.report.known_methods import METHODS, balancing, split, tuning
from biolake.studies.report.known_results import RESULTS
from biolake.studies.report.reading import Result, at, rows, words

CITATION = "TRIPOD+AI: Collins et al., BMJ 2024;385:e078378; wording and division are Biolake’s."
FILLED = {
    "provenance": "from the run",
    "author": "by the authors",
    "not_applicable": "not applicable",
    "missing": "missing",
}
FACTS = {**METHODS, **RESULTS}


@dataclass(frozen=True)
class Element:
    """One element of the checklist: what is asked, how it was filled, and with what."""

    item: str
    element: str
    section: str
    text: str
    filled_by: str
    content: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """One row of the checklist file."""

    element: str
    section: str
    text: str
    provenance: tuple[str, ...]
    author: tuple[str, ...]
    not_applicable: str

    @property
    def item(self) -> str:
        return self.element.partition(".")[0]


def _no_model(result: Result) -> str:
    return "" if models(result) else "The study makes no prediction model."


def _no_updating(result: Result) -> str:
    return _no_model(result) or "No model was updated or recalibrated in this study."


def _one_site(result: Result) -> str:
    return _no_model(result) or (
        "All data come from one site." if len(study.sites(result)) == 1 else ""
    )


def _no_tuning(result: Result) -> str:
    return _no_model(result) or ("" if tuning(result) else "No settings were tuned.")


def _no_balancing(result: Result) -> str:
    none = "The model settings hold no resampling and no class weights."
    return _no_model(result) or ("" if balancing(result) else none)


def _no_split(result: Result) -> str:
    return "" if split(result) else "The data were not divided."


def _computed(result: Result) -> str:
    return (
        "Computed from recorded events by a fixed rule; nobody judged it."
        if at(result, "study.outcome") or at(result, "provenance.definition_hash")
        else ""
    )


def _no_competing(result: Result) -> str:
    named = at(result, "study.outcome")
    return "The study file names no competing event." if named is not None else ""


def _none_excluded(result: Result) -> str:
    held = at(result, "study.population")
    return "The study file names no exclusions." if held is not None else ""


def _not_external(result: Result) -> str:
    return _no_model(result) or ("" if external(result) else "No external evaluation was made.")


RULES: dict[str, Callable[[Result], str]] = {
    "no_model": _no_model,
    "no_updating": _no_updating,
    "one_site": _one_site,
    "no_tuning": _no_tuning,
    "no_balancing": _no_balancing,
    "no_split": _no_split,
    "computed": _computed,
    "no_competing": _no_competing,
    "none_excluded": _none_excluded,
    "not_external": _not_external,
}


@cache
def asked() -> tuple[Asked, ...]:
    """Read the checklist."""
    held = files("biolake.studies.report").joinpath("tripod_ai.csv").read_text(encoding="utf-8")
    return tuple(
        Asked(
            row["element"],
            row["section"],
            row["text"],
            tuple(row["provenance"].split()),
            tuple(row["author"].split()),
            row["not_applicable"],
        )
        for row in csv.DictReader(StringIO(held))
    )


def tripod(result: Result) -> list[Element]:
    """Fill every element of TRIPOD+AI for this result."""
    known = {name: fact(result) for name, fact in FACTS.items()}
    return [_filled(one, result, known) for one in asked()]


def _filled(one: Asked, result: Result, known: dict[str, str]) -> Element:
    def made(how: str, content: str) -> Element:
        return Element(one.item, one.element, one.section, one.text, how, content)

    if found := " ".join(known[name] for name in one.provenance if known[name]):
        return made("provenance", found)
    for key in one.author:
        if written := study.author(result, key):
            return made("author", written)
    if one.not_applicable and (why := RULES[one.not_applicable](result)):
        return made("not_applicable", why)
    if one.author:
        return made("missing", f"Write `{one.author[0]}:` in the study file.")
    return made("missing", "The run did not record it.")


def elements(result: Result) -> list[Element]:
    """Return the checklist that stands in the result, or fill it."""
    held = [row for row in rows(result.get("tripod")) if row.get("element")]
    if not held:
        return tripod(result)
    sections = {one.element: one.section for one in asked()}
    return [
        Element(
            words(row.get("item")),
            words(row.get("element")),
            words(row.get("section")) or sections.get(words(row.get("element")), "Other"),
            words(row.get("text")),
            how if (how := words(row.get("filled_by"))) in FILLED else "missing",
            words(row.get("content")),
        )
        for row in held
    ]


def counts(filled: Sequence[Element]) -> dict[str, int]:
    """Count the elements by how they were filled."""
    return {how: sum(1 for one in filled if one.filled_by == how) for how in FILLED}
