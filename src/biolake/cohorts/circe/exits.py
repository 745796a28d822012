"""When a cohort entry ends, and how overlapping entries become one."""

from __future__ import annotations

from biolake.cohorts.circe.attributes import in_codeset, literal
from biolake.cohorts.circe.criteria import exposure_end
from biolake.cohorts.circe.expression import CohortExpression, CustomEra, DateOffset, Period
from biolake.cohorts.circe.groups import add_criterion
from biolake.cohorts.circe.statement import Statement, days_after, joined


def add_ends(statement: Statement, expression: CohortExpression) -> None:
    """Add the steps from included events to entries: its first end that is not before it."""
    ends = []
    strategy = expression.end_strategy
    if not isinstance(strategy, DateOffset):
        ends.append("SELECT person_id, event_id, op_end_date AS end_date FROM included_events")
    if strategy is not None:
        if isinstance(strategy, DateOffset):
            _add_date_offset(statement, strategy)
        else:
            _add_custom_era(statement, strategy)
        ends.append("SELECT person_id, event_id, end_date FROM strategy_ends")
    for place, criterion in enumerate(expression.censoring, 1):
        events = add_criterion(statement, f"censoring_{place}_events", criterion)
        ends.append(_censored(events))
    statement.add("cohort_ends", "\nUNION ALL\n".join(ends))
    statement.add(
        "cohort_rows",
        "SELECT i.person_id, i.event_id, i.start_date, min(e.end_date) AS end_date",
        "FROM included_events i JOIN cohort_ends e",
        "  ON e.person_id = i.person_id AND e.event_id = i.event_id AND e.end_date >= i.start_date",
        "GROUP BY i.person_id, i.event_id, i.start_date",
    )
    _add_eras(statement, "cohort_eras", "cohort_rows", expression.era_pad, expression.era_pad)
    _add_censor_window(statement, expression.censor_window)


def _add_date_offset(statement: Statement, strategy: DateOffset) -> None:
    day = "start_date" if strategy.field == "StartDate" else "end_date"
    moved = days_after(day, strategy.offset)
    statement.add(
        "strategy_ends",
        "SELECT person_id, event_id,",
        f"  CASE WHEN {moved} > op_end_date THEN op_end_date ELSE {moved} END AS end_date",
        "FROM included_events",
    )


def _add_custom_era(statement: Statement, strategy: CustomEra) -> None:
    """Add the drug's eras: exposures with at most the gap between them, ends moved by offset."""
    end = exposure_end(statement)
    start = "CAST(t.drug_exposure_start_date AS DATE)"
    if strategy.days_supply_override is not None:
        end = days_after(start, strategy.days_supply_override)
    codes = in_codeset(statement.codeset(strategy.codeset))
    columns = ("person_id", "drug_exposure_start_date", "drug_concept_id")
    table = statement.read("drug_exposure", *columns)
    statement.wish("drug_exposure", "drug_source_concept_id")
    statement.add(
        "strategy_exposures",
        f"SELECT t.person_id, {start} AS start_date, {end} AS end_date",
        f"FROM {table} t SEMI JOIN included_events i ON i.person_id = t.person_id",
        f"WHERE t.drug_concept_id {codes} OR t.drug_source_concept_id {codes}",
    )
    padding, gap = strategy.gap_days + strategy.offset, strategy.gap_days
    _add_eras(statement, "strategy_eras", "strategy_exposures", padding, gap)
    statement.add(
        "strategy_ends",
        "SELECT i.person_id, i.event_id, r.end_date",
        "FROM included_events i JOIN strategy_eras r ON r.person_id = i.person_id",
        "  AND i.start_date BETWEEN r.start_date AND r.end_date",
    )


def _censored(events: str) -> str:
    return joined(
        "SELECT i.person_id, i.event_id, min(c.start_date) AS end_date",
        f"FROM included_events i JOIN {events} c ON c.person_id = i.person_id",
        "  AND c.start_date BETWEEN i.start_date AND i.op_end_date",
        "GROUP BY i.person_id, i.event_id",
    )


def _add_eras(statement: Statement, name: str, rows: str, padding: int, unpadding: int) -> None:
    """Merge a person's rows that touch once their ends are padded; take the padding off again."""
    statement.add(
        name,
        "SELECT person_id, min(start_date) AS start_date,",
        f"  {days_after('max(end_date)', -unpadding)} AS end_date",
        "FROM (",
        "  SELECT *, sum(is_start) OVER (so_far ROWS UNBOUNDED PRECEDING) AS era",
        "  FROM (",
        "    SELECT *, CASE WHEN max(end_date) OVER (",
        "        so_far ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        "      ) >= start_date THEN 0 ELSE 1 END AS is_start",
        "    FROM (",
        f"      SELECT person_id, start_date, {days_after('end_date', padding)} AS end_date",
        f"      FROM {rows}",
        "    )",
        "    WINDOW so_far AS (PARTITION BY person_id ORDER BY start_date, end_date)",
        "  )",
        "  WINDOW so_far AS (PARTITION BY person_id ORDER BY start_date, end_date)",
        ")",
        "GROUP BY person_id, era",
    )


def _add_censor_window(statement: Statement, window: Period) -> None:
    if not (window.start or window.end):
        statement.add("cohort", "SELECT person_id, start_date, end_date", "FROM cohort_eras")
        return
    start = f"greatest(start_date, {literal(window.start)})" if window.start else "start_date"
    end = f"least(end_date, {literal(window.end)})" if window.end else "end_date"
    statement.add(
        "cohort",
        f"SELECT person_id, {start} AS start_date, {end} AS end_date",
        "FROM cohort_eras",
        f"WHERE {start} <= {end}",
    )
