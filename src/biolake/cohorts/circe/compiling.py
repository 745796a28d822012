"""A cohort expression → one DuckDB statement over an OMOP view, with its attrition and in words."""

from __future__ import annotations

from dataclasses import dataclass

from biolake.cohorts.circe.attributes import literal
from biolake.cohorts.circe.conceptsets import add_concept_sets
from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.exits import add_ends
from biolake.cohorts.circe.expression import CohortExpression, ConceptSet, Limit, PrimaryCriteria
from biolake.cohorts.circe.groups import add_criterion, add_group, observation
from biolake.cohorts.circe.sentence import sentence_of
from biolake.cohorts.circe.statement import Column, Statement, days_after, joined

_EVENT = (
    "person_id, event_id, start_date, end_date, visit_occurrence_id, op_start_date, op_end_date"
)


@dataclass(frozen=True)
class Compiled:
    """What a definition became: `sql` gives the entries, `attrition_sql` who was lost where."""

    sql: str
    attrition_sql: str
    concept_sets_sql: str
    sentence: str
    concept_sets: tuple[ConceptSet, ...]
    needs: tuple[Column, ...]
    wishes: tuple[Column, ...]
    notes: tuple[str, ...]


def compile_circe(expression: CohortExpression) -> Compiled:
    """Compile a cohort definition; rows are (subject, start date, end date)."""
    statement = Statement({one.id: one for one in expression.concept_sets})
    steps = _add_primary(statement, expression.primary)
    steps += _add_qualified(statement, expression)
    steps += _add_included(statement, expression)
    add_ends(statement, expression)
    steps += [
        ("cohort_rows", "with an end that is not before the start"),
        ("cohort_eras", f"merged where at most {expression.era_pad} days lie between entries"),
    ]
    if expression.censor_window.start or expression.censor_window.end:
        steps.append(("cohort", "cut to the study's calendar window"))
    add_concept_sets(statement)
    used = tuple(one for one in expression.concept_sets if one.id in statement.codesets)
    return Compiled(
        sql=statement.sql(_ROWS),
        attrition_sql=statement.sql(_counts(steps)),
        concept_sets_sql=_only_concept_sets(statement),
        sentence=sentence_of(expression),
        concept_sets=used,
        needs=tuple(sorted(statement.needs)),
        wishes=tuple(sorted(statement.wishes)),
        notes=tuple(statement.notes),
    )


_ROWS = joined(
    "SELECT CAST(person_id AS BIGINT) AS subject_id,",
    "  start_date AS cohort_start_date, end_date AS cohort_end_date",
    "FROM cohort",
    "ORDER BY ALL",
)

Steps = list[tuple[str, str]]


def _add_primary(statement: Statement, primary: PrimaryCriteria) -> Steps:
    if not primary.criteria:
        raise CirceRefused(
            "the list is empty: nothing says who enters the cohort",
            where="$.PrimaryCriteria.CriteriaList",
        )
    _add_union(statement, primary)
    order = "DESC" if primary.limit == "Last" else "ASC"
    statement.add(
        "observed_events",
        "SELECT e.person_id, row_number() OVER (",
        f"    PARTITION BY e.person_id ORDER BY e.sort_date {order}, e.event_id, e.criterion,",
        "    e.start_date, e.end_date, e.visit_occurrence_id, op.op_start_date, op.op_end_date",
        "  ) AS event_id,",
        "  e.start_date, e.end_date, e.visit_occurrence_id, op.op_start_date, op.op_end_date",
        f"FROM primary_criteria e JOIN {observation(statement)} op ON op.person_id = e.person_id",
        "  AND e.start_date BETWEEN op.op_start_date AND op.op_end_date",
        f"WHERE {days_after('op.op_start_date', primary.prior_days)} <= e.start_date",
        f"  AND {days_after('e.start_date', primary.post_days)} <= op.op_end_date",
        keep=True,
    )
    limit = "" if primary.limit == "All" else "WHERE event_id = 1"
    statement.add("primary_events", f"SELECT {_EVENT}", "FROM observed_events", limit, keep=True)
    return [
        ("primary_criteria", "events that meet a primary criterion"),
        (
            "observed_events",
            f"observed for {primary.prior_days} days before and {primary.post_days} days after",
        ),
        ("primary_events", _limited(primary.limit)),
    ]


def _add_union(statement: Statement, primary: PrimaryCriteria) -> None:
    names = [
        add_criterion(statement, f"primary_{place}", criterion)
        for place, criterion in enumerate(primary.criteria, 1)
    ]
    selects = [
        joined(f"SELECT {place} AS criterion, *", f"FROM {name}")
        for place, name in enumerate(names, 1)
    ]
    statement.add("primary_criteria", "\nUNION ALL\n".join(selects), keep=True)


def _limited(limit: Limit) -> str:
    if limit == "All":
        return "all events of each person"
    return f"the {'earliest' if limit == 'First' else 'latest'} event of each person"


def _add_qualified(statement: Statement, expression: CohortExpression) -> Steps:
    steps: Steps = []
    source, limit = "primary_events", expression.qualified_limit
    if expression.additional is not None and not expression.additional.empty:
        passed = add_group(statement, "additional_criteria", expression.additional, source)
        source = _add_passed(statement, "additionally_qualified", source, passed)
        steps.append((source, "with the additional criteria"))
    # Circe: this limit acts only where additional criteria are given.
    applies = expression.additional is not None and limit != "All"
    _add_limited(statement, "qualified_events", source, limit if applies else "All")
    return [*steps, ("qualified_events", _limited(limit))] if applies else steps


def _add_included(statement: Statement, expression: CohortExpression) -> Steps:
    steps: Steps = []
    source = "qualified_events"
    for place, rule in enumerate(expression.inclusion_rules, 1):
        passed = add_group(statement, f"inclusion_rule_{place}", rule.group, source)
        source = _add_passed(statement, f"after_rule_{place}", source, passed)
        steps.append((source, f"inclusion rule {place}: {rule.name}"))
    _add_limited(statement, "included_events", source, expression.expression_limit)
    return [*steps, ("included_events", _limited(expression.expression_limit))]


def _add_passed(statement: Statement, name: str, source: str, passed: str) -> str:
    return statement.add(
        name,
        "SELECT e.*",
        f"FROM {source} e SEMI JOIN {passed} g",
        "  ON g.person_id = e.person_id AND g.event_id = e.event_id",
        keep=True,
    )


def _add_limited(statement: Statement, name: str, source: str, limit: Limit) -> None:
    if limit == "All":
        statement.add(name, f"SELECT {_EVENT}", f"FROM {source}", keep=True)
        return
    order = "DESC" if limit == "Last" else "ASC"
    statement.add(
        name,
        f"SELECT {_EVENT}",
        f"FROM {source}",
        "QUALIFY row_number() OVER (",
        f"  PARTITION BY person_id ORDER BY start_date {order}, event_id",
        ") = 1",
        keep=True,
    )


def _counts(steps: Steps) -> str:
    selects = [
        joined(
            f"SELECT {place} AS place, {literal(label)} AS step,",
            "  count(DISTINCT person_id) AS persons, count(*) AS events",
            f"FROM {name}",
        )
        for place, (name, label) in enumerate(steps, 1)
    ]
    return "\nUNION ALL\n".join(selects) + "\nORDER BY place"


def _only_concept_sets(statement: Statement) -> str:
    """Return the statement that counts the concepts of each set, or nothing without sets."""
    if not statement.codesets:
        return ""
    alone = Statement({}, {"concept_sets": statement.ctes["concept_sets"]})
    return alone.sql(
        "SELECT codeset_id, count(*) AS concepts FROM concept_sets GROUP BY codeset_id"
    )
