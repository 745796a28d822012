"""How often and when the outcome happened, and what went with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.charts.forest import Axis, Row, forest_chart
from biolake.studies.report.charts.survival import curve, survival_chart
from biolake.studies.report.formats import (
    NONE,
    RATIO,
    UNKNOWN,
    count,
    figure,
    interval,
    limits,
    p_value,
    p_words,
)
from biolake.studies.report.markup import (
    Markup,
    element,
    folded,
    join,
    paragraph,
    table,
)
from biolake.studies.report.markup import (
    figure as figured,
)
from biolake.studies.report.reading import Result, estimate, number, rows, words
from biolake.studies.report.sections.section import Absent, Section, absent
from biolake.studies.report.verdict import median_of, rate_unit

_MOST_TERMS = 40


def survival(result: Result) -> Section | Absent:
    """Show each set of survival curves, with numbers at risk and medians."""
    held = rows(result.get("survival"))
    if not held:
        return absent(result, "Survival", "survival")
    least = study.smallest_cell(result)
    names = list(dict.fromkeys(words(row.get("name")) for row in held))
    parts = [
        _curves(name, [row for row in held if words(row.get("name")) == name], least)
        for name in names
    ]
    return Section("survival", "Survival", join(parts))


def _curves(name: str, held: list[Mapping[str, Any]], least: int) -> Markup:
    of = name.replace("_", " ") or "all subjects"
    hidden = [words(row.get("group")) for row in held if row.get("suppressed")]
    held = [row for row in held if not row.get("suppressed")]
    curves = [curve(row, place, least) for place, row in enumerate(held)]
    aside = f" Too small to show: {', '.join(hidden)}." if hidden else ""
    if not any(one.points for one in curves):
        return paragraph(f"{of}: no curve could be estimated.{aside}")
    p = next((row["logrank_p"] for row in held if row.get("logrank_p") is not None), None)
    test = f" Log-rank test: {p_words(p)}." if number(p) is not None else ""
    caption = f"Kaplan-Meier curves: {of}. Bands are 95% confidence intervals.{test}{aside}"
    drawn = figured(survival_chart(curves, of), caption)
    lines = [(one.group, *_median(row)) for one, row in zip(curves, held, strict=True)]
    named = ("Group", "Median time (days)", "95% CI")
    return join((drawn, table(f"Median time to the event: {of}", named, lines)))


def _median(row: Mapping[str, Any]) -> tuple[str, str]:
    found = median_of(row)
    if not found:
        return "not reached", NONE
    if found.bounded:
        return figure(found.value), limits(found)
    if found.low is not None:
        return figure(found.value), f"{figure(found.low)} to not reached"
    return figure(found.value), NONE


def incidence(result: Result) -> Section | Absent:
    """Show events, person-years and rates by group."""
    held = rows(result.get("incidence"))
    if not held:
        return absent(result, "Incidence", "incidence")
    unit = rate_unit(held)
    lines = []
    for row in held:
        found = unit.of(row)
        if row.get("suppressed"):
            few = f"suppressed (under {study.smallest_cell(result)})"
            lines.append((words(row.get("group")), few, NONE, NONE, NONE))
            continue
        ends = limits(found) if found.bounded else UNKNOWN
        years = number(row.get("person_years"))
        shown = NONE if years is None else count(years) if years >= 100 else figure(years)
        group = words(row.get("group")) or "Everyone"
        lines.append((group, count(row.get("events")), shown, figure(found.value), ends))
    headings = ("Group", "Events", "Person-years", f"Rate {unit.name}", "95% CI")
    return Section("incidence", "Incidence", table("Incidence rates", headings, lines))


def others(result: Result) -> Section | Absent:
    """Show the estimates of analyses that have no section of their own."""
    held = rows(result.get("others"))
    if not held:
        return Absent("Other analyses", "")
    headings = ("Estimate", "Group", "Value (95% CI)", "Unit")
    parts = []
    for one in held:
        title = words(one.get("title")) or words(one.get("name"))
        lines = [
            (
                words(row.get("name")).replace("_", " "),
                words(row.get("group")),
                interval(estimate(row)),
                words(row.get("unit")),
            )
            for row in rows(one.get("estimates"))
        ]
        parts.append(table(title or "Estimates", headings, lines))
    return Section("others", "Other analyses", join(parts))


def cox(result: Result) -> Section | Absent:
    """Show hazard ratios as a forest and a table, with the proportional-hazards test."""
    held = rows(result.get("cox"))
    if not held:
        return absent(result, "Cox regression", "cox")
    return Section("cox", "Cox regression", join(_hazards(model, len(held) > 1) for model in held))


def _hazards(model: Mapping[str, Any], named: bool) -> Markup:
    name = words(model.get("name")).replace("_", " ") or "Cox model"
    terms = rows(model.get("coefficients"))
    head = element("h3", name) if named else ""
    n, events = count(model.get("n")), count(model.get("events"))
    agrees = interval(estimate(model.get("concordance")))
    about = paragraph(f"{n} subjects, {events} events; concordance {agrees}.")
    if not terms:
        return join((head, about, paragraph("No coefficient could be estimated.")))
    shown = [Row(words(t.get("term")), estimate(t, "hr"), reason=_reason(t)) for t in terms]
    axis = Axis("Hazard ratio (log scale)", 1.0, True, "", ("lower hazard", "higher hazard"), RATIO)
    drawn = forest_chart(shown[:_MOST_TERMS], axis, name)
    more = f" The first {_MOST_TERMS} of {len(terms)} terms." if len(terms) > _MOST_TERMS else ""
    caption = f"Hazard ratios with 95% confidence intervals: {name}.{more}"
    lines = [
        (row.label, interval(row.found, RATIO), p_value(t.get("p")))
        for row, t in zip(shown, terms, strict=True)
    ]
    listing = table(f"Hazard ratios: {name}", ("Term", "HR (95% CI)", "P"), lines)
    return join((head, about, figured(drawn, caption), folded("As a table", listing), _test(model)))


def _reason(term: Mapping[str, Any]) -> str:
    return "" if estimate(term, "hr") else UNKNOWN


def _test(model: Mapping[str, Any]) -> Markup:
    """Show the test of proportional hazards."""
    held = rows(model.get("ph_test"))
    if not held:
        return paragraph("Proportional hazards were not tested.", class_="fine")
    lines = [(words(test.get("term")) or "All terms", p_value(test.get("p"))) for test in held]
    low = sum(1 for test in held if (number(test.get("p")) or 1) < 0.05)
    said = f"Test of proportional hazards: {low} of {len(held)} with P < 0.05"
    return folded(said, table("Proportional hazards (scaled residuals)", ("Term", "P"), lines))
