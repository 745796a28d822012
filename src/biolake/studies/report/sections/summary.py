"""The head of the report: the question, the answer, and the numbers that carry it."""

from __future__ import annotations

from biolake.studies.report import study
from biolake.studies.report.caution import leakage_failed, said, too_small
from biolake.studies.report.evaluations import external, main_evaluation, models
from biolake.studies.report.formats import count, day
from biolake.studies.report.markup import (
    Markup,
    bullets,
    callout,
    element,
    facts,
    folded,
    join,
    paragraph,
    table,
)
from biolake.studies.report.reading import Result, at, listed, plain, words
from biolake.studies.report.sections.section import Section
from biolake.studies.report.verdict import key_numbers, sentences


def title_block(result: Result) -> Markup:
    """Write the question, the authors, the answer, and what data it rests on."""
    kind = study.QUESTIONS.get(study.question(result), "Study")
    main, *rest = sentences(result)
    answer = element("p", main, class_="verdict")
    more = paragraph(" ".join(rest)) if rest else ""
    purpose = study.author(result, "purpose")
    return element(
        "header",
        paragraph(kind, class_="kind"),
        element("h1", study.title(result)),
        paragraph(study.author(result, "authors"), class_="authors"),
        paragraph(purpose) if purpose else "",
        element("div", answer, more, class_="answer"),
        _stamp(result),
        *_alarms(result),
    )


def _stamp(result: Result) -> Markup:
    """Say which state of the lake and which definition the numbers come from."""
    made = day(at(result, "provenance.commit_time"))
    commit = words(at(result, "provenance.commit"))
    held = (
        ("Lake commit", f"{commit} ({made})" if commit and made else commit),
        ("Definition", words(at(result, "provenance.definition_hash"))),
        ("Sites", ", ".join(study.sites(result))),
        ("Registration", study.author(result, "registration")),
    )
    return element("div", facts(held), class_="stamp")


def _alarms(result: Result) -> list[Markup]:
    found = []
    if leakage_failed(result):
        why = "Features changed when everything after the index time was shuffled."
        found.append(callout("stop", "The future leaks into the features.", why))
    if models(result) and too_small(result):
        link = element("a", "sample size", href="#sample-size")
        found.append(callout("caution", "The sample is too small.", "See ", link, "."))
    main = main_evaluation(result)
    if main and main.one_class:
        found.append(callout("caution", "Not estimable.", f"{main.place}: {main.one_class}."))
    if main and not external(result):
        why = "Do not use the model elsewhere before it is validated there."
        found.append(callout("caution", "No external validation.", why))
    return found


def key_results(result: Result) -> Section:
    """Show the few numbers a reader takes away."""
    held = [(one.name, one.value, one.interval, one.tells) for one in key_numbers(result)]
    headings = ("Measure", "Value", "95% CI", "What it tells")
    shown = (
        table("Key results", headings, held, "key") if held else paragraph("No numbers recorded.")
    )
    warned = said(result, "warnings")
    notes = [element("h3", "Warnings of the run"), bullets(warned)] if warned else []
    return Section("key-results", "Key results", join((shown, *notes)))


def design(result: Result) -> Section:
    """Say in one table who was studied, from when, for what, with what."""
    kinds = (("task", "Population"), ("first_only", "First index time only"))
    population = study.definition(result).get("population")
    held = [(name, plain(at(population, key))) for key, name in kinds]
    split = at(result, "split.kind") or ""
    first, last = day(at(result, "cohort.index_first")), day(at(result, "cohort.index_last"))
    held += [
        ("Excluded", "; ".join(study.exclusions(result))),
        ("Index time", study.section(result, "index")),
        ("Index times between", f"{first} and {last}" if first and last else ""),
        ("Outcome", study.section(result, "outcome")),
        ("Time at risk", study.section(result, "time_at_risk")),
        ("Features", _features(result)),
        ("Division of the data", plain(split).replace("_", " ")),
        ("Smallest count shown", count(study.smallest_cell(result))),
    ]
    whole = plain(study.definition(result))
    full = folded("The study file in full", paragraph(whole, class_="fine")) if whole else ""
    body = join((facts(held), full))
    return Section("design", "Study design", body)


def _features(result: Result) -> str:
    """Write the features shortly: how many, and the first of them."""
    held = study.definition(result).get("features")
    listing = listed(held) or listed(at(held, "features"))
    if len(listing) > 6:
        return f"{len(listing)}: {plain(listing[:4])} …"
    text = plain(held)
    return text if len(text) < 400 else f"{text[:400].rstrip()} …"
