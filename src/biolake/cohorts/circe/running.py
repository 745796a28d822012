"""Run a Circe definition over an OMOP view: who is in, from when to when, and who was lost."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from biolake.cohorts.circe.compiling import Compiled, compile_circe
from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.expression import CohortExpression
from biolake.cohorts.circe.omop import OmopView
from biolake.cohorts.circe.statement import OPTIONAL


@dataclass(frozen=True)
class Step:
    """What is left after one step of the definition."""

    name: str
    persons: int
    events: int


@dataclass(frozen=True)
class CirceCohort:
    """`rows`: subject_id, cohort_start_date, cohort_end_date, one row an entry."""

    rows: pa.Table
    attrition: tuple[Step, ...]
    sql: str
    sentence: str
    notes: tuple[str, ...]


def run_circe(omop: OmopView, expression: CohortExpression) -> CirceCohort:
    """Build the cohort; refuse what the view cannot answer rather than answer something else."""
    compiled = compile_circe(expression)
    notes = [*omop.notes, *compiled.notes, *_check_columns(omop, compiled)]
    notes += _check_concept_sets(omop, compiled)
    attrition = omop.con.execute(compiled.attrition_sql).fetchall()
    return CirceCohort(
        rows=omop.con.sql(compiled.sql).to_arrow_table(),
        attrition=tuple(Step(name, persons, events) for _, name, persons, events in attrition),
        sql=compiled.sql,
        sentence=compiled.sentence,
        notes=tuple(notes),
    )


def _check_columns(omop: OmopView, compiled: Compiled) -> list[str]:
    lacking = {column: omop.lacks(column) for column in compiled.needs}
    wanted = [f"{column} ({why})" for column, why in lacking.items() if why]
    if wanted:
        raise CirceRefused(
            f"the definition needs what this data does not have: {'; '.join(wanted)}",
            next="Change the definition, or run it where these columns are known.",
        )
    return [OPTIONAL[column] for column in compiled.wishes if omop.lacks(column)]


def _check_concept_sets(omop: OmopView, compiled: Compiled) -> list[str]:
    """Refuse a concept set of which the vocabulary knows nothing; say what else is unknown."""
    if not compiled.concept_sets_sql:
        return []
    counts = dict(omop.con.execute(compiled.concept_sets_sql).fetchall())
    notes = []
    for one in compiled.concept_sets:
        if not one.items:
            notes.append(f"the concept set '{one.name}' is empty: no event can have its concepts")
            continue
        unknown = _unknown(omop, [item.concept.concept_id for item in one.items])
        if unknown and one.id not in counts:
            raise CirceRefused(
                f"none of the concepts of '{one.name}' is in the concept table",
                where="$.ConceptSets",
                next="Load the vocabulary the definition was written with.",
            )
        if unknown:
            listed = ", ".join(str(concept) for concept in unknown)
            notes.append(f"'{one.name}' lists concepts that the vocabulary lacks: {listed}")
    return notes


def _unknown(omop: OmopView, concepts: list[int]) -> list[int]:
    sql = (
        "SELECT DISTINCT listed.id FROM (SELECT unnest(?::BIGINT[]) AS id) listed"
        " ANTI JOIN omop.concept k ON k.concept_id = listed.id ORDER BY 1"
    )
    return [row[0] for row in omop.con.execute(sql, [concepts]).fetchall()]
