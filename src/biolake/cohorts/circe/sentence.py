"""A cohort definition in English: one paragraph a clinician can check against the protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence

from biolake.cohorts.circe.expression import (
    CohortExpression,
    ConceptList,
    ConceptSetChoice,
    CorrelatedCriterion,
    Criterion,
    CustomEra,
    DateOffset,
    DateRange,
    Endpoint,
    Filter,
    Flag,
    Group,
    Limit,
    NumberRange,
    Occurrence,
    Period,
    Test,
    TextMatch,
    Window,
)

_OPS = {
    "lt": "below",
    "lte": "at most",
    "eq": "equal to",
    "!eq": "not equal to",
    "gt": "above",
    "gte": "at least",
}
_TEXTS = {"startsWith": "starts with", "contains": "contains", "endsWith": "ends with"}
_LIMITS: dict[Limit, str] = {"First": "the earliest", "Last": "the latest", "All": "every"}
Names = dict[int, str]


def sentence_of(expression: CohortExpression) -> str:
    """Describe who enters, on what day, under which rules, and when they leave."""
    names = {one.id: one.name for one in expression.concept_sets}
    primary = expression.primary
    entry = " or ".join(_criterion(one, names) for one in primary.criteria)
    parts = [
        f"Persons enter on {_LIMITS[primary.limit]} {entry}, observed for at least"
        f" {primary.prior_days} days before and {primary.post_days} days after that day"
    ]
    if expression.additional is not None and not expression.additional.empty:
        parts.append(
            f"Of these, {_LIMITS[expression.qualified_limit]} event counts that has"
            f" {_group(expression.additional, names)}"
        )
    for place, rule in enumerate(expression.inclusion_rules, 1):
        parts.append(f"Rule {place} ({rule.name}): {_group(rule.group, names)}")
    if expression.inclusion_rules or expression.expression_limit != "All":
        parts.append(f"Of what is left, {_LIMITS[expression.expression_limit]} event is kept")
    parts.append(_exit(expression, names))
    parts.append(f"Entries at most {expression.era_pad} days apart are one entry")
    if expression.censor_window.start or expression.censor_window.end:
        parts.append(f"Entries are cut to {_period(expression.censor_window)}")
    return ". ".join(parts) + "."


def _exit(expression: CohortExpression, names: Names) -> str:
    strategy = expression.end_strategy
    if isinstance(strategy, DateOffset):
        side = "start" if strategy.field == "StartDate" else "end"
        leave = f"{strategy.offset} days after the event's {side}, or when observation ends"
    elif isinstance(strategy, CustomEra):
        drug = names.get(strategy.codeset, strategy.codeset)
        leave = (
            f"when their exposure to [{drug}] ends (gaps of at most {strategy.gap_days} days,"
            f" {strategy.offset} days added), or when observation ends"
        )
        if strategy.days_supply_override is not None:
            leave += f" (each exposure lasts {strategy.days_supply_override} days)"
    else:
        leave = "when observation ends"
    if expression.censoring:
        leave += ", or at " + " or ".join(_criterion(one, names) for one in expression.censoring)
    several = strategy is not None or bool(expression.censoring)
    return f"They leave {leave}" + (", whichever comes first" if several else "")


def _criterion(criterion: Criterion, names: Names) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", criterion.domain).lower()
    text = f"first {words}" if criterion.first else words
    if criterion.codeset is not None:
        text += f" of [{names.get(criterion.codeset, criterion.codeset)}]"
    if criterion.source_codeset is not None:
        text += f" (source [{names.get(criterion.source_codeset, criterion.source_codeset)}])"
    details = [_filter(one, names) for one in criterion.filters]
    if criterion.period:
        details.append(f"taken as {_period(criterion.period)}")
    if criterion.adjustment:
        one = criterion.adjustment
        start, end = (side.replace("_", " ").lower() for side in (one.start_with, one.end_with))
        details.append(
            f"dated from its {start} {one.start_offset:+d} days"
            f" to its {end} {one.end_offset:+d} days"
        )
    if criterion.correlated is not None and not criterion.correlated.empty:
        details.append(_group(criterion.correlated, names))
    return f"{text} ({'; '.join(details)})" if details else text


def _filter(one: Filter, names: Names) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one.attribute).lower()
    return f"{words} {_test(one.test, names)}".strip()


def _test(test: Test, names: Names) -> str:
    match test:
        case NumberRange() | DateRange():
            if test.extent is not None:
                no = "not " if test.op == "!bt" else ""
                return f"{no}between {test.value} and {test.extent}"
            return f"{_OPS[test.op]} {test.value}"
        case TextMatch():
            no = "not: " if test.op.startswith("!") else ""
            return f"{no}{_TEXTS[test.op.removeprefix('!')]} '{test.text}'"
        case ConceptList():
            listed = ", ".join(one.name or str(one.concept_id) for one in test.concepts)
            return f"{'none' if test.exclude else 'one'} of {listed}"
        case ConceptSetChoice():
            name = names.get(test.codeset, str(test.codeset))
            return f"{'not in' if test.exclude else 'in'} [{name}]"
        case Flag():
            return ""


def _group(group: Group, names: Names) -> str:
    if group.empty:
        return "no further condition"
    how = {
        "ALL": "all of",
        "ANY": "any of",
        "AT_LEAST": f"at least {group.count} of",
        "AT_MOST": f"at most {group.count} of",
    }[group.type]
    parts = [_correlated(one, names) for one in group.criteria]
    parts += [_filters(one.filters, names) for one in group.demographics]
    parts += [f"({_group(one, names)})" for one in group.groups]
    return (
        parts[0]
        if len(parts) == 1 and group.type in ("ALL", "ANY")
        else f"{how}: " + "; ".join(parts)
    )


def _filters(filters: Sequence[Filter], names: Names) -> str:
    return ", ".join(_filter(one, names) for one in filters) or "any person"


def _correlated(one: CorrelatedCriterion, names: Names) -> str:
    text = f"{_occurrence(one.occurrence)} {_criterion(one.criterion, names)}"
    text += f" {_window(one.start_window)}"
    if one.end_window:
        text += f" and {_window(one.end_window)}"
    if one.restrict_visit:
        text += ", in the same visit"
    return text + (", observed or not" if one.ignore_observation_period else "")


def _occurrence(one: Occurrence) -> str:
    if not one.distinct:
        return f"{one.type} {one.count}"
    return f"{one.type} {one.count} different {one.count_column.replace('_', ' ').lower()} of"


def _window(window: Window) -> str:
    side = "ending" if window.of_event_end else "starting"
    index = "end" if window.from_index_end else "start"
    return f"{side} from {_endpoint(window.start)} to {_endpoint(window.end)} the index {index}"


def _endpoint(endpoint: Endpoint) -> str:
    days = "any days" if endpoint.days is None else f"{endpoint.days} days"
    return f"{days} {'before' if endpoint.coeff == -1 else 'after'}"


def _period(period: Period) -> str:
    start = period.start.isoformat() if period.start else "the beginning"
    return f"{start} to {period.end.isoformat() if period.end else 'the end'}"
