"""The answer in one sentence, and the few numbers that carry it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.caution import leakage_failed, off_one, too_small
from biolake.studies.report.evaluations import MEASURES, Evaluation, external, main_evaluation
from biolake.studies.report.formats import (
    RATIO,
    confident,
    count,
    figure,
    limits,
    p_words,
    point,
    share,
)
from biolake.studies.report.reading import (
    Estimate,
    Result,
    at,
    estimate,
    listed,
    mapping,
    number,
    rows,
    whole,
    words,
)

_PER = (1.0, 100.0, 1000.0, 10_000.0, 100_000.0)


@dataclass(frozen=True)
class Number:
    """One key number: what it is, its value, its interval, and what it tells."""

    name: str
    value: str
    interval: str = ""
    tells: str = ""


def sentences(result: Result) -> list[str]:
    """Answer the question in plain words, the main number with its interval first."""
    main = main_evaluation(result)
    said = _of_prediction(result, main) if main else _of_description(result)
    if not said:
        said = ["This study has no main estimate: see which analyses are reported below."]
    if leakage_failed(result):
        said.append("The leakage check failed: do not use these figures.")
    return said


def _of_prediction(result: Result, main: Evaluation) -> list[str]:
    n, events = count(main.n), count(main.events)
    outcome = study.outcome_words(result) or "the outcome"
    area = main.measure("auroc")
    base = f"{main.place}: {n} index times, {events} with {outcome}."
    if not area:
        why = main.one_class or "its figures could not be computed"
        return [f"How well {main.model} predicts is not estimable: {why}.", base]
    said = [
        f"{main.model} gave the higher risk to the one with {outcome} in "
        f"{figure(100 * (area.value or 0))}% of pairs of one with and one without "
        f"({main.ranking} {confident(area, 3)}).",
        base,
    ]
    said += [one for one in (_calibrated(main),) if one]
    if too_small(result):
        said.append("The sample is smaller than the criteria for a stable model ask.")
    if not external(result):
        said.append("It has not been tried at another site.")
    return said


def _calibrated(main: Evaluation) -> str:
    ratio = main.measure("o_e")
    if not ratio.bounded:
        return ""
    held = f"(observed/expected {confident(ratio, RATIO)})"
    if not off_one(ratio):
        return f"Average predicted risk agreed with what was observed {held}."
    side = "low" if (ratio.value or 0) > 1 else "high"
    return f"Predicted risks were too {side} on average {held}."


def _of_description(result: Result) -> list[str]:
    people = _counted(result)
    for found in (_of_cox(result), _of_incidence(result), _of_median(result)):
        if found:
            return [found, *people]
    return people


def _counted(result: Result) -> list[str]:
    samples, events = whole(at(result, "cohort.samples")), whole(at(result, "cohort.events"))
    if samples is None:
        return []
    said = f"{count(at(result, 'cohort.subjects'))} subjects, {count(samples)} index times"
    outcome = study.outcome_words(result) or "the outcome"
    return [f"{said}; {outcome} in {share(events, samples)}." if events is not None else f"{said}."]


def _of_cox(result: Result) -> str:
    for model in rows(result.get("cox")):
        for term in rows(model.get("coefficients")):
            ratio = estimate(term, "hr")
            if study.question(result) == "causal" and ratio:
                p = number(term.get("p"))
                test = f"; {p_words(p)}" if p is not None else ""
                return (
                    f"Hazard ratio for {words(term.get('term'))}: {confident(ratio, RATIO)}{test}."
                )
    return ""


def _of_incidence(result: Result) -> str:
    held = rows(result.get("incidence"))
    unit = rate_unit(held)
    for row in held:
        if found := unit.of(row):
            group = words(row.get("group")) or "everyone"
            return f"Incidence ({group}): {confident(found)} {unit.name}."
    return ""


def _of_median(result: Result) -> str:
    for row in rows(result.get("survival")):
        if (median := median_of(row)) and median.value:
            group = words(row.get("group")) or "everyone"
            return f"Median time to the event ({group}): {confident(median)} days."
    return ""


def median_of(row: object) -> Estimate:
    """Read a median survival time: a bare number, `[median, low, high]`, or an estimate."""
    held = mapping(row).get("median")
    if parts := listed(held):
        padded = [*parts, None, None, None]
        return Estimate(*(number(part) for part in padded[:3]))
    return estimate(held)


@dataclass(frozen=True)
class RateUnit:
    """What rates are shown per: `scale` turns a recorded rate into a shown one."""

    name: str
    scale: float

    def of(self, row: object) -> Estimate:
        found = estimate(row, "rate")
        held = (found.value, found.low, found.high)
        return Estimate(*(None if v is None else self.scale * v for v in held))


def rate_unit(held: Sequence[Mapping[str, Any]]) -> RateUnit:
    """Work out what recorded rates are per, from their events and person-years.

    A rate per one person-year is shown per 1000, which people can picture.
    """
    for row in held:
        found, events = number(row.get("rate")), number(row.get("events"))
        years = number(row.get("person_years"))
        if not (found and events and years):
            continue
        per = next((k for k in _PER if abs(found * years / (k * events) - 1) < 0.01), None)
        if per is not None and per > 1:
            return RateUnit(f"per {count(per)} person-years", 1.0)
        if per is not None:
            return RateUnit(f"per {count(1000)} person-years", 1000.0)
    return RateUnit("per person-year, as recorded", 1.0)


def key_numbers(result: Result) -> Iterator[Number]:
    """Yield the numbers a reader takes away; each stands in the result."""
    subjects, samples = at(result, "cohort.subjects"), at(result, "cohort.samples")
    if subjects is not None:
        yield Number("Subjects", count(subjects))
    if samples is not None:
        several = "" if samples == subjects else "a subject may have several"
        yield Number("Index times", count(samples), tells=several)
    if (events := whole(at(result, "cohort.events"))) is not None and samples is not None:
        yield Number("With the outcome", share(events, samples))
    main = main_evaluation(result)
    if main:
        where = f"{main.place}: {main.model}"
        yield Number("Evaluated on", count(main.n), tells=f"{where}; {count(main.events)} events")
        for measure in MEASURES:
            found = main.measure(measure.key)
            ends = limits(found, measure.places) if found.bounded else ""
            if measure.key in main.values:
                name = main.ranking if measure.key == "auroc" else measure.name
                yield Number(name, point(found, measure.places), ends, measure.tells)
        return
    held = rows(result.get("incidence"))
    unit = rate_unit(held)
    for row in held[:4]:
        found = unit.of(row)
        name = f"Incidence, {words(row.get('group')) or 'everyone'}"
        yield Number(name, figure(found.value), limits(found) if found.bounded else "", unit.name)
