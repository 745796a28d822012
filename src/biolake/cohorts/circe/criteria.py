"""One criterion → SQL: the events of one OMOP table that meet it.

Each event is (person_id, event_id, start_date, end_date, visit_occurrence_id, sort_date, counted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from biolake.cohorts.circe.attributes import condition_sql, in_codeset, literal
from biolake.cohorts.circe.columns import Attribute
from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.domains import DOMAINS, Domain
from biolake.cohorts.circe.expression import (
    ConceptSetChoice,
    Criterion,
    DateAdjustment,
    Filter,
    Period,
    TextMatch,
)
from biolake.cohorts.circe.statement import Statement, days_after, joined

_BESIDE = {
    "person": "JOIN {table} p ON p.person_id = c.person_id",
    "visit_occurrence": (
        "JOIN {table} v ON v.visit_occurrence_id = c.visit_occurrence_id"
        " AND v.person_id = c.person_id"
    ),
    "provider": "LEFT JOIN {table} pr ON pr.provider_id = c.provider_id",
    "care_site": "JOIN {table} cs ON cs.care_site_id = c.care_site_id",
}
_KEYS = {
    "person": ("person_id",),
    "visit_occurrence": ("visit_occurrence_id", "person_id"),
    "provider": ("provider_id",),
    "care_site": ("care_site_id",),
}


def add_events(statement: Statement, name: str, criterion: Criterion, counted: str = "") -> str:
    """Add the step `name`: the criterion's events, without its correlated criteria.

    `counted` names the Circe column whose distinct values will be counted.
    """
    domain = DOMAINS[criterion.domain]
    attributes = [domain.attributes[one.attribute] for one in criterion.filters]
    wanted = _period_conditions(criterion.period)
    wanted += ["c.ordinal = 1"] if criterion.first else []
    wanted += filter_conditions(statement, criterion.filters, domain.attributes)
    start, end = _shown_dates(criterion.period)
    lines = joined(
        f"SELECT c.person_id, c.event_id, {start}, {end},",
        "  c.visit_occurrence_id, c.start_date AS sort_date, c.counted",
        "FROM (",
        *_rows(statement, domain, criterion, attributes, counted),
        ") c",
        *beside(statement, attributes),
        where(wanted),
    )
    _remark(statement, criterion)
    return statement.add(name, lines)


def where(conditions: list[str]) -> str:
    return "WHERE " + "\n  AND ".join(conditions) if conditions else ""


def filter_conditions(
    statement: Statement, filters: Iterable[Filter], attributes: Mapping[str, Attribute]
) -> list[str]:
    """Return one condition a filter, over the aliases that `domains` names."""
    found = []
    for one in filters:
        if isinstance(one.test, ConceptSetChoice):
            statement.codeset(one.test.codeset)
        if isinstance(one.test, TextMatch) and not one.test.text:
            statement.note(f"{one.attribute}: the text is empty, so any recorded text matches")
        found.append(condition_sql(attributes[one.attribute].sql, one.test))
    return found


def beside(statement: Statement, attributes: Iterable[Attribute]) -> list[str]:
    """Return the joins of the tables beside the event, each once."""
    tables: dict[str, set[str]] = {}
    for attribute in attributes:
        if attribute.beside:
            tables.setdefault(attribute.beside, set()).add(attribute.column)
    return [
        _BESIDE[name].format(table=statement.read(name, *_KEYS[name], *sorted(columns)))
        for name, columns in tables.items()
    ]


def _rows(
    statement: Statement,
    domain: Domain,
    criterion: Criterion,
    attributes: list[Attribute],
    counted: str,
) -> list[str]:
    """Return the rows of the domain's own table: dated, numbered, with what is asked for."""
    own = sorted({column for attribute in attributes for column in attribute.own})
    start, end = _dates(statement, domain)
    shown = _adjusted(criterion.adjustment, start, end)
    visit = "t." if domain.visit else "CAST(NULL AS BIGINT) AS "
    own = [column for column in own if column not in ("visit_occurrence_id", "person_id")]
    ordinal = f"row_number() OVER (PARTITION BY t.person_id ORDER BY {start}, t.{domain.id})"
    read = {"person_id", domain.id, *own} | ({"visit_occurrence_id"} if domain.visit else set())
    table = statement.read(domain.table, *read)
    return [
        f"  SELECT t.person_id, t.{domain.id} AS event_id, {visit}visit_occurrence_id,",
        f"    {shown[0]} AS start_date,",
        f"    {shown[1]} AS end_date,",
        f"    {_counted(statement, domain, counted, *shown)} AS counted"
        + "".join(f", t.{column}" for column in own)
        + ("," if criterion.first else ""),
        f"    {ordinal} AS ordinal" if criterion.first else "",
        f"  FROM {table} t",
        *(f"  {line}" for line in [where(_coded(statement, domain, criterion))] if line),
    ]


def _coded(statement: Statement, domain: Domain, criterion: Criterion) -> list[str]:
    found = []
    if criterion.codeset is not None:
        statement.read(domain.table, domain.concept)
        found.append(f"t.{domain.concept} {in_codeset(statement.codeset(criterion.codeset))}")
    if criterion.source_codeset is not None and domain.source_concept:
        column = domain.source_concept[1]
        statement.read(domain.table, column)
        found.append(f"t.{column} {in_codeset(statement.codeset(criterion.source_codeset))}")
    return found


def _dates(statement: Statement, domain: Domain) -> tuple[str, str]:
    """Return the event's first and last day as SQL, with what stands in for a missing end."""
    statement.read(domain.table, domain.start)
    start = f"CAST(t.{domain.start} AS DATE)"
    ends = []
    if domain.end:
        statement.read(domain.table, domain.end)
        ends.append(f"CAST(t.{domain.end} AS DATE)")
    if domain.supply:
        statement.wish(domain.table, domain.supply)
        ends.append(f"{start} + CAST(t.{domain.supply} AS INTEGER)")
    if domain.day_long:
        ends.append(f"{start} + 1")
    return start, ends[0] if len(ends) == 1 else f"coalesce({', '.join(ends)})"


def exposure_end(statement: Statement) -> str:
    """Return the last day of a row of drug_exposure as SQL."""
    return _dates(statement, DOMAINS["DrugExposure"])[1]


def _adjusted(adjustment: DateAdjustment | None, start: str, end: str) -> tuple[str, str]:
    if adjustment is None:
        return start, end
    first = start if adjustment.start_with == "START_DATE" else end
    last = start if adjustment.end_with == "START_DATE" else end
    return days_after(first, adjustment.start_offset), days_after(last, adjustment.end_offset)


def _counted(statement: Statement, domain: Domain, column: str, start: str, end: str) -> str:
    shared = {"": "NULL", "START_DATE": start, "END_DATE": end, "DURATION": f"({end}) - ({start})"}
    if column in shared:
        return shared[column]
    own = dict(domain.counts)
    if domain.concept:
        own["DOMAIN_CONCEPT"] = domain.concept
    if domain.source_concept:
        own["DOMAIN_SOURCE_CONCEPT"] = domain.source_concept[1]
    if domain.visit:
        own["VISIT_ID"] = "visit_occurrence_id"
    if column not in own:
        raise CirceRefused(f"{domain.name} has no column to count by {column}")
    statement.read(domain.table, own[column])
    # Circe counts deaths without a cause as one concept.
    return f"coalesce(t.{own[column]}, 0)" if domain.name == "Death" else f"t.{own[column]}"


def _period_conditions(period: Period | None) -> list[str]:
    days = [day for day in (period.start, period.end) if day] if period else []
    return [f"c.start_date <= {literal(day)} AND c.end_date >= {literal(day)}" for day in days]


def _shown_dates(period: Period | None) -> tuple[str, str]:
    start = f"{literal(period.start)} AS start_date" if period and period.start else "c.start_date"
    end = f"{literal(period.end)} AS end_date" if period and period.end else "c.end_date"
    return start, end


def _remark(statement: Statement, criterion: Criterion) -> None:
    """Say where a criterion is read by its name although circe-be's SQL does something else."""
    names = {one.attribute for one in criterion.filters}
    if criterion.domain == "DrugExposure" and "OccurrenceEndDate" in names:
        statement.note(
            "DrugExposure.OccurrenceEndDate is compared with the end of the exposure;"
            " circe-be compares it with the start"
        )
    if criterion.domain == "DrugEra" and "GapDays" in names:
        statement.note("DrugEra.GapDays is compared with gap_days; circe-be uses EraLength's range")
