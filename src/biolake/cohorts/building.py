"""Build a cohort: run its statement shard group by shard group, add up labels and attrition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from biolake.cohorts.codes import Missing, resolve
from biolake.cohorts.compiling import Compiled, compile_task
from biolake.cohorts.definition import Task
from biolake.cohorts.planning import predicate_names, value_parts
from biolake.cohorts.quantiles import with_numbers
from biolake.cohorts.sentence import describe
from biolake.core.errors import DataRefused
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View

# MEDS 0.4 LabelSchema.
LABELS = pa.schema(
    [
        pa.field("subject_id", pa.int64()),
        pa.field("prediction_time", MICROSECONDS),
        pa.field("boolean_value", pa.bool_()),
        pa.field("integer_value", pa.int64()),
        pa.field("float_value", pa.float32()),
        pa.field("categorical_value", pa.string()),
    ]
)
OUTCOME = [pa.field("duration_days", pa.float64()), pa.field("observed", pa.int8())]

# Shard groups are taken together up to this many events, so that small lakes need one statement;
# one by one if the times of all events are needed.
BATCH_ROWS = 3_000_000

# DuckDB 2.0 guesses one row for files chosen by shard group unless the first file is among them,
# and then loops over whole tables; statements here are written in the order they are to run.
AS_WRITTEN = (
    "SET asof_loop_join_threshold = 0",
    "SET disabled_optimizers = 'join_order,build_side_probe_side'",
)
AS_USUAL = ("RESET asof_loop_join_threshold", "RESET disabled_optimizers")

# A judged row becomes a label if it passed every step.
CHOSEN = """
SELECT subject_id, make_timestamp(t_prediction) AS prediction_time, label > 0 AS boolean_value,
       NULL::BIGINT AS integer_value, NULL::FLOAT AS float_value,
       NULL::VARCHAR AS categorical_value{outcome}
FROM judged WHERE passed = ? ORDER BY subject_id, prediction_time, t_trigger
"""
REACHED = """
SELECT furthest, count(*) AS subjects, sum(rows)::BIGINT AS rows, false AS by_row FROM (
    SELECT subject_id, max(passed) AS furthest, count(*) AS rows FROM judged GROUP BY subject_id
) GROUP BY furthest
UNION ALL SELECT passed, 0, count(*), true FROM judged GROUP BY passed
"""
UNITS = """
SELECT DISTINCT unit FROM events_by_code
WHERE code IN (SELECT unnest(?::VARCHAR[])) AND unit IS NOT NULL AND numeric_value IS NOT NULL
ORDER BY unit
"""


@dataclass(frozen=True)
class Step:
    """Subjects and triggers left after one criterion, and how many triggers it cost."""

    name: str
    subjects: int
    rows: int
    lost: int


@dataclass(frozen=True)
class Cohort:
    """The members of a cohort as MEDS labels, and how they came to be."""

    labels: pa.Table
    attrition: list[Step]
    sql: str
    sentence: str
    notes: tuple[str, ...] = ()

    @property
    def meds_labels(self) -> pa.Table:
        """The labels without columns that hold nothing: MEDS 0.4 allows no nulls in them."""
        held = {n for n in self.labels.column_names if self.labels[n].null_count < len(self.labels)}
        held |= {"subject_id", "prediction_time"}
        return self.labels.select([n for n in self.labels.column_names if n in held])

    @property
    def emptied_at(self) -> str | None:
        """The step after which nobody was left, if the cohort is empty."""
        return next((step.name for step in self.attrition if not step.rows), None)


def build(view: View, task: Task, *, missing: Missing = "refuse") -> Cohort:
    """Build the cohort of a task at the commit the view shows.

    A predicate none of whose codes is in the lake is an error, unless `missing` says that it
    may simply never occur (`codes.resolve`).
    """
    codes, notes = _resolve_all(view, task, "", missing=missing)
    _check_units(view, task, codes[""])
    task, told = with_numbers(view, task, codes)
    notes += told
    compiled = compile_task(task, codes)
    parts: list[pa.Table] = []
    subjects: Counter[int] = Counter()
    rows: Counter[int] = Counter()
    with _tables(view, compiled):
        for first, last in batches(view, BATCH_ROWS if compiled.sparse else BATCH_ROWS // 3):
            view.con.execute(
                f"CREATE OR REPLACE TEMP TABLE judged AS {compiled.statement}",
                {"first": first, "last": last},
            )
            for step, reached, count, by_row in view.rows(REACHED):
                (rows if by_row else subjects)[step] += count if by_row else reached
            parts.append(_labels(view, task, len(compiled.steps)))
    attrition = _attrition(task, compiled.steps, subjects, rows)
    sql = ";\n".join([*compiled.setup, compiled.statement])
    notes += _general_notes(task, attrition)
    return Cohort(_in_order(parts, task), attrition, sql, describe(task), tuple(notes))


def batches(view: View, most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of runs of shard groups that are small enough to hold in memory."""
    state = view.commit.tables.get("events")
    rows: Counter[int] = Counter()
    for file in state.files if state else ():
        rows[int(file.shard_group or 0)] += file.rows
    first, held, last = None, 0, 0
    for group in sorted(rows):
        if first is not None and held + rows[group] > most:
            yield first, last
            first, held = None, 0
        first = group if first is None else first
        last, held = group, held + rows[group]
    if first is not None:
        yield first, last


@contextmanager
def _tables(view: View, compiled: Compiled) -> Iterator[None]:
    try:
        for statement in (*AS_WRITTEN, *compiled.setup):
            view.con.execute(statement)
        yield
    finally:
        for statement in AS_USUAL:
            view.con.execute(statement)
        for table in (*compiled.tables, "judged"):
            view.con.execute(f"DROP TABLE IF EXISTS {table}")


def _labels(view: View, task: Task, steps: int) -> pa.Table:
    outcome = ", duration_days, observed" if task.outcome else ""
    return view.table(CHOSEN.format(outcome=outcome), [steps]).cast(_schema(task))


def _schema(task: Task) -> pa.Schema:
    return pa.schema([*LABELS, *(OUTCOME if task.outcome else [])])


def _in_order(parts: list[pa.Table], task: Task) -> pa.Table:
    whole = pa.concat_tables(parts) if parts else _schema(task).empty_table()
    return whole.sort_by([("subject_id", "ascending"), ("prediction_time", "ascending")])


def _attrition(
    task: Task, steps: tuple[str, ...], subjects: Counter[int], rows: Counter[int]
) -> list[Step]:
    names = [f"trigger {task.trigger}", *steps]
    left = [sum(n for at, n in rows.items() if at >= step) for step in range(len(names))]
    lost = [0, *(before - after for before, after in pairwise(left))]
    people = [sum(n for at, n in subjects.items() if at >= step) for step in range(len(names))]
    return [Step(*step) for step in zip(names, people, left, lost, strict=True)]


def _general_notes(task: Task, attrition: list[Step]) -> list[str]:
    notes = []
    emptied = next((step.name for step in attrition if not step.rows), None)
    if emptied:
        notes.append(f"nobody is left after step '{emptied}'")
    index = task.index_window
    if index is not None and index.boundary(index.other).offset < 0:
        # Its aggregation writes the two ends of such a window the wrong way round.
        notes.append(f"ES-ACES 0.7.3 would report the other end of window '{index.name}'")
    if index is None:
        notes.append("no window has index_timestamp, so the rows have no prediction time")
    return notes


def _resolve_all(
    view: View, task: Task, prefix: str, *, missing: Missing
) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Find the codes of a task and of the tasks nested in it, by the prefix of their SQL names."""
    resolved = resolve(view, task, missing=missing)
    codes, notes = {prefix: resolved.codes}, list(resolved.notes)
    names = predicate_names(task)
    for nested in task.nested():
        inner, more = _resolve_all(
            view, nested.task, f"{prefix}{names[nested.name]}__", missing=missing
        )
        codes |= inner
        notes += more
    return codes, notes


def _check_units(view: View, task: Task, codes: dict[str, list[str]]) -> None:
    """Refuse a statistic over readings in several units."""
    for window in task.windows:
        for wanted in window.values:
            parts = value_parts(task, wanted.predicate)
            listed = sorted({code for plain in parts for code in codes[plain.name]})
            units = [row[0] for row in view.rows(UNITS, [listed])]
            fixed = all(any(column == "unit" for column, _ in p.columns) for p in parts)
            if len(units) > 1 and not fixed:
                raise DataRefused(
                    f"the values of '{wanted.predicate}' are in several units: {', '.join(units)}",
                    where=str(wanted.where),
                    next="Choose one with `unit:` in each of its predicates.",
                )
