"""Put the sections together into one page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from biolake.studies.report import study
from biolake.studies.report.markup import Markup, element, join
from biolake.studies.report.reading import Result, at, words
from biolake.studies.report.sections import (
    models,
    outcomes,
    participants,
    performance,
    record,
    summary,
    trust,
)
from biolake.studies.report.sections.section import Absent, Section

_SECTIONS: tuple[Callable[[Result], Section | Absent], ...] = (
    summary.key_results,
    summary.design,
    participants.flow,
    participants.table_one,
    outcomes.survival,
    outcomes.incidence,
    outcomes.cox,
    outcomes.others,
    performance.performance,
    performance.discrimination,
    performance.calibration,
    performance.decision,
    models.subgroups,
    models.explanation,
    models.conformal,
    models.by_site,
    trust.sample_size,
    trust.leakage,
    trust.limits,
    record.checklist,
    record.reproducibility,
)


def page(result: Result) -> str:
    """Return the report as one HTML document."""
    made = [section(result) for section in _SECTIONS]
    shown = [part for part in made if isinstance(part, Section)]
    missing = [part for part in made if isinstance(part, Absent) and part.reason]
    shown += [trust.not_here(missing)] if missing else []
    body = element(
        "body",
        element("a", "Skip to the results", href="#key-results", class_="skip"),
        element(
            "main",
            summary.title_block(result),
            _contents(shown),
            *(section.html for section in shown),
        ),
        _foot(result),
    )
    body = _numbered(_numbered(body, "caption", "Table"), "figcaption", "Figure")
    return f"<!DOCTYPE html>\n{element('html', _head(result), body, lang='en')}\n"


def _numbered(body: Markup, tag: str, kind: str) -> Markup:
    """Number tables and figures in their order, so that they can be cited."""
    first, *others = body.split(f"<{tag}>")
    parts = [f"<{tag}><b>{kind} {place}.</b> {part}" for place, part in enumerate(others, 1)]
    return Markup(first + "".join(parts))


def _head(result: Result) -> Markup:
    # No network at all, even for a browser that would: the page holds everything.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    style = files("biolake.studies.report").joinpath("style.css").read_text(encoding="utf-8")
    return join(
        (
            Markup("<head>"),
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<meta name="color-scheme" content="light dark">'),
            element("title", study.title(result)),
            element("style", Markup(style)),
            Markup("</head>"),
        )
    )


def _contents(shown: list[Section]) -> Markup:
    links = [element("li", element("a", part.title, href=f"#{part.name}")) for part in shown]
    return element("nav", element("ol", *links), aria_label="Contents")


def _foot(result: Result) -> Markup:
    software = words(at(result, "provenance.software")) or "Biolake"
    commit = words(at(result, "provenance.commit"))
    pinned = f", lake commit {commit}" if commit else ""
    return element("footer", f"Made by {software}{pinned}. Not medical advice.")
