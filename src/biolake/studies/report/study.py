"""What the study file says, wherever in it an author may have put it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from biolake.studies.report.reading import Result, at, listed, mapping, plain, rows, words

QUESTIONS = {
    "describe": "Description",
    "predict": "Prediction model",
    "causal": "Treatment comparison",
}
_ANALYSES = {
    "survival": ("kaplan_meier", "survival"),
    "incidence": ("incidence",),
    "cox": ("cox",),
    "models": ("predict", "prediction", "discrete_survival"),
    "table_one": ("table_one", "table1"),
}
_DIAGNOSIS = re.compile(r"\bICD\d*|DIAGNOS", re.IGNORECASE)
DEFAULT_CELL = 10


def definition(result: Result) -> Mapping[str, Any]:
    """Return the study file as parsed."""
    return mapping(result.get("study"))


def author(result: Result, key: str) -> str:
    """Return what an author wrote under a key: in the `study` block, or at the top of the file."""
    held = definition(result)
    for path in (f"study.{key}", f"report.{key}", key):
        if said := plain(at(held, path)):
            return said
    return ""


def author_list(result: Result, key: str) -> list[str]:
    """Return what an author wrote under a key as separate points."""
    held = definition(result)
    found = at(held, f"study.{key}") or at(held, f"report.{key}") or held.get(key)
    points = [plain(item) for item in listed(found)] or [plain(found)]
    return [point for point in points if point]


def title(result: Result) -> str:
    return author(result, "title") or author(result, "id") or "Untitled study"


def question(result: Result) -> str:
    return author(result, "question").lower()


def section(result: Result, key: str) -> str:
    """Return a block of the definition as one line of words."""
    return plain(definition(result).get(key))


def outcome_words(result: Result) -> str:
    """Name the outcome shortly: its own name where it has one."""
    held = definition(result).get("outcome")
    if isinstance(held, Mapping):
        return next((words(held[key]) for key in ("name", "title", "label") if held.get(key)), "")
    return words(held)


def horizon(result: Result) -> str:
    held = mapping(definition(result).get("outcome"))
    risk = definition(result).get("time_at_risk")
    return plain(held.get("horizon")) or plain(mapping(risk).get("end") if risk else None)


def smallest_cell(result: Result) -> int:
    """Return the threshold under which the study shows no count."""
    held = definition(result)
    found = held.get("minimum_cell") or at(held, "report.minimum_cell")
    return found if isinstance(found, int) and not isinstance(found, bool) else DEFAULT_CELL


def asked_for(result: Result, part: str) -> bool:
    """Tell whether the study file asks for this analysis."""
    asked: set[str] = set()
    for item in listed(definition(result).get("analyses")):
        asked |= {words(key) for key in item} if isinstance(item, Mapping) else {words(item)}
    return bool(asked & set(_ANALYSES.get(part, (part,))))


def uses_diagnoses(result: Result) -> bool:
    """Tell whether the definition names diagnosis codes, often assigned after discharge."""
    held = definition(result)
    parts = (held.get("population"), held.get("outcome"), held.get("features"))
    return bool(_DIAGNOSIS.search(" ".join(plain(part) for part in parts)))


def sites(result: Result) -> list[str]:
    """List the sites whose data the study used."""
    by_site = [words(row.get("site")) for row in rows(at(result, "cohort.by_site"))]
    listed_sites = [words(site) for site in listed(at(result, "provenance.sites"))]
    return [site for site in listed_sites or by_site if site]


def exclusions(result: Result) -> list[str]:
    """List the exclusion rules with their reasons."""
    found = []
    for rule in listed(at(definition(result), "population.exclusions")):
        held = mapping(rule)
        why = words(held.get("why"))
        name = words(held.get("name")) or plain(rule)
        found.append(f"{name} ({why})" if why else name)
    return found
