"""What each window demands of a trigger, as SQL over its times, counts and statistics."""

from __future__ import annotations

from dataclasses import dataclass

from biolake.cohorts.definition import RECORD_END, RECORD_START, Count, ValueRange, Window
from biolake.cohorts.planning import Plan, bounds_of
from biolake.cohorts.points import point_name

DAY = 86_400_000_000
DECIMALS = 9  # of statistics, so that 1.4 - 1.1 is 0.3


@dataclass(frozen=True)
class Condition:
    """One step of the attrition table and the condition that passes it."""

    name: str
    sql: str


def window_conditions(plan: Plan, window: Window) -> Condition:
    """Return what a window demands: that it exists, and that its counts and values fit."""
    columns = {plan.at[f"{window.name}.{side}"].column for side in ("start", "end")}
    tests = [f"s.{column} IS NOT NULL" for column in sorted(columns) if column != "t_trigger"]
    for count in window.has:
        tests += _within(count_sql(plan, window, count), count.least, count.most)
    for wanted in window.values:
        tests += _within(statistic_sql(plan, window, wanted), wanted.least, wanted.most)
    return Condition(f"window {window.name}", " AND ".join(tests) or "true")


def _within(value: str, least: float | None, most: float | None) -> list[str]:
    tests = [f"{value} >= {least!r}"] if least is not None else []
    return tests + ([f"{value} <= {most!r}"] if most is not None else [])


def count_sql(plan: Plan, window: Window, count: Count) -> str:
    if count.predicate in (RECORD_START, RECORD_END):
        return _edge_count(plan, window, count.predicate)
    return running_difference(plan, window, count.predicate)


def running_difference(plan: Plan, window: Window, predicate: str) -> str:
    """Return how often a predicate holds in a window: its running counts, subtracted."""
    columns = [
        f"s.{plan.lookup_column(lookup, predicate)}"
        for lookup in bounds_of(plan, window, predicate)
    ]
    return f"({' - '.join(columns)})" if len(columns) > 1 else columns[0]


def _edge_count(plan: Plan, window: Window, predicate: str) -> str:
    edge = "s.t_first" if predicate == RECORD_START else "s.t_last"
    start, end = (plan.at[point_name(window, side)].sql() for side in ("start", "end"))
    after = ">=" if window.start_inclusive else ">"
    before = "<=" if window.end_inclusive else "<"
    return f"({edge} {after} {start} AND {edge} {before} {end})::BIGINT"


def statistic_sql(plan: Plan, window: Window, wanted: ValueRange) -> str:
    column = f"s.v_{plan.windows[window.name]}_{plan.names[wanted.predicate]}"
    if wanted.statistic == "change":
        return f"round({column}_last - {column}_first, {DECIMALS})"
    return f"round({column}_{wanted.statistic}, {DECIMALS})"


def label_count(plan: Plan) -> str:
    window = plan.task.label_window
    return running_difference(plan, window, window.label) if window else "NULL::BIGINT"


def outcome_columns(plan: Plan) -> tuple[str, list[Condition]]:
    """Return the time-to-event columns, and the demand that there is any follow-up.

    observed: 1 the event came first, 2 a competing one did, 0 neither by the end of the record or
    the horizon. The event wins a tie.
    """
    outcome, index = plan.task.outcome, plan.task.index_window
    if outcome is None or index is None or not index.index:
        return "", []
    origin = plan.at[point_name(index, index.index)].sql()
    end = "s.t_last"
    if outcome.horizon:
        end = f"least(s.t_last, {origin} + {outcome.horizon})"
    seen = f"s.t_event <= {end} AND s.t_event <= coalesce(s.t_competing, s.t_event)"
    other = f"s.t_competing <= {end}"
    observed = f"CASE WHEN {seen} THEN 1 WHEN {other} THEN 2 ELSE 0 END"
    stop = f"CASE WHEN {seen} THEN s.t_event WHEN {other} THEN s.t_competing ELSE {end} END"
    columns = (
        f",\n       ({stop} - ({origin})) / {DAY}.0 AS duration_days,\n"
        f"       ({observed})::TINYINT AS observed"
    )
    return columns, [Condition(f"follow-up for {outcome.event}", f"s.t_last > {origin}")]
