"""What the models are: whom they serve how well, what they use, how sure they are, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.charts.bars import bar_chart
from biolake.studies.report.charts.forest import Axis, Row, forest_chart
from biolake.studies.report.evaluations import (
    MEASURES,
    Evaluation,
    evaluations,
    external,
    left_one_site_out,
    main_evaluation,
    model_name,
    models,
)
from biolake.studies.report.formats import NONE, RATIO, UNKNOWN, count, figure, interval, percent
from biolake.studies.report.markup import (
    Markup,
    element,
    facts,
    folded,
    join,
    paragraph,
    stacked,
    table,
)
from biolake.studies.report.markup import (
    figure as figured,
)
from biolake.studies.report.reading import (
    Estimate,
    Result,
    estimate,
    first,
    listed,
    mapping,
    number,
    plain,
    rows,
    words,
)
from biolake.studies.report.sections.section import Absent, Section, absent

_MOST_BARS, _MOST_LEVELS = 15, 40
_NAMES = ("term", "feature", "name", "code")
_VALUES = ("importance", "gain", "shap", "value", "coefficient", "beta", "estimate")


def subgroups(result: Result) -> Section | Absent:
    """Show the main model in each subgroup; small groups are named but not shown."""
    title = "Subgroups and fairness"
    main = main_evaluation(result)
    if main is None:
        return absent(result, title, "models")
    held = rows(main.values.get("subgroups"))
    if not held:
        return Absent(title, "The study file names no subgroups.")
    overall = main.measure("auroc")
    drawn = forest_chart(
        _forest(held, overall, study.smallest_cell(result)),
        Axis(main.ranking, overall.value, places=3),
        f"subgroups, {main.place}",
    )
    caption = f"Discrimination by subgroup: {main.model}, {main.place}. Dashed: all samples."
    lines = [_line(row, study.smallest_cell(result)) for row in held]
    headings = ("Subgroup", "Events/n", main.ranking, "Observed/expected", "Calibration slope")
    listing = table("Performance by subgroup", headings, lines)
    said = (
        "Observed/expected above 1 means the model predicts too little risk in that group; "
        "below 1, too much. Intervals that overlap do not show that groups are served alike."
    )
    body = [figured(drawn, caption), listing, paragraph(said, class_="fine")]
    return Section("subgroups", title, join([*body, *_others(result, main)]))


def _forest(held: Sequence[Mapping[str, Any]], overall: Estimate, least: int) -> list[Row]:
    lines = [Row("All samples", overall, reason="" if overall else UNKNOWN)]
    before = ""
    for row in held[:_MOST_LEVELS]:
        variable = words(row.get("variable"))
        if variable != before:
            lines.append(Row(variable or "Subgroup"))
        before = variable
        level = words(row.get("level")) or NONE
        if row.get("suppressed"):
            lines.append(Row(level, reason=f"suppressed (under {least})"))
            continue
        found = estimate(row.get("auroc"))
        lines.append(Row(level, found, _sizes(row), "" if found else UNKNOWN))
    return lines


def _sizes(row: Mapping[str, Any]) -> str:
    return f"{count(row.get('events'))}/{count(row.get('n'))}"


def _line(row: Mapping[str, Any], least: int) -> tuple[str, ...]:
    label = f"{words(row.get('variable'))}: {words(row.get('level'))}"
    if row.get("suppressed"):
        return (label, f"suppressed (under {least})", NONE, NONE, NONE)
    slope = estimate(first(row, "slope", "calibration_slope"))
    measures = ((estimate(row.get("auroc")), 3), (estimate(row.get("o_e")), RATIO), (slope, RATIO))
    return (label, _sizes(row), *(interval(*one) for one in measures))


def _others(result: Result, main: Evaluation) -> Iterator[Markup]:
    """Fold away the subgroups of the other models and sets."""
    least = study.smallest_cell(result)
    headings = ("Subgroup", "Events/n", main.ranking, "Observed/expected", "Calibration slope")
    for each in evaluations(result):
        held = rows(each.values.get("subgroups"))
        if held and each != main:
            name = f"{each.model}, {each.place}"
            lines = [_line(row, least) for row in held]
            yield folded(name, table(f"Performance by subgroup: {name}", headings, lines))


def explanation(result: Result) -> Section | Absent:
    """Show what weighs most in each model, and how it was set."""
    title = "What the models use"
    if not models(result):
        return absent(result, title, "models")
    return Section("explanation", title, join(_explained(model) for model in models(result)))


def weights(model: Mapping[str, Any]) -> tuple[str, list[tuple[str, float]]]:
    """Return what a model's features weigh, the heaviest first, and in what unit."""
    found = []
    unit = "Importance" if listed(model.get("importance")) else "Coefficient"
    if any("shap" in item for item in rows(model.get("importance"))):
        unit = "Mean absolute SHAP value"
    for item in listed(model.get("importance")) or listed(model.get("coefficients")):
        held, pair = mapping(item), listed(item)
        name = first(held, *_NAMES) if held else pair[0] if len(pair) > 1 else None
        value = number(first(held, *_VALUES) if held else pair[1] if len(pair) > 1 else None)
        if name is not None and value is not None:
            found.append((words(name), value))
    return unit, sorted(found, key=lambda item: (-abs(item[1]), item[0]))


def _explained(model: Mapping[str, Any]) -> Markup:
    name = model_name(model)
    unit, held = weights(model)
    body = [element("h3", name)]
    if held:
        drawn = bar_chart(held[:_MOST_BARS], unit, name)
        shown = min(len(held), _MOST_BARS)
        caption = (
            f"The {shown} features that weigh most in {name}. "
            "They show what the model uses, not what causes the outcome."
        )
        body.append(figured(drawn, caption))
    else:
        body.append(paragraph("The run recorded no feature weights."))
    settings = (
        ("Features", count(model.get("features"))),
        ("Settings", plain(model.get("hyperparameters"))),
        ("Settings tried", count(len(listed(model.get("tuning")))) if model.get("tuning") else ""),
    )
    body.append(facts(settings))
    if len(held) > _MOST_BARS:
        lines = [(label, figure(value)) for label, value in held]
        body.append(
            folded(f"All {len(held)} recorded features", table(name, ("Feature", unit), lines))
        )
    return join(body)


def conformal(result: Result) -> Section | Absent:
    """Show how often the prediction sets hold the truth, and how many stay undecided."""
    title = "Prediction sets (conformal)"
    lines = []
    for each in evaluations(result):
        held = mapping(each.values.get("conformal"))
        alpha = number(held.get("alpha"))
        if held:
            aimed = NONE if alpha is None else percent(1 - alpha, 0)
            reached = estimate(held.get("coverage"))
            shown = percent(reached.value) if reached else UNKNOWN
            lines.append((f"{each.model}, {each.place}", aimed, shown, _sets(held)))
    if not lines:
        return Absent(title, "The run recorded no prediction sets.")
    headings = ("Model and samples", "Coverage aimed at", "Coverage reached", "Set sizes")
    said = (
        "A set holds the outcomes that cannot be ruled out at this confidence. A set of one is a "
        "firm prediction; of two, the model cannot tell; an empty set is an unusual sample."
    )
    shown_table = table("Coverage of prediction sets", headings, lines)
    return Section("conformal", title, join((shown_table, paragraph(said, class_="fine"))))


def _sets(held: Mapping[str, Any]) -> str:
    sizes = held.get("set_sizes")
    if isinstance(sizes, Mapping):
        named = {"0": "empty", "none": "empty", "1": "one", "2": "both"}
        return ", ".join(
            f"{named.get(str(k), str(k))}: {_size(v)}" for k, v in sorted(sizes.items(), key=str)
        )
    return plain(sizes) or NONE


def _size(value: object) -> str:
    found = number(value)
    return percent(found) if found is not None and 0 < found < 1 else count(value)


def by_site(result: Result) -> Section | Absent:
    """Show how each model did at each site it had not seen."""
    title = "Each site left out in turn" if left_one_site_out(result) else "External validation"
    found = sorted(external(result), key=lambda each: (each.model, each.site))
    if not found:
        if not models(result):
            return absent(result, title, "models")
        return Absent(title, "No model was evaluated at a site it had not learned from.")
    shown = [measure for measure in MEASURES if measure.key not in ("auprc", "brier")]
    headings = ("Model and site", "Events/n", *(measure.name for measure in shown))
    lines = [
        (
            f"{each.model}: {each.site}",
            f"{count(each.events)}/{count(each.n)}",
            *(stacked(each.measure(measure.key), measure.places) for measure in shown),
        )
        for each in found
    ]
    caption = "Performance at sites the model had not learned from"
    body = [*_spread(found), table(caption, headings, lines)]
    return Section("by-site", title, join(body))


def _spread(found: Sequence[Evaluation]) -> Iterator[Markup]:
    """Draw the sites of each model, and say how far apart they lie."""
    for model in dict.fromkeys(each.model for each in found):
        held = [each for each in found if each.model == model]
        areas = [each.measure("auroc").value for each in held]
        known = [area for area in areas if area is not None]
        lines = [
            Row(
                each.site,
                each.measure("auroc"),
                f"{count(each.events)}/{count(each.n)}",
                "" if each.measure("auroc") else each.one_class or UNKNOWN,
            )
            for each in held
        ]
        span = (
            f" {held[0].ranking} from {figure(min(known))} to {figure(max(known))}."
            if known
            else ""
        )
        drawn = forest_chart(lines, Axis(held[0].ranking, places=3), f"{model} by site")
        yield figured(drawn, f"{model} at sites it had not learned from.{span}")
