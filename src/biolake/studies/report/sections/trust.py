"""How far the figures can be trusted: sample size, leakage, limitations."""

from __future__ import annotations

from biolake.studies.report import study
from biolake.studies.report.caution import (
    leakage_failed,
    learned_from,
    limitations,
    said,
    too_small,
)
from biolake.studies.report.evaluations import models
from biolake.studies.report.formats import NONE, count, figure
from biolake.studies.report.markup import bullets, callout, element, join, paragraph, table
from biolake.studies.report.reading import Result, mapping, number, plain, rows, words
from biolake.studies.report.sections.section import Absent, Section


def sample_size(result: Result) -> Section | Absent:
    """Say whether there were enough samples to learn from, and warn when not."""
    title = "Sample size"
    held = mapping(result.get("sample_size"))
    if not held:
        return Absent(title, "No criteria were computed: they concern prediction models.")
    have, need = learned_from(result), held.get("required")
    verdict = plain(held.get("verdict"))
    if too_small(result):
        why = (
            f"{count(have)} training samples; at least {count(need)} required. Expect overfitting: "
            "predictions too extreme, and figures that fall in new patients."
        )
        head = callout("stop", "Too small for a stable model.", why)
    elif number(need) is None and not verdict:
        head = callout("caution", "No verdict.", "The run recorded no required size.")
    else:
        head = callout("good", "Large enough by these criteria.", f"{count(need)} required.")
    lines = [("Training samples", count(have)), ("Required", count(need))]
    per = held.get("events_per_variable")
    lines.append(("Events per candidate parameter", NONE if per is None else figure(per)))
    lines += [
        (f"Required for: {words(one.get('name')).replace('_', ' ')}", count(one.get("required")))
        for one in rows(held.get("criteria"))
    ]
    if verdict:
        lines.append(("Verdict of the run", verdict.replace("_", " ")))
    shown = table("Sample size", ("Criterion", "Samples"), lines)
    source = "Riley et al., BMJ 2020;368:m441: criteria for developing a prediction model."
    return Section("sample-size", title, join((head, shown, paragraph(source, class_="fine"))))


def leakage(result: Result) -> Section | Absent:
    """Say whether features could see the future."""
    title = "Leakage check"
    held = mapping(result.get("leakage"))
    if not held:
        return Absent(title, "The run recorded no leakage check.")
    outcome = words(held.get("shuffle_test")).lower()
    means = "Everything after the index time was shuffled and the features were computed again: "
    if leakage_failed(result):
        head = callout("stop", "Failed.", means + "they changed. Do not use these figures.")
    elif outcome in ("passed", "true", "ok"):
        head = callout("good", "Passed.", means + "none changed.")
    else:
        head = callout("caution", "Not shown.", f"Shuffle test: {outcome or 'not run'}.")
    others = [
        (k.replace("_", " "), plain(v)) for k, v in sorted(held.items()) if k != "shuffle_test"
    ]
    more = table("Other checks", ("Check", "Outcome"), others) if others else ""
    return Section("leakage", title, join((head, more)))


def limits(result: Result) -> Section:
    """List the authors' limitations, and those that follow from the numbers."""
    parts: list[object] = []
    written = study.author_list(result, "limitations")
    parts.append(element("h3", "Written by the authors"))
    parts.append(bullets(written) if written else paragraph("The authors wrote none."))
    found = list(limitations(result))
    parts.append(element("h3", "Following from the numbers"))
    parts.append(bullets(found) if found else paragraph("The numbers show none."))
    if notes := said(result, "notes"):
        parts += [element("h3", "Notes of the run"), bullets(notes)]
    intended = study.author(result, "intended_use")
    if intended or models(result):
        parts.append(element("h3", "Intended use"))
        parts.append(paragraph(intended or "Not stated: not for use in care."))
    return Section("limitations", "Limitations", join(parts))


def not_here(parts: list[Absent]) -> Section:
    """List the parts this study does not have, with reasons."""
    lines = [(part.title, part.reason) for part in parts]
    body = table("Parts that are not in this report", ("Part", "Reason"), lines)
    return Section("not-here", "Not in this report", body)
