"""Who was studied: the flow, and Table 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.charts.flow import Part, Stage, flow_chart, people
from biolake.studies.report.formats import NONE, count, fixed
from biolake.studies.report.markup import Markup, folded, join, paragraph, table
from biolake.studies.report.markup import figure as figured
from biolake.studies.report.reading import Result, at, listed, mapping, number, rows, whole, words
from biolake.studies.report.sections.section import Absent, Section, absent

# Austin, Stat Med 2009;28:3083: 0.1 is where a difference between groups becomes notable.
NOTABLE_DIFFERENCE = 0.1
_LONG = 40
_PARTS = {"train": "Training", "tuning": "Tuning", "held_out": "Held-out"}


def flow(result: Result) -> Section | Absent:
    """Show who was left at each step and why others were not."""
    title = "Flow of participants"
    steps = rows(result.get("attrition"))
    if not steps:
        return Absent(title, "The run recorded no selection steps.")
    stages = [_stage(step) for step in steps]
    drawn = flow_chart(stages, _parts(result), "participants")
    caption = "From all subjects of the lake to those analysed, with reasons for leaving."
    held = [
        (s.name, s.numbers.removeprefix("n = "), s.lost.removeprefix("Excluded: "), s.reason)
        for s in stages
    ]
    named = ("Step", "Remaining", "Lost at this step", "Reason")
    shown = folded("The same as a table", table("Selection step by step", named, held))
    body = [figured(drawn, caption), shown]
    if by_site := rows(at(result, "cohort.by_site")):
        body.append(_by_site(by_site, study.smallest_cell(result)))
    return Section("flow", title, join(body))


def _stage(step: Mapping[str, Any]) -> Stage:
    name = words(step.get("step")).replace("_", " ") or "Step"
    numbers = people(step.get("subjects"), step.get("samples"))
    return Stage(name[:1].upper() + name[1:], numbers, _lost(step), words(step.get("reason")))


def _lost(step: Mapping[str, Any]) -> str:
    subjects, samples = step.get("lost_subjects"), step.get("lost_samples")
    if not (whole(subjects) or whole(samples)) and not words(subjects).startswith("<"):
        return ""
    said = f"{count(subjects)} subjects" if subjects is not None else ""
    if samples is not None and samples != subjects:
        said += f"{', ' if said else ''}{count(samples)} index times"
    return f"Excluded: {said}"


def _parts(result: Result) -> list[Part]:
    found = []
    for name, held in mapping(at(result, "split.sizes")).items():
        size = mapping(held)
        lines = [people(size.get("subjects"), size.get("samples"))]
        if size.get("events") is not None:
            lines.append(f"{count(size.get('events'))} with the outcome")
        shown = _PARTS.get(str(name), str(name).replace("_", " "))
        found.append((list(_PARTS).index(name) if name in _PARTS else 9, Part(shown, tuple(lines))))
    return [part for _, part in sorted(found, key=lambda item: (item[0], item[1].name))]


def _by_site(held: list[Mapping[str, Any]], least: int) -> Markup:
    lines = []
    for row in held:
        events = f"<{least}" if row.get("events") is None else count(row.get("events"))
        lines.append((words(row.get("site")), count(row.get("samples")), events))
    return table("Index times and outcomes by site", ("Site", "Index times", "Events"), lines)


def table_one(result: Result) -> Section | Absent:
    """Show Table 1 with standardised differences."""
    title = "Baseline characteristics"
    held = mapping(result.get("table_one"))
    body = rows(held.get("rows"))
    if not body:
        return absent(result, title, "table_one")
    groups = [words(name) for name in listed(held.get("groups"))]
    has = {name: any(row.get(name) is not None for row in body) for name in ("smd", "missing")}
    headings = ["Characteristic", *groups]
    headings += ["Missing"] if has["missing"] else []
    headings += ["SMD"] if has["smd"] else []
    lines = [[label, *_cells(row, len(groups), has)] for label, row in _labelled(body)]
    shown = table("Characteristics of those studied", headings, lines, "one")
    if len(lines) > _LONG:
        head = table(f"Characteristics: the first {_LONG} rows", headings, lines[:_LONG], "one")
        shown = join((head, folded(f"All {len(lines)} rows", shown)))
    return Section("table-one", title, join((shown, *_reading(result, body, has["smd"]))))


def _labelled(body: list[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row with its label: a variable's levels are set in under it."""
    before = ""
    for row in body:
        variable, level = words(row.get("variable")), words(row.get("level"))
        if not level:
            yield variable, row
        else:
            if variable != before:
                shared = {key: row.get(key) for key in ("smd", "missing")}
                yield variable, {"values": [" "] * len(listed(row.get("values"))), **shared}
            yield f"\u2003{level}", {"values": row.get("values"), "level": level}
        before = variable


def _cells(row: Mapping[str, Any], groups: int, has: Mapping[str, bool]) -> list[str]:
    values = [str(value) if value is not None else NONE for value in listed(row.get("values"))]
    absent_here = "" if row.get("level") else NONE
    cells = [*values, *[NONE] * groups][:groups]
    if has["missing"]:
        missing = row.get("missing")
        cells.append(absent_here if missing is None else _missing(missing))
    if has["smd"]:
        smd = number(row.get("smd"))
        shown = "" if smd is None else f"{fixed(smd, 2)}{'*' if _notable(smd) else ''}"
        cells.append(shown or absent_here)
    return cells


def _missing(value: object) -> str:
    """Write missing values: counts as they are, and proportions as per cents."""
    found = number(value)
    if found is None:
        return words(value)
    return f"{100 * found:.1f}%" if 0 < found < 1 else count(found)


def _notable(smd: float) -> bool:
    return abs(smd) > NOTABLE_DIFFERENCE


def _reading(result: Result, body: list[Mapping[str, Any]], differences: bool) -> list[Markup]:
    said = [f"Counts below {study.smallest_cell(result)} are not shown."]
    if differences:
        found = [number(row.get("smd")) for row in body]
        notable = sum(1 for smd in found if smd is not None and _notable(smd))
        said.append(
            f"SMD: standardised mean difference between groups; * above {NOTABLE_DIFFERENCE} "
            f"({notable} of {sum(smd is not None for smd in found)} rows)."
        )
    return [paragraph(" ".join(said), class_="fine")]
