"""The lake seen as OMOP: persons, observation periods, visits and facts whose code has a concept.

A fact goes to the table of its concept's domain, as OMOP does; a code that is not standard is
followed along 'Maps to'. What events do not hold (types, units, providers, eras …) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import duckdb
import pyarrow as pa

from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.omop import OmopTables, show
from biolake.cohorts.circe.statement import Column
from biolake.lake.door import View

# Codes that say something else than a fact with a concept.
_ADMINISTRATIVE = (
    *("MEDS_BIRTH", "MEDS_DEATH", "OBSERVATION_PERIOD", "GENDER//", "RACE//", "ETHNICITY//"),
    *("VISIT_END//", "VISIT_DETAIL//", "CAUSE_OF_DEATH//", "NOTE//", "INSURANCE//"),
)
_DAY = "CAST(e.time AS DATE)"
_END = "CAST(e.end_time AS DATE)"
# The lake keeps float32: by way of its shortest text 7.1 stays 7.1 and does not become 7.0999999.
_NUMBER = "CAST(CAST(e.numeric_value AS VARCHAR) AS DOUBLE)"

# Concept domain → the OMOP table, and its columns as the lake holds them.
_FACTS: dict[str, tuple[str, dict[str, str]]] = {
    "Condition": (
        "condition_occurrence",
        {"condition_start_date": _DAY, "condition_end_date": _END},
    ),
    "Drug": (
        "drug_exposure",
        {"drug_exposure_start_date": _DAY, "drug_exposure_end_date": _END},
    ),
    "Device": (
        "device_exposure",
        {"device_exposure_start_date": _DAY, "device_exposure_end_date": _END},
    ),
    "Procedure": ("procedure_occurrence", {"procedure_date": _DAY}),
    "Measurement": ("measurement", {"measurement_date": _DAY, "value_as_number": _NUMBER}),
    "Observation": ("observation", {"observation_date": _DAY, "value_as_number": _NUMBER}),
    "Specimen": ("specimen", {"specimen_date": _DAY}),
}
_NO_ERAS = "the lake holds exposures and conditions, not the eras derived from them"
_REASONS = {
    "condition_era": _NO_ERAS,
    "drug_era": _NO_ERAS,
    "dose_era": _NO_ERAS,
    "visit_detail": "parts of a visit keep no concept in the lake",
    "payer_plan_period": "insurance keeps no concept in the lake",
    "provider": "the lake holds nothing about staff",
    "care_site": "the lake holds nothing about places",
}
_VOCABULARY = ("concept", "concept_ancestor", "concept_relationship")


def omop_view(
    view: View,
    vocabulary: Mapping[str, pa.Table],
    *,
    unknown_codes: Literal["refuse", "leave out"] = "refuse",
) -> OmopTables:
    """View one commit of a lake as OMOP, with the concept tables of a vocabulary release.

    A code without a concept could belong to any criterion: it is refused, or left out and noted.
    """
    con = view.con
    con.execute("CREATE SCHEMA IF NOT EXISTS omop")
    columns = _show_vocabulary(con, vocabulary)
    notes = _map_codes(con, unknown_codes)
    columns |= _show_persons(con) | _show_periods(con) | _show_visits(con)
    for domain, (table, dated) in _FACTS.items():
        columns |= _show_facts(con, domain, table, dated)
    notes += _blind_spots(con)
    return OmopTables(con, frozenset(columns), tuple(notes), _REASONS)


def _show_vocabulary(
    con: duckdb.DuckDBPyConnection, vocabulary: Mapping[str, pa.Table]
) -> set[Column]:
    given = {name.lower(): table for name, table in vocabulary.items()}
    if "concept" not in given:
        raise CirceRefused(
            "a concept table is needed to find the concepts of the lake's codes",
            next="Give the vocabulary's CONCEPT, CONCEPT_ANCESTOR and CONCEPT_RELATIONSHIP.",
        )
    columns: set[Column] = set()
    for name in _VOCABULARY:
        if name in given:
            # Seen where it lies: a full vocabulary is too large to copy.
            con.register(f"given_{name}", given[name])
            columns |= show(con, name, f"given_{name}", given[name].schema.names)
    return columns


def _map_codes(con: duckdb.DuckDBPyConnection, unknown_codes: str) -> list[str]:
    """Make omop.code_concepts (code, concept_id, domain_id): the standard concepts of each code."""
    administrative = " OR ".join(
        f"starts_with(code, '{word}')" if word.endswith("//") else f"code = '{word}'"
        for word in _ADMINISTRATIVE
    )
    con.execute(
        "CREATE OR REPLACE TABLE omop.code_found AS"  # noqa: S608 - the words are ours
        " WITH used AS ("
        f"  SELECT code FROM codes WHERE events > 0 AND NOT ({administrative})"
        " ), named AS ("
        "  SELECT concept_id, upper(vocabulary_id) || '//' || concept_code AS code"
        "  FROM omop.concept"
        "  UNION ALL SELECT concept_id, 'OMOP//' || concept_id FROM omop.concept"
        " )"
        " SELECT u.code, k.concept_id, k.domain_id, k.standard_concept"
        " FROM used u LEFT JOIN named n ON n.code = u.code"
        " LEFT JOIN omop.concept k ON k.concept_id = n.concept_id"
    )
    _refuse_ambiguous(con)
    targets = "SELECT NULL AS code, NULL AS concept_id, NULL AS domain_id WHERE false"
    if _has(con, "concept_relationship"):
        targets = (
            "SELECT f.code, k.concept_id, k.domain_id FROM omop.code_found f"
            " JOIN omop.concept_relationship r ON r.concept_id_1 = f.concept_id"
            "  AND r.relationship_id = 'Maps to' AND nullif(r.invalid_reason, '') IS NULL"
            " JOIN omop.concept k ON k.concept_id = r.concept_id_2 AND k.standard_concept = 'S'"
            " WHERE f.standard_concept IS DISTINCT FROM 'S'"
        )
    con.execute(
        "CREATE OR REPLACE TABLE omop.code_concepts AS"  # noqa: S608 - our own words
        " SELECT code, concept_id, domain_id FROM omop.code_found WHERE standard_concept = 'S'"
        f" UNION ({targets})"
    )
    return _left_out(con, unknown_codes)


def _refuse_ambiguous(con: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT code FROM omop.code_found GROUP BY code HAVING count(*) > 1 ORDER BY code LIMIT 5"
    codes = [row[0] for row in con.execute(sql).fetchall()]
    if codes:
        raise CirceRefused(f"the concept table has several concepts for {', '.join(codes)}")


def _left_out(con: duckdb.DuckDBPyConnection, unknown_codes: str) -> list[str]:
    sql = (
        "SELECT DISTINCT f.code FROM omop.code_found f"
        " ANTI JOIN omop.code_concepts k ON k.code = f.code ORDER BY 1"
    )
    codes = [row[0] for row in con.execute(sql).fetchall()]
    if not codes:
        return []
    some = (
        f"{len(codes)} codes have no standard concept in the given vocabulary, such as {codes[0]}"
    )
    if unknown_codes == "refuse":
        raise CirceRefused(
            some,
            next="Give a fuller vocabulary, or ask to leave these codes out.",
        )
    return [f"{some}: no criterion can see their events"]


def _blind_spots(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Say what of the lake no criterion can see, in counts and codes."""
    counts = {
        "events have a concept but no time, and are not seen": (
            "SELECT count(*) FROM events e SEMI JOIN omop.code_concepts k ON k.code = e.code"
            " WHERE e.time IS NULL"
        ),
        "subjects have no observation period, and cannot enter": (
            "SELECT count(*) FROM subjects s"
            " ANTI JOIN omop.observation_period p ON p.person_id = s.subject_id"
        ),
    }
    found = [(con.execute(sql).fetchall()[0][0], text) for text, sql in counts.items()]
    notes = [f"{count} {text}" for count, text in found if count]
    sql = (
        "SELECT code FROM codes WHERE events > 0 AND starts_with(code, 'GENDER//')"
        " AND code NOT IN ('GENDER//M', 'GENDER//F') ORDER BY code"
    )
    genders = [row[0] for row in con.execute(sql).fetchall()]
    return notes + ([f"{', '.join(genders)}: read as no known gender"] if genders else [])


def _has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'omop' AND table_name = ?"
    return con.execute(sql, [table]).fetchone() is not None


def _show_persons(con: duckdb.DuckDBPyConnection) -> set[Column]:
    # 8507 and 8532 are male and female in every vocabulary release; 0 is "no matching concept".
    person = (
        "(SELECT s.subject_id AS person_id, year(s.birth) AS year_of_birth,"
        "  coalesce(g.gender_concept_id, 0) AS gender_concept_id FROM subjects s LEFT JOIN ("
        "   SELECT subject_id, CASE WHEN count(DISTINCT code) > 1 THEN 0 ELSE"
        "    max(CASE code WHEN 'GENDER//M' THEN 8507 WHEN 'GENDER//F' THEN 8532 END)"
        "    END AS gender_concept_id"
        "   FROM events WHERE starts_with(code, 'GENDER//') GROUP BY subject_id"
        "  ) g ON g.subject_id = s.subject_id)"
    )
    columns = show(con, "person", person, ("person_id", "year_of_birth", "gender_concept_id"))
    death = (
        "(SELECT subject_id AS person_id, CAST(death AS DATE) AS death_date"
        " FROM subjects WHERE death IS NOT NULL)"
    )
    return columns | show(con, "death", death, ("person_id", "death_date"))


def _show_periods(con: duckdb.DuckDBPyConnection) -> set[Column]:
    if (
        con.execute("SELECT 1 FROM events WHERE code = 'OBSERVATION_PERIOD' LIMIT 1").fetchone()
        is None
    ):
        raise CirceRefused(
            "the lake holds no observation periods, so 'no event' may be 'not watched'",
            next="Load a source that states them, such as OMOP's observation_period.",
        )
    return _show_events(
        con,
        "observation_period",
        "observation_period_id",
        {"observation_period_start_date": _DAY, "observation_period_end_date": _END},
        "e.code = 'OBSERVATION_PERIOD'",
    )


def _show_visits(con: duckdb.DuckDBPyConnection) -> set[Column]:
    dated = {
        "visit_start_date": _DAY,
        "visit_end_date": _END,
        "visit_concept_id": "k.concept_id",
        "visit_occurrence_id": "e.encounter_id",
    }
    return _show_events(con, "visit_occurrence", "", dated, "k.domain_id = 'Visit'")


def _show_facts(
    con: duckdb.DuckDBPyConnection, domain: str, table: str, dated: Mapping[str, str]
) -> set[Column]:
    concept = f"{table.split('_')[0]}_concept_id"
    shown = {**dated, concept: "k.concept_id"}
    if table != "specimen":
        shown["visit_occurrence_id"] = "e.encounter_id"
    return _show_events(con, table, f"{table}_id", shown, f"k.domain_id = '{domain}'")


def _show_events(
    con: duckdb.DuckDBPyConnection,
    table: str,
    number: str,
    shown: Mapping[str, str],
    condition: str,
) -> set[Column]:
    columns = {"person_id": "e.subject_id", **({number: "e.row_key"} if number else {}), **shown}
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    concepts = "JOIN omop.code_concepts k ON k.code = e.code" if "k." in listed else ""
    relation = (
        f"(SELECT {listed} FROM events e {concepts} WHERE {condition} AND e.time IS NOT NULL)"  # noqa: S608 - our own names
    )
    return show(con, table, relation, columns)
