"""Groups of criteria → SQL: which index events have the right events, demographics and subgroups.

An index step has (person_id, event_id, start_date, end_date, visit_occurrence_id, op_start_date,
op_end_date), one row an event; a group's step has the (person_id, event_id) that pass it.
"""

from __future__ import annotations

from biolake.cohorts.circe.columns import DEMOGRAPHICS
from biolake.cohorts.circe.criteria import add_events, beside, filter_conditions, where
from biolake.cohorts.circe.expression import (
    CorrelatedCriterion,
    Criterion,
    Demographic,
    Endpoint,
    Group,
    Window,
)
from biolake.cohorts.circe.statement import Statement, days_after, joined

_SIGNS = {"exactly": "=", "at most": "<=", "at least": ">="}


def add_criterion(statement: Statement, name: str, criterion: Criterion, counted: str = "") -> str:
    """Add the step `name`: the criterion's events, those its correlated criteria let through."""
    group = criterion.correlated
    if group is None or group.empty:
        return add_events(statement, name, criterion, counted)
    found = add_events(statement, f"{name}_found", criterion, counted)
    # An event's own number may repeat in the data: its place in this step never does.
    order = "start_date, event_id, end_date, visit_occurrence_id, sort_date, counted"
    numbered = statement.add(
        f"{name}_numbered",
        f"SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY {order}) AS place",
        f"FROM {found}",
        keep=True,
    )
    index = statement.add(
        f"{name}_index",
        "SELECT e.person_id, e.place AS event_id, e.start_date, e.end_date,",
        "  e.visit_occurrence_id, op.op_start_date, op.op_end_date",
        f"FROM {numbered} e JOIN {observation(statement)} op ON op.person_id = e.person_id",
        "  AND e.start_date BETWEEN op.op_start_date AND op.op_end_date",
        keep=True,
    )
    passed = add_group(statement, f"{name}_correlated", group, index)
    return statement.add(
        name,
        "SELECT e.person_id, e.event_id, e.start_date, e.end_date, e.visit_occurrence_id,",
        "  e.sort_date, e.counted",
        f"FROM {numbered} e SEMI JOIN {passed} g",
        "  ON g.person_id = e.person_id AND g.event_id = e.place",
    )


def observation(statement: Statement) -> str:
    """Return the step of the observation periods, with op_start_date and op_end_date."""
    if "observation_periods" in statement.ctes:
        return "observation_periods"
    start, end = "observation_period_start_date", "observation_period_end_date"
    table = statement.read("observation_period", "person_id", start, end)
    return statement.add(
        "observation_periods",
        f"SELECT person_id, CAST({start} AS DATE) AS op_start_date,",
        f"  CAST({end} AS DATE) AS op_end_date",
        f"FROM {table}",
    )


def add_group(statement: Statement, name: str, group: Group, index: str) -> str:
    """Add the step `name`: the index events for which enough of the group's parts hold."""
    parts = [
        _add_correlated(statement, f"{name}_{place}", one, index)
        for place, one in enumerate(group.criteria, 1)
    ]
    parts += [
        _add_demographic(statement, f"{name}_demographic_{place}", one, index)
        for place, one in enumerate(group.demographics, 1)
    ]
    parts += [
        add_group(statement, f"{name}_group_{place}", one, index)
        for place, one in enumerate(group.groups, 1)
    ]
    if not parts:
        return statement.add(name, "SELECT DISTINCT person_id, event_id", f"FROM {index}")
    enough, none_is_enough = _enough(group, len(parts))
    union = "\n  UNION ALL ".join(
        f"SELECT {place} AS part, person_id, event_id " + f"FROM {part}"
        for place, part in enumerate(parts, 1)
    )
    return statement.add(
        name,
        "SELECT i.person_id, i.event_id",
        f"FROM {index} i {'LEFT ' if none_is_enough else ''}JOIN (",
        f"  {union}",
        ") parts ON parts.person_id = i.person_id AND parts.event_id = i.event_id",
        "GROUP BY i.person_id, i.event_id",
        f"HAVING count(DISTINCT parts.part) {enough}",
    )


def _enough(group: Group, parts: int) -> tuple[str, bool]:
    """Return the count a group asks for, and whether an event without any part can meet it."""
    if group.type == "ALL":
        return f"= {parts}", False
    if group.type == "ANY":
        return "> 0", False
    if group.type == "AT_LEAST":
        return f">= {group.count}", group.count == 0
    return f"<= {group.count}", True


def _add_correlated(
    statement: Statement, name: str, correlated: CorrelatedCriterion, index: str
) -> str:
    occurrence = correlated.occurrence
    column = occurrence.count_column if occurrence.distinct else ""
    events = add_criterion(statement, f"{name}_events", correlated.criterion, column)
    none_is_enough = occurrence.type == "at most" or occurrence.count == 0
    what = "DISTINCT a.counted" if occurrence.distinct else "a.person_id"
    return statement.add(
        name,
        "SELECT i.person_id, i.event_id",
        f"FROM {index} i {'LEFT ' if none_is_enough else ''}JOIN {events} a",
        f"  ON {joined(*_together(correlated))}",
        "GROUP BY i.person_id, i.event_id",
        f"HAVING count({what}) {_SIGNS[occurrence.type]} {occurrence.count}",
    )


def _together(correlated: CorrelatedCriterion) -> list[str]:
    """Return the conditions that put an event `a` beside an index event `i`."""
    observed = not correlated.ignore_observation_period
    found = ["a.person_id = i.person_id"]
    if observed:
        found.append("a.start_date BETWEEN i.op_start_date AND i.op_end_date")
    found += _inside(correlated.start_window, observed)
    if correlated.end_window:
        found += _inside(correlated.end_window, observed)
    if correlated.restrict_visit:
        found.append("a.visit_occurrence_id = i.visit_occurrence_id")
    return found[:1] + [f"  AND {one}" for one in found[1:]]


def _inside(window: Window, observed: bool) -> list[str]:
    event = "a.end_date" if window.of_event_end else "a.start_date"
    index = "i.end_date" if window.from_index_end else "i.start_date"
    bounds = ((">=", window.start), ("<=", window.end))
    pairs = [(sign, _bound(endpoint, index, observed)) for sign, endpoint in bounds]
    return [f"{event} {sign} {bound}" for sign, bound in pairs if bound]


def _bound(endpoint: Endpoint, index: str, observed: bool) -> str:
    if endpoint.days is not None:
        return days_after(index, endpoint.coeff * endpoint.days)
    if not observed:
        return ""
    return "i.op_start_date" if endpoint.coeff == -1 else "i.op_end_date"


def _add_demographic(statement: Statement, name: str, one: Demographic, index: str) -> str:
    attributes = [DEMOGRAPHICS[each.attribute] for each in one.filters]
    conditions = filter_conditions(statement, one.filters, DEMOGRAPHICS)
    return statement.add(
        name,
        "SELECT DISTINCT c.person_id, c.event_id",
        f"FROM {index} c",
        *beside(statement, attributes),
        where(conditions),
    )
