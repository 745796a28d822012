"""How the study was reported and how to run it again."""

from __future__ import annotations

from itertools import groupby

from biolake.studies.report import study
from biolake.studies.report.checklist import CITATION, FILLED, Element, counts, elements
from biolake.studies.report.formats import day
from biolake.studies.report.markup import (
    Markup,
    element,
    facts,
    folded,
    join,
    paragraph,
    spanning,
    table,
)
from biolake.studies.report.reading import Result, at, mapping, plain, words
from biolake.studies.report.sections.section import Section

_MARKS = {"provenance": "●", "author": "◆", "not_applicable": "○", "missing": "✕"}


def checklist(result: Result) -> Section:
    """Show every element of TRIPOD+AI with how it was filled."""
    held = elements(result)
    number = counts(held)
    parts = [f"{number[key]} {name}" for key, name in FILLED.items()]
    about = f"{len(held)} elements: {', '.join(parts)}. {CITATION}"
    lines: list[tuple[object, ...]] = []
    for section, group in groupby(held, key=lambda one: one.section):
        lines.append(spanning(section, 4))
        lines += [_line(one) for one in group]
    headings = ("Item", "Element", "Filled by", "Content")
    full = table("TRIPOD+AI, element by element", headings, lines, "checklist")
    body = [paragraph(about), *_missing(held), folded("The whole checklist", full)]
    return Section("tripod", "Reporting checklist (TRIPOD+AI)", join(body))


def _line(one: Element) -> tuple[object, ...]:
    how = f"{_MARKS[one.filled_by]} {FILLED[one.filled_by]}"
    return one.element, one.text, element("span", how, class_=f"by {one.filled_by}"), one.content


def _missing(held: list[Element]) -> list[Markup]:
    lines = [(one.element, one.text, one.content) for one in held if one.filled_by == "missing"]
    if not lines:
        return [paragraph("Nothing is missing.")]
    return [table("Still missing", ("Item", "Element", "How to fill it"), lines)]


def reproducibility(result: Result) -> Section:
    """Say what made these numbers, and how to make them again."""
    held = mapping(result.get("provenance"))
    commit = words(held.get("commit"))
    known = (
        ("Software", plain(held.get("software"))),
        ("Lake", words(held.get("lake_id"))),
        ("Commit", commit),
        ("Commit time", day(held.get("commit_time"))),
        ("Definition hash", words(held.get("definition_hash"))),
        ("Features hash", words(held.get("features_hash"))),
        ("Seed", words(held.get("seed"))),
        ("Schema of the result", words(result.get("schema"))),
    )
    body: list[object] = [facts(known)]
    packages = mapping(held.get("packages"))
    if packages:
        lines = [(words(name), words(version)) for name, version in sorted(packages.items())]
        listing = table("Packages", ("Package", "Version"), lines)
        body.append(folded(f"Versions of {len(lines)} packages", listing))
    body.append(paragraph("To run it again at the same state of the lake:"))
    body.append(element("pre", element("code", command(result))))
    body.append(paragraph("A run at the same commit gives a result.json equal to the byte."))
    return Section("reproducibility", "Reproducibility", join(body))


def command(result: Result) -> str:
    """Write the command that runs the study again."""
    commit = words(at(result, "provenance.commit")) or words(study.author(result, "data.commit"))
    pinned = f" --at {commit}" if commit else ""
    return f"biolake study run study.yaml{pinned} --out study-again"
