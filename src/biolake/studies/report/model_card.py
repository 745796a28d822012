"""The model card: one page a person reads before using a model (Mitchell et al., FAT* 2019)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from biolake.studies.report import study
from biolake.studies.report.caution import limitations
from biolake.studies.report.evaluations import (
    MEASURES,
    evaluations,
    main_evaluation,
    model_name,
    models,
)
from biolake.studies.report.formats import RATIO, count, interval
from biolake.studies.report.known_methods import (
    cohort,
    data_source,
    exclusions,
    index_period,
    outcome,
    output,
    population,
    site_names,
    split_sizes,
)
from biolake.studies.report.markup import clean
from biolake.studies.report.reading import Result, at, estimate, first, plain, rows, words
from biolake.studies.report.sections.models import weights
from biolake.studies.report.sections.record import command
from biolake.studies.report.verdict import sentences

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def escaped(value: object) -> str:
    """Write text so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(value).split()))


def model_card(result: Result) -> str:
    """Return the card as Markdown."""
    head = [f"# Model card: {escaped(study.title(result))}", ""]
    if not models(result):
        return "\n".join([*head, "This study made no prediction model.", ""])
    parts = (
        ("In one sentence", [escaped(" ".join(sentences(result)))]),
        ("Intended use", list(_use(result))),
        ("Population", list(_population(result))),
        ("Training data", list(_training(result))),
        ("Models", list(_models(result))),
        ("Performance", list(_performance(result))),
        ("Subgroups", list(_subgroups(result))),
        ("Limits", list(_limits(result))),
        ("Provenance", list(_provenance(result))),
    )
    body = [line for title, lines in parts for line in (f"## {title}", "", *lines, "")]
    return "\n".join([*head, *body]).rstrip() + "\n"


def _points(held: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in held:
        yield f"- {name}: {escaped(value) or 'not stated'}"


def _use(result: Result) -> Iterator[str]:
    yield from _points(
        (
            ("Meant for", study.author(result, "intended_use")),
            ("Used by", study.author(result, "intended_users")),
            ("Gives", output(result)),
            ("Not for", study.author(result, "not_for")),
        )
    )


def _population(result: Result) -> Iterator[str]:
    yield from _points(
        (
            ("Eligible", population(result)),
            ("Excluded", exclusions(result)),
            ("Outcome", outcome(result)),
            ("Sites", site_names(result)),
        )
    )


def _training(result: Result) -> Iterator[str]:
    yield from _points(
        (
            ("Source", data_source(result)),
            ("Period", index_period(result)),
            ("Size", cohort(result)),
            ("Division", split_sizes(result)),
        )
    )


def _models(result: Result) -> Iterator[str]:
    for model in models(result):
        unit, held = weights(model)
        most = ", ".join(escaped(name) for name, _ in held[:8])
        settings = escaped(plain(model.get("hyperparameters")))
        yield f"- {escaped(model_name(model))}: {count(model.get('features'))} features."
        yield f"  Settings: {settings or 'not recorded'}."
        yield f"  {unit}, heaviest first: {most or 'not recorded'}."


def _table(headings: Sequence[str], lines: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for line in lines:
        yield f"| {' | '.join(escaped(cell) for cell in line)} |"


def _performance(result: Result) -> Iterator[str]:
    if not evaluations(result):
        yield "No model was evaluated."
        return
    yield "Estimates with 95% confidence intervals; slope 1 and observed/expected 1 are ideal."
    yield ""
    headings = ("Model", "Samples", "Events/n", *(measure.name for measure in MEASURES))
    lines = (
        (
            each.model,
            each.place,
            f"{count(each.events)}/{count(each.n)}",
            *(interval(each.measure(measure.key), measure.places) for measure in MEASURES),
        )
        for each in evaluations(result)
    )
    yield from _table(headings, lines)


def _subgroups(result: Result) -> Iterator[str]:
    main = main_evaluation(result)
    held = rows(main.values.get("subgroups")) if main else []
    if not main or not held:
        yield "Not evaluated in subgroups: how it serves different people is unknown."
        return
    yield f"{escaped(main.model)}, {escaped(main.place)}."
    yield ""
    headings = ("Subgroup", "Events/n", "AUROC", "Observed/expected", "Calibration slope")
    least = study.smallest_cell(result)
    yield from _table(headings, (_subgroup(row, least) for row in held))


def _subgroup(row: object, least: int) -> Sequence[str]:
    held = rows([row])[0]
    label = f"{words(held.get('variable'))}: {words(held.get('level'))}"
    if held.get("suppressed"):
        return (label, f"suppressed (under {least})", "", "", "")
    slope = estimate(first(held, "slope", "calibration_slope"))
    area, ratio = estimate(held.get("auroc")), estimate(held.get("o_e"))
    sizes = f"{count(held.get('events'))}/{count(held.get('n'))}"
    return (label, sizes, interval(area, 3), interval(ratio, RATIO), interval(slope, RATIO))


def _limits(result: Result) -> Iterator[str]:
    written = study.author_list(result, "limitations")
    for point in (*written, *limitations(result)):
        yield f"- {escaped(point)}"


def _provenance(result: Result) -> Iterator[str]:
    held = ("software", "lake_id", "commit", "definition_hash", "features_hash", "seed")
    names = [
        (key.replace("_", " ").capitalize(), plain(at(result, f"provenance.{key}"))) for key in held
    ]
    yield from _points(names)
    yield f"- Run again: `{command(result)}`"
