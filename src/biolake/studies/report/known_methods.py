"""What the run knows about a study's methods, in sentences; nothing where it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from biolake.studies.report import study
from biolake.studies.report.evaluations import (
    MEASURES,
    evaluations,
    external,
    left_one_site_out,
    model_name,
    models,
    places,
)
from biolake.studies.report.formats import count, day, figure, percent
from biolake.studies.report.reading import (
    Result,
    at,
    estimate,
    listed,
    mapping,
    number,
    plain,
    rows,
    whole,
    words,
)

Fact = Callable[[Result], str]
_SPLITS = {
    "random": "at random",
    "temporal": "by time: earlier samples to learn from, later ones to evaluate on",
    "site": "by site: some sites to learn from, others to evaluate on",
    "leave_one_site_out": "each site left out in turn",
    "folds": "by folds that the data name, each held out in turn",
}
_PREPARING = ("imput", "missing", "scal", "standard", "spline", "encod", "transform", "winsor")
_BALANCING = ("weight", "resampl", "smote", "unbalance", "oversampl", "undersampl")
_LONG = 600


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG].rstrip()} …"


def what_was_done(result: Result) -> str:
    if not models(result):
        kinds = {"describe": "Descriptive study", "causal": "Comparison of treatments"}
        return kinds.get(study.question(result), "")
    done = "development"
    done += " and internal evaluation" if any(not e.external for e in evaluations(result)) else ""
    done += " and evaluation at other sites" if external(result) else ""
    return f"Prediction model: {done}."


def title(result: Result) -> str:
    return study.author(result, "title")


def population(result: Result) -> str:
    held = study.definition(result).get("population")
    if not isinstance(held, Mapping):
        return _cut(plain(held))
    return _cut(plain({key: part for key, part in held.items() if key != "exclusions"}))


def exclusions(result: Result) -> str:
    return "; ".join(study.exclusions(result))


def outcome(result: Result) -> str:
    return _cut(study.section(result, "outcome"))


def competing(result: Result) -> str:
    return plain(at(study.definition(result), "outcome.competing"))


def index(result: Result) -> str:
    held = study.section(result, "index")
    task = plain(at(study.definition(result), "population.task"))
    return held or (f"The trigger of the task {task}." if task else "")


def time_at_risk(result: Result) -> str:
    return study.horizon(result) or study.section(result, "time_at_risk")


def cohort(result: Result) -> str:
    subjects, samples = at(result, "cohort.subjects"), at(result, "cohort.samples")
    if subjects is None or samples is None:
        return ""
    return f"{count(subjects)} subjects with {count(samples)} index times."


def model_list(result: Result) -> str:
    return ", ".join(model_name(model) for model in models(result))


def data_source(result: Result) -> str:
    commit = words(at(result, "provenance.commit"))
    lake = words(at(result, "provenance.lake_id"))
    return (
        f"Routine records in the lake {lake}, commit {commit}.".replace("  ", " ") if commit else ""
    )


def index_period(result: Result) -> str:
    start, end = day(at(result, "cohort.index_first")), day(at(result, "cohort.index_last"))
    return f"Index times from {start} to {end}." if start and end else ""


def follow_up(result: Result) -> str:
    days = number(at(result, "cohort.follow_up_median_days"))
    parts = [f"Time at risk: {time_at_risk(result)}."] if time_at_risk(result) else []
    parts += [] if days is None else [f"Median follow-up {figure(days)} days."]
    return " ".join(parts)


def site_count(result: Result) -> str:
    n = len(study.sites(result))
    return f"{n} site{'s' if n > 1 else ''}." if n else ""


def site_names(result: Result) -> str:
    return ", ".join(study.sites(result))


def same_rule(result: Result) -> str:
    digest = words(at(result, "provenance.definition_hash"))
    return f"One definition for every subject and site (hash {digest})." if digest else ""


def features(result: Result) -> str:
    return _cut(study.section(result, "features"))


def feature_count(result: Result) -> str:
    held = [f"{count(m.get('features'))} in {model_name(m)}" for m in models(result)]
    return f"Candidate features: {', '.join(held)}." if held else ""


def before_index(result: Result) -> str:
    outcome = words(at(result, "leakage.shuffle_test"))
    if not outcome:
        return ""
    return f"Features use records up to the index time; shuffling what came later: {outcome}."


def size_verdict(result: Result) -> str:
    held = mapping(result.get("sample_size"))
    need, verdict = held.get("required"), plain(held.get("verdict")).replace("_", " ")
    if need is None and not verdict:
        return ""
    known = "" if need is None else f"{count(need)} samples required; "
    return f"All eligible records were used; {known}verdict: {verdict or 'none'}."


def size_criteria(result: Result) -> str:
    held = rows(at(result, "sample_size.criteria"))
    said = [f"{words(one.get('name'))}: {count(one.get('required'))}" for one in held]
    per = number(at(result, "sample_size.events_per_variable"))
    said += [] if per is None else [f"events per candidate parameter: {figure(per)}"]
    return "; ".join(said).replace("_", " ")


def split(result: Result) -> str:
    kind = words(at(result, "split.kind"))
    return f"Divided {_SPLITS.get(kind, kind.replace('_', ' '))}." if kind else ""


def split_sizes(result: Result) -> str:
    said = []
    for name, held in sorted(mapping(at(result, "split.sizes")).items()):
        size = mapping(held)
        n, events = count(size.get("samples")), count(size.get("events"))
        said.append(f"{str(name).replace('_', ' ')}: {n} samples, {events} with the outcome")
    return "; ".join(said)


def missing_amount(result: Result) -> str:
    held = [row for row in rows(at(result, "table_one.rows")) if row.get("missing") is not None]
    if not held:
        return "Table 1 notes no missing value." if rows(at(result, "table_one.rows")) else ""
    some = [words(row["variable"]) for row in held if _some(row["missing"]) and row.get("variable")]
    names = list(dict.fromkeys(some))
    shown = f" ({', '.join(names[:6])}{' …' if len(names) > 6 else ''})" if names else ""
    return f"Table 1 gives what is missing: {len(names)} characteristics are affected{shown}."


def _some(missing: object) -> bool:
    return words(missing) not in ("", "0", "0.0")


def _settings(result: Result, about: tuple[str, ...]) -> Iterator[str]:
    """Yield the settings of each model whose names tell what they are about."""
    for model in models(result):
        held = {**mapping(model.get("preprocessing")), **mapping(model.get("hyperparameters"))}
        found: dict[str, Any] = {
            str(key): value
            for key, value in held.items()
            if any(part in str(key).lower() for part in about)
        }
        if found:
            yield f"{model_name(model)}: {plain(found)}"


def missing_handling(result: Result) -> str:
    return "; ".join(_settings(result, _PREPARING[:2]))


def preparation(result: Result) -> str:
    return "; ".join(_settings(result, _PREPARING))


def balancing(result: Result) -> str:
    return "; ".join(_settings(result, _BALANCING))


def class_balance(result: Result) -> str:
    events, samples = whole(at(result, "cohort.events")), whole(at(result, "cohort.samples"))
    if events is None or not samples or not models(result):
        return ""
    return f"{percent(events / samples, samples)} of samples have the outcome."


def recalibrated(result: Result) -> str:
    held = [(model_name(m), plain(m.get("recalibration"))) for m in models(result)]
    return "; ".join(f"{name}: {said}" for name, said in held if said)


def hyperparameters(result: Result) -> str:
    said = [
        f"{model_name(model)}: {plain(model.get('hyperparameters'))}"
        for model in models(result)
        if plain(model.get("hyperparameters"))
    ]
    return _cut("; ".join(said))


def tuning(result: Result) -> str:
    tried = [(model_name(m), len(listed(m.get("tuning")))) for m in models(result)]
    return "; ".join(f"{name}: {n} settings compared" for name, n in tried if n)


def internal_validation(result: Result) -> str:
    inside = [key for key in places(result) if key in ("held_out", "tuning")]
    if left_one_site_out(result):
        return "Each site was predicted by a model that had not learned from it."
    if inside:
        return f"Evaluated on samples kept apart ({', '.join(inside).replace('_', '-')})."
    return "Apparent performance only." if models(result) else ""


def clusters(result: Result) -> str:
    if len(study.sites(result)) < 2 or not models(result):
        return ""
    return "Performance is given site by site." if external(result) else ""


def measures(result: Result) -> str:
    held = {key for each in evaluations(result) for key in each.values}
    return ", ".join(measure.name for measure in MEASURES if measure.key in held)


def uncertainty(result: Result) -> str:
    found = any(
        estimate(each.values.get(measure.key)).bounded
        for each in evaluations(result)
        for measure in MEASURES
    )
    return "95% confidence intervals for every measure of performance." if found else ""


def predictions(result: Result) -> str:
    if not evaluations(result):
        return ""
    return (
        "The stored model was applied unchanged to the features of each sample; "
        "every predicted probability is in predictions.parquet."
    )


def output(result: Result) -> str:
    if not models(result):
        return ""
    over = time_at_risk(result)
    within = f" within {over}" if over else ""
    return f"A probability between 0 and 1 of the outcome{within}; not a class."


def thresholds(result: Result) -> str:
    held = [
        value
        for each in evaluations(result)
        for point in rows(each.values.get("net_benefit"))
        if (value := number(point.get("threshold"))) is not None
    ]
    if not held:
        return ""
    return (
        f"No threshold was chosen; net benefit covers {percent(min(held))} to {percent(max(held))}."
    )


METHODS: dict[str, Fact] = {
    fact.__name__: fact
    for fact in (
        what_was_done, title, population, exclusions, outcome, competing, index, time_at_risk,
        cohort, model_list, data_source, index_period, follow_up, site_count, site_names,
        same_rule, features, feature_count, before_index, size_verdict, size_criteria, split,
        split_sizes, missing_amount, missing_handling, preparation, balancing, class_balance,
        recalibrated, hyperparameters, tuning, internal_validation, clusters, measures, uncertainty,
        predictions, output, thresholds,
    )
}  # fmt: skip
