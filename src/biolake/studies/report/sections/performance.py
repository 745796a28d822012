"""How well the models predict: figures, curves, calibration and usefulness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biolake.studies.report.charts.calibration import Bar, Group, calibration_chart
from biolake.studies.report.charts.classification import (
    Line,
    decision_chart,
    pr_chart,
    roc_chart,
)
from biolake.studies.report.evaluations import (
    MEASURES,
    Evaluation,
    Measure,
    evaluations,
    main_evaluation,
    main_model,
    models,
    places,
)
from biolake.studies.report.formats import NONE, RATIO, count, interval, point
from biolake.studies.report.markup import (
    Markup,
    folded,
    join,
    paragraph,
    side_by_side,
    spanning,
    stacked,
    table,
)
from biolake.studies.report.markup import (
    figure as figured,
)
from biolake.studies.report.reading import Result, first, number, pairs, plain, rows
from biolake.studies.report.sections.section import Absent, Section, absent


def performance(result: Result) -> Section | Absent:
    """Compare every model on training, held-out and external samples, side by side."""
    title = "Model performance"
    if not models(result):
        return absent(result, title, "models")
    found = evaluations(result)
    if not found:
        return Absent(title, "No model was evaluated.")
    where = places(result)
    headings = ("Measure", *(_place(found, key) for key in where))
    shown = table("Performance by set of samples", headings, _lines(found, where))
    reading = "; ".join(f"{measure.name}: {measure.tells}" for measure in MEASURES)
    about = (
        f"Main model: {main_model(result)}, as the study file names or lists it first; it was not "
        "chosen by these figures. "
        f"Estimates with 95% confidence intervals. {reading}."
    )
    notes = sorted({plain(each.values.get("note")) for each in found} - {""})
    said = [paragraph(f"Note: {note}.", class_="fine") for note in notes]
    return Section("performance", title, join((shown, paragraph(about, class_="fine"), *said)))


def _place(found: Sequence[Evaluation], key: str) -> str:
    return next(each.place for each in found if each.where == key)


def _lines(found: Sequence[Evaluation], where: Sequence[str]) -> Iterator[Sequence[object]]:
    for model in dict.fromkeys(each.model for each in found):
        held = {each.where: each for each in found if each.model == model}
        yield spanning(model, len(where) + 1)
        yield ("Events/n", *(_events(held.get(key)) for key in where))
        for measure in MEASURES:
            ranking = next(iter(held.values())).ranking
            name = ranking if measure.key == "auroc" else measure.name
            cells = [_cell(held.get(key), measure) for key in where]
            if set(cells) != {NONE}:
                yield (name, *cells)
        if any(each.one_class for each in held.values()):
            yield ("Why not estimable", *(_why(held.get(key)) for key in where))


def _events(each: Evaluation | None) -> str:
    return NONE if each is None else f"{count(each.events)}/{count(each.n)}"


def _cell(each: Evaluation | None, measure: Measure) -> str:
    if each is None or measure.key not in each.values:
        return NONE
    return stacked(each.measure(measure.key), measure.places)


def _why(each: Evaluation | None) -> str:
    return each.one_class or NONE if each else NONE


def _by_place(result: Result) -> list[tuple[str, list[Evaluation]]]:
    """Group evaluations by their samples, the headline first; training is left to the table."""
    main = main_evaluation(result)
    found = [each for each in evaluations(result) if each.where != "train" or main == each]
    keys = [key for key in places(result) if any(each.where == key for each in found)]
    if main and main.where in keys:
        keys = [main.where, *(key for key in keys if key != main.where)]
    return [(key, [each for each in found if each.where == key]) for key in keys]


def _shown(result: Result, draw: list[tuple[str, Markup]]) -> Markup:
    """Show the headline set open and fold the others."""
    (_, head), *others = draw
    return join((head, *(folded(place, drawn) for place, drawn in others)))


def discrimination(result: Result) -> Section | Absent:
    """Draw ROC and precision-recall curves."""
    title = "ROC and precision-recall curves"
    drawn = []
    for _, held in _by_place(result):
        roc = [_line(e, "roc", "auroc", "AUROC") for e in held if pairs(e.values.get("roc"))]
        pr = [_line(e, "pr", "auprc", "AUPRC") for e in held if pairs(e.values.get("pr"))]
        place = held[0].place
        pictures = []
        if roc:
            said = f"ROC curves, {place}. Dashed: chance."
            pictures.append(figured(roc_chart(roc, place), said))
        if pr:
            said = f"Precision-recall curves, {place}. Dashed: the share with the outcome."
            pictures.append(figured(pr_chart(pr, place, _share(held[0])), said))
        drawn += [(place, side_by_side(pictures))] if pictures else []
    if not drawn:
        return _nothing(result, title, "curves")
    return Section("discrimination", title, _shown(result, drawn))


def _share(each: Evaluation) -> float | None:
    return None if not each.n or each.events is None else each.events / each.n


def _line(each: Evaluation, curve: str, measure: str, name: str) -> Line:
    area = each.measure(measure)
    note = f"{name} {point(area, 3)}" if area else ""
    return Line(each.model, tuple(pairs(each.values.get(curve))), note)


def calibration(result: Result) -> Section | Absent:
    """Draw predicted against observed risk for each model."""
    title = "Calibration"
    drawn = []
    for _, held in _by_place(result):
        pictures = [one for each in held for one in _calibrations(each)]
        drawn += [(held[0].place, side_by_side(pictures))] if pictures else []
    if not drawn:
        return _nothing(result, title, "calibration curve")
    said = (
        "Points on the dashed line: the predicted risk is what happened. Above it, the model "
        "predicts too little risk; below it, too much."
    )
    return Section("calibration", title, join((paragraph(said), _shown(result, drawn))))


def _calibrations(each: Evaluation) -> list[Markup]:
    groups = []
    for held in rows(each.values.get("calibration_curve")):
        predicted, observed = number(held.get("predicted")), number(held.get("observed"))
        ends = number(held.get("low")), number(held.get("high"))
        if predicted is not None and observed is not None:
            groups.append(Group(predicted, observed, *ends))
    if not groups:
        return []
    lines = [
        f"{name} {interval(each.measure(key), RATIO)}"
        for name, key in (
            ("Slope", "calibration_slope"),
            ("Intercept", "calibration_intercept"),
            ("O/E", "o_e"),
        )
        if each.measure(key)
    ]
    bars = _bars(each)
    under = " Bars: how the predictions are spread." if bars else ""
    caption = f"Calibration of {each.model}, {each.place}, with 95% intervals.{under}"
    return [figured(calibration_chart(groups, bars, each.model, lines), caption)]


def _bars(each: Evaluation) -> list[Bar]:
    """Read the histogram of predictions, or the sizes of the calibration groups."""
    found = []
    for held in rows(first(each.values, "histogram", "prediction_histogram")):
        low, high, n = (number(held.get(key)) for key in ("low", "high", "n"))
        if low is not None and high is not None:
            found.append(Bar(low, high, n or 0.0))
    return found


def decision(result: Result) -> Section | Absent:
    """Draw net benefit over the risk threshold for acting."""
    title = "Decision curve"
    drawn = []
    for _, held in _by_place(result):
        lines = _benefits(held)
        if lines:
            place = held[0].place
            caption = (
                f"Net benefit, {place}: true positives less false positives weighed by the "
                "threshold. A model is worth using where its curve is highest."
            )
            drawn.append((place, figured(decision_chart(lines, place), caption)))
    if not drawn:
        return _nothing(result, title, "net benefit")
    return Section("decision", title, _shown(result, drawn))


def _benefits(held: Sequence[Evaluation]) -> list[Line]:
    found = ((each.model, _benefit(each, "model")) for each in held)
    lines = [Line(name, points) for name, points in found if points]
    if lines:
        for key, name in (("all", "Act on everyone"), ("none", "Act on no one")):
            lines.append(Line(name, _benefit(held[0], key)))
    return lines


def _benefit(each: Evaluation, key: str) -> tuple[tuple[float, float], ...]:
    held = rows(each.values.get("net_benefit"))
    found = [(number(point.get("threshold")), number(point.get(key))) for point in held]
    return tuple((x, y) for x, y in found if x is not None and y is not None)


def _nothing(result: Result, title: str, what: str) -> Absent:
    """Say why there is nothing to draw: no model, one outcome only, or nothing recorded."""
    if not models(result):
        return absent(result, title, "models")
    why = {each.one_class for each in evaluations(result) if each.one_class}
    if why:
        return Absent(title, f"Not estimable: {'; '.join(sorted(why))}.")
    return Absent(title, f"The run recorded no {what}.")
