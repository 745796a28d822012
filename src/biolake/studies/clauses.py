"""The parts of a study file, each read into its value."""

from __future__ import annotations

import math
import re
from typing import Any, cast

from biolake.cohorts.durations import parse_duration
from biolake.cohorts.splits import NAMES
from biolake.core.errors import did_you_mean
from biolake.core.yaml_positions import Value
from biolake.retrieval.definition import CodeSelection, Definition
from biolake.studies.definition import (
    About,
    Analysis,
    Exclusion,
    Has,
    Option,
    Outcome,
    Question,
    Report,
    Rule,
    Split,
    SplitKind,
    Subgroup,
)
from biolake.studies.keys import ABOUT_TEXTS, block

FORMATS, STANDARDS, LANGUAGES = ("html", "md"), ("tripod+ai",), ("en", "zh")
SPLIT_KINDS = ("random", "temporal", "site", "leave_one_site_out", "folds")
_NO_TUNING = (0.8, 0.0, 0.2)
_SELECTORS = ("codes", "prefix", "regex")
_RULES = ("age_below", "age_above", "history_below", "has", "lacks")
_SUBGROUPS = ("sex", "age", "site")


def parse_about(value: Value) -> About:
    found = block(value, "study")
    question = found["question"].choice("describe", "predict", "causal")
    if question == "causal":
        found["question"].refuse(
            "causal questions are not answered yet",
            next="Choose describe or predict.",
        )
    texts = {name: _said(found[name]) for name in ABOUT_TEXTS if name in found}
    authors = tuple(a.text() for a in found["authors"].items()) if "authors" in found else ()
    name = found["id"].text()
    if not name.replace("-", "").replace("_", "").isalnum():
        found["id"].refuse("'id' must be made of letters, digits, '-' and '_'")
    return About(name, found["title"].text(), cast(Question, question), texts, authors)


def _said(value: Value) -> str:
    """Read what authors write: a text, or a list of points."""
    return value.text() if value.is_text else "; ".join(item.text() for item in value.items())


def parse_exclusions(value: Value) -> tuple[Exclusion, ...]:
    found: list[Exclusion] = []
    for item in value.items():
        said = block(item, "population.exclusions")
        name = said["name"].text()
        if any(one.name == name for one in found):
            said["name"].refuse(f"two exclusions are named '{name}'")
        found.append(Exclusion(name, said["why"].text(), _rule(said["where"])))
    return tuple(found)


def _rule(value: Value) -> Rule:
    said = block(value, "population.exclusions.where")
    if len(said) != 1:
        value.refuse(f"an exclusion has exactly one rule: {', '.join(_RULES)}")
    ((name, body),) = said.items()
    match name:
        case "age_below":
            return Rule(age_below=number(body, 0.0))
        case "age_above":
            return Rule(age_above=number(body, 0.0))
        case "history_below":
            return Rule(history_below=duration(body))
        case "has":
            return Rule(has=_has(body))
    return Rule(lacks=_has(body))


def _has(value: Value) -> Has:
    said = block(value, "has")
    within = duration(said["within"]) if "within" in said else None
    return Has(_selection(value, said), within)


def _selection(value: Value, said: dict[str, Value]) -> CodeSelection:
    given = [name for name in _SELECTORS if name in said]
    if len(given) != 1:
        value.refuse("name events by exactly one of `codes`, `prefix` and `regex`")
    words = tuple(item.text() for item in said[given[0]].items())
    if not words or not all(words):
        said[given[0]].refuse(f"'{given[0]}' must be a list of texts, none of them empty")
    how = "list" if given[0] == "codes" else given[0]
    return CodeSelection(how, words)  # type: ignore[arg-type]


def parse_outcome(value: Value | None, risk: Value | None) -> Outcome:
    """Read the outcome and its time at risk, `start` to `end` after the index."""
    if value is None:
        if risk is not None:
            risk.refuse("a time at risk needs an outcome from events")
        return Outcome("label")
    said = block(value, "outcome")
    name = said["name"].text()
    has_codes = any(word in said for word in _SELECTORS)
    source = (
        said["from"].choice("label", "task", "events")
        if "from" in said
        else ("events" if has_codes else "label")
    )
    if source != "events":
        if risk is not None:
            risk.refuse("a time at risk needs an outcome from events")
        for word in (*_SELECTORS, "competing", "horizon"):
            if word in said:
                said[word].refuse(f"'{word}' belongs to an outcome `from: events`")
        return Outcome(name, "label" if source == "label" else "task")
    start, horizon = _time_at_risk(value, said.get("horizon"), risk)
    competing = None
    if "competing" in said:
        competing = _selection(said["competing"], block(said["competing"], "has"))
    return Outcome(name, "events", _selection(value, said), competing, horizon, start)


def _time_at_risk(value: Value, horizon: Value | None, risk: Value | None) -> tuple[int, int]:
    """Return start and end of the time at risk, in microseconds after the index."""
    said = block(risk, "time_at_risk") if risk is not None else {}
    start = duration(said["start"]) if "start" in said else 0
    ends = [duration(end) for end in (horizon, said.get("end")) if end is not None]
    if not ends:
        value.refuse("an outcome from events needs a `horizon`", next="For example 365d.")
    if len(set(ends)) > 1 or start >= ends[0]:
        spot = risk or value
        spot.refuse(
            "the times contradict each other: the time at risk must start before it ends, and"
            " end at the outcome's horizon",
            next="Give `horizon` or `time_at_risk: end`, later than `start`.",
        )
    return start, ends[0]


def parse_split(value: Value | None) -> Split:
    if value is None:
        return Split()
    said = block(value, "split")
    kind = cast(SplitKind, said["kind"].choice(*SPLIT_KINDS))
    named = said["held_out_sites"].items() if "held_out_sites" in said else []
    sites = tuple(site.text() for site in named)
    if (kind == "site") != bool(sites):
        value.refuse("`held_out_sites` goes with `kind: site`, and that needs it")
    if (kind == "folds") != ("code" in said):
        value.refuse("`code` goes with `kind: folds`, and that needs it")
    usual = _NO_TUNING if kind == "folds" else Split().ratios
    return Split(
        kind,
        _ratios(said["ratios"]) if "ratios" in said else usual,
        whole(said["seed"], 0) if "seed" in said else 0,
        said["stratify"].flag() if "stratify" in said else True,
        sites,
        said["code"].text() if "code" in said else "",
    )


def parse_blocks(value: Value | None, features: Definition) -> dict[str, tuple[str, ...]]:
    """Read which groups of the features make up each block."""
    if value is None:
        return {}
    known = [group.name for group in features.groups]
    known += [each.name for each in features.embeddings]
    known += [
        name
        for name, asked in (
            ("age", features.age),
            ("sex", features.sex),
            ("static", features.static),
        )
        if asked
    ]
    found: dict[str, tuple[str, ...]] = {}
    for key, groups in value.entries():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", key.text()) or key.text() in ("late", "early"):
            key.refuse("a block's name is of small letters, digits and '_', not late or early")
        for group in groups.items():
            if group.text() not in known:
                group.refuse(
                    f"'{group.text()}' is no group of the features"
                    f"{did_you_mean(group.text(), known)}",
                    next=f"Known: {', '.join(known)}.",
                )
        found[key.text()] = tuple(group.text() for group in groups.items())
    return found


def _ratios(value: Value) -> tuple[float, float, float]:
    said = block(value, "split.ratios")
    train, tuning, held_out = (number(said[name], 0.0) for name in NAMES)
    if not math.isclose(train + tuning + held_out, 1.0, abs_tol=1e-9) or min(train, held_out) <= 0:
        value.refuse("the ratios must add up to 1, with train and held_out above 0")
    return train, tuning, held_out


def parse_subgroups(value: Value | None) -> tuple[Subgroup, ...]:
    if value is None:
        return Subgroup("sex"), Subgroup("site")
    found: list[Subgroup] = []
    for item in value.items():
        found.append(_subgroup(item))
        if sum(one.name == found[-1].name for one in found) > 1:
            item.refuse(f"two subgroups are named '{found[-1].name}'")
    return tuple(found)


def _subgroup(value: Value) -> Subgroup:
    said = {"name": value} if value.is_text else block(value, "subgroups")
    name = said["name"].text()
    cuts = tuple(number(cut) for cut in said["cuts"].items()) if "cuts" in said else ()
    prefix = said["prefix"].text() if "prefix" in said else ""
    if list(cuts) != sorted(set(cuts)):
        said["cuts"].refuse("the cuts must rise")
    if name == "age" and not cuts:
        cuts = (40.0, 65.0, 80.0)
    if cuts and name != "age":
        value.refuse("only `age` has cuts")
    if name not in _SUBGROUPS and not prefix:
        value.refuse(
            f"'{name}' is no subgroup that Biolake knows: {', '.join(_SUBGROUPS)}",
            next="Give the `prefix` of its codes, for example `prefix: RACE//`.",
        )
    return Subgroup(name, cuts, prefix)


def parse_analyses(value: Value) -> tuple[Analysis, ...]:
    """Read `[{name: {option: value}}, name]`; what the names mean is the catalogue's."""
    found = []
    for item in value.items():
        if item.is_text:
            found.append(Analysis(item.text(), {}, item.where))
            continue
        entries = item.entries()
        if len(entries) != 1:
            item.refuse("each analysis is its name, or its name with its options")
        ((key, body),) = entries
        options = (
            {} if body.missing else {k.text(): Option(plain(v), v.where) for k, v in body.entries()}
        )
        found.append(Analysis(key.text(), options, key.where))
    if not found:
        value.refuse("the study asks for no analysis")
    return tuple(found)


def parse_report(value: Value) -> Report:
    said = block(value, "report")
    formats = Report().formats
    if "formats" in said:
        formats = tuple(item.choice(*FORMATS) for item in said["formats"].items())
    standard = said["standard"].choice(*STANDARDS) if "standard" in said else STANDARDS[0]
    language = said["language"].choice(*LANGUAGES) if "language" in said else LANGUAGES[0]
    return Report(formats, standard, language)


def duration(value: Value) -> int:
    found = parse_duration(value.text())
    if found is None:
        value.refuse(f"'{value.name}' must be a length of time", next="For example 24h or 365d.")
    return found


def number(value: Value, least: float | None = None) -> float:
    found = value.number()
    if not math.isfinite(found) or (least is not None and found < least):
        value.refuse(f"'{value.name}' must be a number" + ("" if least is None else " from 0"))
    return found


def whole(value: Value, least: int) -> int:
    text = value.text()
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        value.refuse(f"'{value.name}' must be a whole number from {least}")
    return int(text)


def plain(value: Value) -> Any:
    """Return a value of the file as JSON would hold it; a tuple for a list."""
    if value.missing:
        return None
    if value.is_block:
        return {key.text(): plain(inner) for key, inner in value.entries()}
    if not value.is_text:
        return tuple(plain(item) for item in value.items())
    text = value.text()
    if getattr(value.node, "style", None) in ("'", '"'):
        return text
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
