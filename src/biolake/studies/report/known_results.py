"""What the run knows about a study's results and record, in sentences."""

from __future__ import annotations

from biolake.studies.report.caution import limitations as found_limitations
from biolake.studies.report.evaluations import (
    Evaluation,
    evaluations,
    external,
    main_evaluation,
    model_name,
    models,
)
from biolake.studies.report.formats import RATIO, confident, count, figure, fixed, share
from biolake.studies.report.known_methods import Fact
from biolake.studies.report.reading import (
    Result,
    at,
    listed,
    mapping,
    number,
    plain,
    rows,
    whole,
    words,
)
from biolake.studies.report.verdict import sentences

_PLOTS = {
    "roc": "ROC",
    "pr": "precision-recall",
    "calibration_curve": "calibration",
    "net_benefit": "decision curve",
}


def _recorded(result: Result) -> bool:
    return bool(mapping(result.get("cohort")) or models(result))


def verdict(result: Result) -> str:
    return " ".join(sentences(result)) if _recorded(result) else ""


def flow(result: Result) -> str:
    steps = rows(result.get("attrition"))
    said = [f"{words(one.get('step'))}: {count(one.get('subjects'))}" for one in steps]
    return f"{'; '.join(said)} subjects." if said else ""


def left_out(result: Result) -> str:
    said = [
        f"{count(one.get('lost_subjects'))}: {words(one.get('reason'))}"
        for one in rows(result.get("attrition"))
        if one.get("lost_subjects") and one.get("reason")
    ]
    return "; ".join(said)


def events(result: Result) -> str:
    n, of = whole(at(result, "cohort.events")), whole(at(result, "cohort.samples"))
    return f"{share(n, of)} with the outcome." if n is not None and of else ""


def median_follow_up(result: Result) -> str:
    days = number(at(result, "cohort.follow_up_median_days"))
    return "" if days is None else f"Median follow-up {figure(days)} days."


def table_one(result: Result) -> str:
    n = len(rows(at(result, "table_one.rows")))
    return f"Table 1: {n} rows." if n else ""


def table_groups(result: Result) -> str:
    names = [words(name) for name in listed(at(result, "table_one.groups"))]
    return f"Table 1 by {', '.join(names)}." if len(names) > 1 else ""


def differences(result: Result) -> str:
    found = [
        (abs(smd), words(row.get("variable")))
        for row in rows(at(result, "table_one.rows"))
        if (smd := number(row.get("smd"))) is not None
    ]
    if not found:
        return ""
    largest, name = max(found)
    return f"Largest standardised mean difference {fixed(largest, 2)} ({name})."


def by_site(result: Result) -> str:
    return "; ".join(
        f"{words(row.get('site'))}: {count(row.get('samples'))} samples, "
        f"{count(row.get('events'))} with the outcome"
        for row in rows(at(result, "cohort.by_site"))
    )


def evaluation_sizes(result: Result) -> str:
    first = main_evaluation(result)
    held = [e for e in evaluations(result) if first and e.model == first.model]
    said = [f"{e.place}: {count(e.n)} samples, {count(e.events)} events" for e in held]
    return "; ".join(said)


def specification(result: Result) -> str:
    names = [words(model.get("name")) or model_name(model) for model in models(result)]
    return "; ".join(f"The whole of {name} is in model/{name}" for name in names)


def top_features(result: Result) -> str:
    said = []
    for model in models(result):
        held = rows(model.get("coefficients")) or rows(model.get("importance"))
        names = [words(one.get("term") or one.get("feature") or one.get("name")) for one in held]
        said += [f"{model_name(model)}: {', '.join(names[:5])}"] if names else []
    return "; ".join(said)


def _area(each: Evaluation) -> str:
    return f"{each.model}, {each.place}: {each.ranking} {confident(each.measure('auroc'), 3)}"


def performance(result: Result) -> str:
    held = [each for each in evaluations(result) if not each.external]
    return "; ".join(_area(each) for each in held)


def at_sites(result: Result) -> str:
    return "; ".join(_area(each) for each in external(result))


def calibration(result: Result) -> str:
    main = main_evaluation(result)
    held = (("slope", "calibration_slope"), ("observed/expected", "o_e"))
    shown = [(name, main.measure(key)) for name, key in held if main and key in main.values]
    said = [f"{name} {confident(found, RATIO)}" for name, found in shown]
    return f"{main.place}: {'; '.join(said)}." if main and said else ""


def plots(result: Result) -> str:
    held = {key for each in evaluations(result) for key, value in each.values.items() if value}
    return ", ".join(name for key, name in _PLOTS.items() if key in held)


def utility(result: Result) -> str:
    main = main_evaluation(result)
    held = rows(main.values.get("net_benefit")) if main else []
    return f"Net benefit at {len(held)} thresholds." if held else ""


def subgroup_names(result: Result) -> str:
    main = main_evaluation(result)
    held = rows(main.values.get("subgroups")) if main else []
    names = list(dict.fromkeys(words(row.get("variable")) for row in held))
    return f"Evaluated in groups by {', '.join(names)}." if names else ""


def subgroup_results(result: Result) -> str:
    main = main_evaluation(result)
    held = rows(main.values.get("subgroups")) if main else []
    shown = [row for row in held if not row.get("suppressed")]
    hidden = len(held) - len(shown)
    aside = f"; {hidden} too small to show" if hidden else ""
    return f"{len(shown)} subgroups with intervals{aside}." if held else ""


def limitations(result: Result) -> str:
    return " ".join(found_limitations(result)) if _recorded(result) else ""


def software(result: Result) -> str:
    held = plain(at(result, "provenance.software"))
    return f"Made with {held}." if held else ""


def versions(result: Result) -> str:
    n = len(mapping(at(result, "provenance.packages")))
    return f"{n} packages with their versions." if n else ""


def seed(result: Result) -> str:
    held = at(result, "provenance.seed")
    return "" if held is None else f"Seed {held}."


def pinned(result: Result) -> str:
    commit = words(at(result, "provenance.commit"))
    return f"The data are pinned: a run at commit {commit} gives the same result." if commit else ""


def elsewhere(result: Result) -> str:
    if not models(result):
        return ""
    n = len({each.site for each in external(result)})
    return (
        f"Tried at {n} further site{'s' if n > 1 else ''}." if n else "Not tried at another site."
    )


RESULTS: dict[str, Fact] = {
    fact.__name__: fact
    for fact in (
        verdict, flow, left_out, events, median_follow_up, table_one, table_groups, differences,
        by_site, evaluation_sizes, specification, top_features, performance, at_sites,
        calibration, plots, utility, subgroup_names, subgroup_results, limitations, software,
        versions, seed, pinned, elsewhere,
    )
}  # fmt: skip
