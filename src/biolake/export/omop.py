"""OMOP CDM 5.4: a lake's events as the tables OHDSI tools read.

Every event is in exactly one table or counted as left out; the report says which and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv as pacsv

from biolake.core.folders import fresh_folder
from biolake.export import cdm, concepts
from biolake.export.clocks import clock_notes
from biolake.export.destination import ExportReport, TableFile, report
from biolake.export.pieces import Piece, pieces
from biolake.lake.door import View

PIECE_ROWS = 500_000
TIMELESS = "left out"

Form = Literal["parquet", "csv"]
Progress = Callable[[str, int, int], None]

# The visits of a piece; one without a start cannot be dated and is left out.
_VISITS = """
CREATE OR REPLACE TEMP TABLE piece_visits AS
SELECT encounter_id AS visit_id, subject_id, "start" AS visit_start, "end" AS visit_end, kind
FROM encounters
WHERE shard_group = {piece.group} AND "start" IS NOT NULL
  AND subject_id IN (SELECT subject_id FROM subjects WHERE {piece.where})
"""
_FACTS = """
CREATE OR REPLACE TEMP TABLE piece_facts AS
SELECT e.*, r.home, r.part, r.with_value, r.term, r.standard_id, r.own_id,
       v.visit_id, v.visit_start, v.visit_end,
       row_number() OVER (
         ORDER BY e.shard, e.subject_id, e.time NULLS FIRST, e.code, e.row_key) AS n
FROM (SELECT * FROM events WHERE {piece.where}) e
JOIN export_routes r USING (code, source)
LEFT JOIN piece_visits v ON v.visit_id = e.encounter_id AND v.subject_id = e.subject_id
"""
# The first birth, sex, race … of a person and the first start and end of a visit are columns there.
_FOLDED = """
CREATE OR REPLACE TEMP TABLE piece_folded AS
SELECT arg_min(COLUMNS(['subject_id', 'part', 'time', 'code', 'term', 'own_id', 'visit_id']), n),
       min(n) AS n
FROM piece_facts
WHERE part IN ('gender', 'race', 'ethnicity') OR (part IN ('birth', 'death') AND time IS NOT NULL)
   OR (part = 'start' AND time = visit_start) OR (part = 'end' AND time = visit_end)
GROUP BY subject_id, part, CASE WHEN part IN ('start', 'end') THEN visit_id END
"""
_TABLES = """
CREATE OR REPLACE TEMP TABLE piece_tables AS
SELECT f.*, CASE
    WHEN d.n IS NOT NULL THEN home
    WHEN f.time IS NULL THEN '{timeless}'
    WHEN home = 'observation_period' THEN home
    WHEN numeric_value IS NOT NULL AND with_value IS NOT NULL THEN with_value
    WHEN part IS NOT NULL THEN 'observation'
    ELSE home END AS "table"
FROM piece_facts f LEFT JOIN (SELECT n FROM piece_folded) d USING (n)
"""
_PERSONS = """
(SELECT subject_id, any_value("time") FILTER (part = 'birth') AS birth,
        any_value(term) FILTER (part = 'gender') AS gender,
        any_value(term) FILTER (part = 'race') AS race,
        any_value(term) FILTER (part = 'ethnicity') AS ethnicity
 FROM (SELECT subject_id FROM subjects WHERE {piece.where})
 LEFT JOIN piece_folded USING (subject_id)
 GROUP BY subject_id ORDER BY subject_id)
"""
# A visit without an end ends with its last event: the standard demands an end.
_VISIT_ROWS = """
(SELECT v.visit_id, v.subject_id, v.kind, v.visit_start,
        coalesce(v.visit_end, last_seen, v.visit_start) AS visit_end,
        start_code, start_id, end_code,
        coalesce(k.visit_concept_id,
                 TRY_CAST(regexp_extract(v.kind, '^OMOP//(\\d+)$', 1) AS INTEGER), 0) AS standard_id
 FROM piece_visits v LEFT JOIN export_visits k ON lower(k.kind) = lower(v.kind)
 LEFT JOIN (SELECT visit_id, any_value(code) FILTER (part = 'start') AS start_code,
                   any_value(own_id) FILTER (part = 'start') AS start_id,
                   any_value(code) FILTER (part = 'end') AS end_code
            FROM piece_folded WHERE part IN ('start', 'end') GROUP BY visit_id) USING (visit_id)
 LEFT JOIN (SELECT visit_id, greatest(max("time"), max(end_time)) AS last_seen
            FROM piece_facts WHERE visit_id IS NOT NULL GROUP BY visit_id) USING (visit_id)
 ORDER BY v.subject_id, v.visit_start, v.visit_id)
"""
# A subject whose source states no period was observed from the first dated fact to the last.
_PERIODS = """
(SELECT row_number() OVER (ORDER BY subject_id, "time") + {offset} AS id, * FROM (
   SELECT subject_id, "time", coalesce(end_time, "time") AS end_time
   FROM piece_tables WHERE "table" = 'observation_period'
   UNION ALL
   SELECT subject_id, min("time"), greatest(max("time"), max(end_time))
   FROM piece_tables WHERE "time" IS NOT NULL AND part IS DISTINCT FROM 'birth'
   GROUP BY subject_id HAVING count(*) FILTER ("table" = 'observation_period') = 0))
"""
_ROWS = """
(SELECT row_number() OVER (ORDER BY n) + {offset} AS id, *
 FROM piece_tables WHERE "table" = '{table}' ORDER BY n)
"""


@dataclass
class _Counts:
    """Where the events went, and what the target tables have no column for."""

    tables: Counter[str] = field(default_factory=Counter)
    unkept: Counter[tuple[str, str]] = field(default_factory=Counter)
    persons_without_birth: int = 0
    visits_without_start: int = 0


def export(
    view: View, out: Path, *, form: Form = "parquet", progress: Progress = lambda *_: None
) -> ExportReport:
    """Write a commit as OMOP CDM 5.4 tables, one file each, Parquet or CSV.

    An event goes to the table `routes.csv` names for its code and source table. A subject's id is
    the person_id (63 bits: load it as BIGINT). An event without a time is left out, unless it is
    the sex, race or ethnicity of its person, for OMOP dates everything.
    """
    counts = _Counts()
    with fresh_folder(out) as folder, _names(view) as own:
        homes = dict(view.rows("SELECT code, min(home) FROM export_routes GROUP BY code"))
        with ExitStack() as stack:
            tables = {
                name: stack.enter_context(TableFile(folder / f"{name}.{form}", cdm.schema(name)))
                for name in cdm.TABLES
            }
            todo = list(pieces(view, PIECE_ROWS))
            for number, piece in enumerate(todo):
                progress("writing", number, len(todo))
                _piece(view, piece, tables, counts)
            notes = _notes(view, counts)
            _fill(
                view, tables["concept"], _registered(view, concepts.concept_rows(view, own, homes))
            )
            _fill(view, tables["cdm_source"], _registered(view, _about(view, notes)))
        return report(folder, out, sum(counts.tables.values()) - counts.tables[TIMELESS], notes)


@contextmanager
def _names(view: View) -> Iterator[dict[str, int]]:
    """Lend the view the look-up tables of an export; return the lake's own concept ids."""
    own = concepts.own_ids([code for (code,) in view.rows("SELECT code FROM codes")])
    visits = pacsv.read_csv(pa.BufferReader((files("biolake.export") / "visits.csv").read_bytes()))
    view.con.register("export_routes", concepts.routes(view, own))
    view.con.register("export_visits", visits)
    try:
        yield own
    finally:
        for name in ("export_routes", "export_visits"):
            view.con.unregister(name)
        for name in ("visits", "facts", "folded", "tables"):
            view.con.execute(f"DROP TABLE IF EXISTS piece_{name}")


def _piece(view: View, piece: Piece, tables: dict[str, TableFile], counts: _Counts) -> None:
    for statement in (_VISITS, _FACTS, _FOLDED, _TABLES):
        view.con.execute(statement.format(piece=piece, timeless=TIMELESS))
    _fill(view, tables["person"], _PERSONS.format(piece=piece))
    _fill(view, tables["visit_occurrence"], _VISIT_ROWS)
    _fill(view, tables["death"], "(SELECT * FROM piece_folded WHERE part = 'death' ORDER BY n)")
    periods = tables["observation_period"]
    _fill(view, periods, _PERIODS.format(offset=periods.rows))
    for name in cdm.FACTS:
        _fill(view, tables[name], _ROWS.format(table=name, offset=tables[name].rows))
    _count(view, piece, counts)


def _fill(view: View, table: TableFile, source: str) -> None:
    rows = view.con.sql(cdm.select(table.path.stem, source))
    for batch in rows.to_arrow_reader(1 << 16):
        table.write(batch)


def _count(view: View, piece: Piece, counts: _Counts) -> None:
    for name, rows in view.rows('SELECT "table", count(*) FROM piece_tables GROUP BY ALL'):
        counts.tables[name] += rows
    for name, columns in cdm.FACTS.items():
        for column in columns:
            [(lost,)] = view.rows(
                f'SELECT count({column}) FROM piece_tables WHERE "table" = ?',  # noqa: S608  our name
                [name],
            )
            counts.unkept[name, column] += lost
    [(lost,)] = view.rows(
        "SELECT count(\"time\") FROM piece_folded WHERE part IN ('gender', 'race', 'ethnicity')"
    )
    counts.unkept["person", "time"] += lost
    counts.persons_without_birth += view.rows(
        f"SELECT count(*) FROM subjects WHERE {piece.where}"  # noqa: S608  integers
        " AND subject_id NOT IN (SELECT subject_id FROM piece_folded WHERE part = 'birth')"
    )[0][0]
    counts.visits_without_start += view.rows(
        f'SELECT count(*) FROM encounters WHERE shard_group = {piece.group} AND "start" IS NULL'  # noqa: S608
        f" AND subject_id IN (SELECT subject_id FROM subjects WHERE {piece.where})"
    )[0][0]


def _notes(view: View, counts: _Counts) -> tuple[str, ...]:
    """Say where every event went and what the target could not hold."""
    unkept = (
        f"{lost} of the events in {name} have a value in '{column}', which that table cannot hold."
        for (name, column), lost in counts.unkept.items()
        if lost
    )
    went = (
        f"{rows} events in {name}."
        for name, rows in sorted(counts.tables.items())
        if name != TIMELESS
    )
    others = (
        (counts.tables[TIMELESS], "events left out: they have no time, and OMOP dates every row."),
        (counts.persons_without_birth, "persons without a year of birth, which the CDM demands."),
        (counts.visits_without_start, "encounters left out: they have no start."),
    )
    told = (f"{number} {text}" for number, text in others if number)
    return (*went, *unkept, *told, *clock_notes(view))


def _about(view: View, notes: tuple[str, ...]) -> pa.Table:
    return pa.table(
        {
            "lake_id": [view.lake.lake_id],
            "software": [view.commit.software],
            "time": [view.commit.time],
            "notes": [f"Commit {view.commit.number}. {' '.join(notes)}"],
        }
    )


def _registered(view: View, rows: pa.Table) -> str:
    view.con.register("export_rows", rows)
    return "export_rows"
