"""What a reader must be warned of, worked out from the result itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.evaluations import (
    Evaluation,
    evaluations,
    external,
    main_evaluation,
    models,
)
from biolake.studies.report.formats import RATIO, count, figure, interval
from biolake.studies.report.reading import (
    Estimate,
    Result,
    at,
    listed,
    number,
    plain,
    rows,
    whole,
    words,
)

# Fewer make validation figures unstable (Collins et al., Stat Med 2016;35:214).
EVENTS_TO_VALIDATE = 100
_REFUSALS = ("small", "insufficient", "inadequate", "not enough", "not met", "fail", "under")


def too_small(result: Result) -> bool:
    """Tell whether there are fewer samples to learn from than the criteria ask."""
    # The first words judge; what follows a colon explains, and may say "small" of other things.
    verdict = words(at(result, "sample_size.verdict")).lower().partition(":")[0]
    required, have = number(at(result, "sample_size.required")), learned_from(result)
    short = required is not None and have is not None and have < required
    return short or any(word in verdict for word in _REFUSALS)


def learned_from(result: Result) -> int | None:
    """Return how many samples the models learned from."""
    if (sized := whole(at(result, "sample_size.samples"))) is not None:
        return sized
    train = whole(at(result, "split.sizes.train.samples"))
    return whole(at(result, "split.sizes.train.subjects")) if train is None else train


def leakage_failed(result: Result) -> bool:
    return words(at(result, "leakage.shuffle_test")).lower() in ("failed", "false", "leak")


def suppressed_groups(result: Result) -> list[str]:
    """List the subgroups that were too small to show."""
    found = {
        f"{words(row.get('variable'))}: {words(row.get('level'))}"
        for each in evaluations(result)
        for row in rows(each.values.get("subgroups"))
        if row.get("suppressed")
    }
    return sorted(found)


def limitations(result: Result) -> Iterator[str]:
    """Yield the limitations that follow from the numbers."""
    main = main_evaluation(result)
    if leakage_failed(result):
        yield "The leakage check failed: features changed when the future was shuffled."
    if models(result):
        yield from _of_models(result, main)
    if study.uses_diagnoses(result):
        yield (
            "Diagnosis codes are used. They are often assigned at or after discharge, so what "
            "they say may not have been known at the time they carry."
        )
    if hidden := suppressed_groups(result):
        yield (
            f"Too small to show (under {study.smallest_cell(result)} with or without the outcome): "
            f"{', '.join(hidden)}. How well the model serves them is unknown."
        )
    if len(study.sites(result)) == 1:
        yield "All data come from one site; other hospitals may differ in patients and in care."
    if lost := _lost(result):
        yield lost
    for each in rows(result.get("cox")):
        yield from _of_hazards(plain(each.get("name")), rows(each.get("ph_test")))


def _of_models(result: Result, main: Evaluation | None) -> Iterator[str]:
    if not external(result):
        yield "No external validation: the models were not tried on data of another site."
    if main is None:
        yield "No model could be evaluated."
        return
    if main.where == "train":
        yield "Only apparent performance is known, on the samples the model learned from."
    yield from _of_events(main)
    if too_small(result):
        yield "Fewer samples than the sample-size criteria ask: the model may be overfitted."
    yield from _of_calibration(main)


def _of_events(main: Evaluation) -> Iterator[str]:
    if main.one_class:
        yield f"Performance cannot be estimated ({main.place.lower()}): {main.one_class}."
    elif main.events is not None and main.events < EVENTS_TO_VALIDATE:
        yield (
            f"Only {count(main.events)} of the samples evaluated ({main.place.lower()}) have the "
            f"outcome; fewer than {EVENTS_TO_VALIDATE} leave performance uncertain."
        )


def off_one(ratio: Estimate) -> bool:
    """Tell whether an interval, as it is shown, lies off 1."""
    if ratio.low is None or ratio.high is None:
        return False
    return not round(ratio.low, RATIO) <= 1 <= round(ratio.high, RATIO)


def _of_calibration(main: Evaluation) -> Iterator[str]:
    slope, ratio = main.measure("calibration_slope"), main.measure("o_e")
    if off_one(slope):
        how = "extreme" if (slope.value or 0) < 1 else "moderate"
        yield f"Calibration slope {interval(slope, RATIO)}: predicted risks are too {how}."
    if off_one(ratio):
        side = "low" if (ratio.value or 0) > 1 else "high"
        shown = interval(ratio, RATIO)
        yield f"Observed/expected {shown}: predicted risks are too {side} on average."


def _of_hazards(name: str, tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for test in tests:
        p = number(test.get("p"))
        term = words(test.get("term")) or "all terms"
        if p is not None and p < 0.05:
            yield (
                f"Hazards may not be proportional for {term} ({name}): its hazard ratio is an "
                "average over follow-up."
            )


def _lost(result: Result) -> str:
    """Say so when one step lost more than two in five of those before it."""
    for before, after in pairwise(rows(result.get("attrition"))):
        had, has = number(before.get("subjects")), number(after.get("subjects"))
        missing = "missing" in f"{plain(after.get('step'))} {plain(after.get('reason'))}".lower()
        if had and has is not None and missing and has < 0.6 * had:
            lost = figure(100 * (had - has) / had, 2)
            return (
                f"{lost}% were lost at the step “{words(after.get('step'))}”: selection is likely."
            )
    return ""


def said(result: Result, key: str) -> list[str]:
    """Return the run's own notes or warnings."""
    return [text for item in listed(result.get(key)) if (text := plain(item))]
