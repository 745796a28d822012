"""Runs a table's plan over a file: batches of rows become chunks, and every row is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa

from biolake.core.errors import DataRefused, MappingInvalid, SourceUnreadable
from biolake.core.reading import Chunk, ReadContext, Reject, SourceFile, Tally
from biolake.core.schema import MAPPED, MAPPED_ENCOUNTERS, MAPPED_PEOPLE, MICROSECONDS
from biolake.core.spool import Spool
from biolake.ingest.mapping.assets import SourceNames, asset_links
from biolake.ingest.mapping.columns import Source, parquet_size
from biolake.ingest.mapping.losses import count_lost
from biolake.ingest.mapping.notes import FILE_ROWS, NoteTaking
from biolake.ingest.mapping.plan import Plan, RulePlan
from biolake.ingest.mapping.records import RecordCount, count_lines, count_records
from biolake.ingest.mapping.retractions import Retractions, placed
from biolake.ingest.mapping.values import Values, failing

BATCH_ROWS, BATCH_BYTES = 250_000, 64 << 20

_REASONS = {
    "MISSING COLUMNS": "fewer values than the header has columns",
    "TOO MANY COLUMNS": "more values than the header has columns",
    "INVALID ENCODING": "a byte that is not UTF-8",
    "UNQUOTED VALUE": "a quote is not closed, or text follows it",
    "LINE SIZE OVER MAXIMUM": "longer than 2,000,000 bytes",
    "INVALID STATE": "the line is not delimited text",
}


@dataclass(frozen=True)
class Counted:
    """A file with the number of rows it must give."""

    source: Source
    rows: int
    size: int
    lines: RecordCount | None
    most: int = BATCH_ROWS

    @property
    def batch_rows(self) -> int:
        """Return how many rows make about 64 MB: notes come in smaller batches than numbers."""
        return min(self.most, max(1, self.rows * BATCH_BYTES // max(self.size, 1)))


def count(source: Source) -> Counted:
    """Count a file's rows without its parser."""
    if not source.is_text:
        rows, size = parquet_size(source.file)
        return Counted(source, rows, size, None)
    if source.is_lines:
        lines = count_lines(source.file, source.longest)
        return Counted(source, lines.records, lines.size, lines)
    lines = count_records(
        source.file, source.delimiter, source.quote, len(source.names), source.longest
    )
    return Counted(source, lines.records, lines.size, lines)


def read_table(
    table: str,
    plan: Plan,
    counted: Counted,
    connection: duckdb.DuckDBPyConnection,
    context: ReadContext,
    retractions: Retractions,
    names: SourceNames,
) -> Iterator[Chunk]:
    """Yield the chunks of one file; the last one carries every quarantined row.

    What its rows take back is noted in `retractions`: a later file may give a key again.
    """
    file = counted.source.file
    seen, waiting = 0, _Waiting([], [], [])
    notes = _note_taking(plan, counted.source, context, names)
    counted = replace(counted, most=FILE_ROWS) if notes.of_files else counted
    forget_rejects(connection)
    for batch in stream(plan.sql, plan.values, counted):
        chunk = _chunk(table, file, plan, batch, seen, waiting)
        used = batch.column("fate").to_numpy() <= 1
        if plan.assets:
            links, absent = asset_links(plan.assets, batch, used, file, names)
            chunk.tally.dropped.update(absent)
            chunk = replace(chunk, asset_links=links)
        found, refused = notes.take(batch, used, chunk.tally, seen)
        waiting.refused += refused
        seen += batch.num_rows
        if plan.retracts:
            _note_retracted(plan, batch, retractions)
        context.progress(file.name, batch.num_rows)
        yield chunk
        for each in found:
            yield from each
    broken = structural_rejects(connection, counted)
    check_count(seen, broken, counted)
    rejects = _renumbered(waiting.rejects(plan), broken, counted.source.first_row) + broken
    yield Chunk(file, table, Tally(rows=len(rejects), rejects=rejects), keyed=plan.keyed)


def _note_taking(
    plan: Plan, source: Source, context: ReadContext, names: SourceNames
) -> NoteTaking:
    others = (plan.rules, plan.encounters, plan.people, plan.assets, plan.notes[1:])
    return NoteTaking(
        plan.notes,
        source.file,
        names,
        Spool(context.scratch),
        utc=plan.values.clock == "utc",
        alone=not any(others),
        first=source.first_row,
    )


def stream(sql: str, values: Values, counted: Counted) -> Iterator[pa.RecordBatch]:
    """Yield a query's rows in batches; the message of an error never shows a value."""
    try:
        yield from values.connection.sql(sql).to_arrow_reader(counted.batch_rows)
    except (duckdb.Error, pa.ArrowException) as error:
        raise _explained(error, values, counted.source.file) from None


def _explained(error: Exception, values: Values, file: SourceFile) -> DataRefused:
    if "state machine" in str(error):
        return SourceUnreadable(
            "lines end in more than one way (LF and CRLF), or quotes are broken",
            where=file.name,
            next="Give all lines the same end and try again.",
        )
    expression = failing(values.given, values.rows, values.connection)
    if expression is not None:
        return MappingInvalid(
            f"this expression fails on a value of '{file.name}'",
            where=str(expression.where),
            next="Use try_cast, or declare the column's type under `columns`.",
        )
    kind = type(error).__name__.removesuffix("Exception")
    return SourceUnreadable(f"the file cannot be read ({kind})", where=file.name)


@dataclass
class _Waiting:
    """Rows quarantined by the mapping, by place in the parsed rows, until row numbers are known."""

    places: list[np.ndarray]
    fates: list[np.ndarray]
    refused: list[Reject]  # by place too: their files are no notes

    def rejects(self, plan: Plan) -> list[Reject]:
        found = []
        for places, fates in zip(self.places, self.fates, strict=True):
            for place, code in zip(places.tolist(), fates.tolist(), strict=True):
                fate = plan.fates[code]
                found.append(Reject(place, fate.column, fate.reason))
        return found + self.refused


def _renumbered(rejects: list[Reject], broken: list[Reject], first: int) -> list[Reject]:
    """Turn places among the parsed rows into record numbers: broken records lie in between.

    `first` is the number of the first row: 2 after a header.
    """
    if not rejects:
        return []
    numbers = np.array([reject.row for reject in rejects], np.int64) + first
    gaps = np.array(sorted(reject.row for reject in broken), np.int64)
    # The k-th broken record (from 0) precedes every parsed row whose number, less k, reaches it.
    shifted = gaps - np.arange(len(gaps))
    numbers += np.searchsorted(shifted, numbers, side="right")
    return [
        Reject(row, reject.column, reject.reason)
        for row, reject in zip(numbers.tolist(), rejects, strict=True)
    ]


def check_count(seen: int, broken: list[Reject], counted: Counted) -> None:
    """Refuse a file of which the parser gave more or fewer rows than its bytes hold."""
    found = seen + len(broken)
    if found != counted.rows:
        raise SourceUnreadable(
            f"the parser saw {found} rows, but the file holds {counted.rows}",
            where=counted.source.file.name,
            next="Look for unbalanced quotes and for lines longer than 2 MB.",
        )


def forget_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what an earlier file left in the parser's table of rejects."""
    for name in ("reject_errors", "reject_scans"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def structural_rejects(connection: duckdb.DuckDBPyConnection, counted: Counted) -> list[Reject]:
    """Return the records that the CSV parser refused, each once."""
    if counted.lines is None:
        return []
    try:
        rows = connection.execute(
            """SELECT line, arg_min(coalesce(column_name, ''), column_idx),
                      arg_min(error_type::VARCHAR, coalesce(column_idx, 0))
               FROM reject_errors GROUP BY line ORDER BY line"""
        ).fetchall()
    except duckdb.CatalogException:
        return []
    lines = np.array([row[0] for row in rows], np.int64)
    numbers = counted.lines.record_of_line(lines).tolist()
    is_lines = counted.source.is_lines  # its one column has no name
    return [
        Reject(number, "" if is_lines else column or "", _REASONS.get(kind, kind.lower()))
        for number, (_, column, kind) in zip(numbers, rows, strict=True)
    ]


def _chunk(
    table: str, file: SourceFile, plan: Plan, batch: pa.RecordBatch, seen: int, waiting: _Waiting
) -> Chunk:
    fate = batch.column("fate").to_numpy()
    if not fate.any():
        tally = Tally(rows=len(fate), event_rows=len(fate))
    else:
        tally = _tally(plan, fate, seen, waiting)
    if len(plan.rules) > 1:
        tally.dropped = count_lost(tuple(rule.name for rule in plan.rules), batch, fate)
    used = fate <= 1
    return Chunk(
        file,
        table,
        tally,
        events=_events(plan, batch, fate),
        encounters=_encounters(plan, batch, used),
        people=_people(plan, batch, used),
        keyed=plan.keyed,
        adds_to_encounters=not {"start", "end"} <= plan.encounters.keys(),
    )


def _tally(plan: Plan, fate: np.ndarray, seen: int, waiting: _Waiting) -> Tally:
    counts = np.bincount(fate, minlength=len(plan.fates))
    kinds = np.array([known.kind for known in plan.fates])
    tally = Tally(event_rows=int(counts[0]), part_rows=int(counts[1]))
    for code in np.flatnonzero(np.isin(kinds, ("skip", "retract"))):
        if counts[code]:
            tally.skipped[plan.fates[code].reason] += int(counts[code])
    tally.rows = int(counts[kinds != "reject"].sum())
    places = np.flatnonzero((kinds == "reject")[fate])
    if len(places):
        waiting.places.append(places + seen)
        waiting.fates.append(fate[places])
    return tally


def _note_retracted(plan: Plan, batch: pa.RecordBatch, retractions: Retractions) -> None:
    fate = batch.column("fate").to_numpy()
    kinds = np.array([known.kind for known in plan.fates])
    gone = (kinds == "retract")[fate]
    if gone.any() or len(retractions.keys):
        keys = _keys(batch.column("key").fill_null(0))  # null where quarantined: not looked at
        taken = placed(keys, [(gone, rule.key_mark) for rule in plan.rules])
        rows = [(_gives(rule, batch, fate), rule.key_mark) for rule in plan.rules]
        retractions.note(taken, placed(keys, rows))


def _keys(column: pa.Array) -> np.ndarray:
    keys: np.ndarray = column.to_numpy(zero_copy_only=False).view(np.int64)
    return keys


def _gives(rule: RulePlan, batch: pa.RecordBatch, fate: np.ndarray) -> np.ndarray:
    """Mark the rows of which a rule makes an event."""
    mask: np.ndarray = fate == 0
    if rule.applies:
        mask &= batch.column(rule.applies).to_numpy(zero_copy_only=False)
    return mask


def _events(plan: Plan, batch: pa.RecordBatch, fate: np.ndarray) -> pa.Table | None:
    tables = [_events_of(plan, rule, batch, fate) for rule in plan.rules]
    tables = [table for table in tables if table.num_rows]
    return pa.concat_tables(tables) if tables else None


def _events_of(plan: Plan, rule: RulePlan, batch: pa.RecordBatch, fate: np.ndarray) -> pa.Table:
    mask = _gives(rule, batch, fate)
    if not mask.all():
        batch = batch.filter(pa.array(mask))
    columns, fields = [], []
    for field in MAPPED:
        column = _column(rule, batch, field, plan.integer_encounter)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, field.nullable))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _column(
    rule: RulePlan, batch: pa.RecordBatch, field: pa.Field, integer_encounter: bool
) -> pa.Array:
    if field.name == "row_key":
        return pa.array(_keys(batch.column("key")) ^ np.int64(rule.key_mark))
    name = rule.columns.get(field.name, field.name)
    if name in batch.schema.names:
        return batch.column(name)
    integer = field.name == "encounter" and integer_encounter
    return pa.nulls(batch.num_rows, pa.int64() if integer else field.type)


def _encounters(plan: Plan, batch: pa.RecordBatch, used: np.ndarray) -> pa.Table | None:
    if not plan.encounters:
        return None
    batch = batch.filter(pa.array(used & _given(batch, plan.encounters["encounter"])))
    columns, fields = [], []
    for field in MAPPED_ENCOUNTERS:
        name = plan.encounters.get(field.name, field.name)
        known = name in batch.schema.names
        column = batch.column(name) if known else pa.nulls(batch.num_rows, field.type)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, field.nullable))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields)) if batch.num_rows else None


def _people(plan: Plan, batch: pa.RecordBatch, used: np.ndarray) -> pa.Table | None:
    tables = []
    timed = any(time for *_, time in plan.people)
    for system, scope, name, time in plan.people:
        rows = batch.filter(pa.array(used & _given(batch, name)))
        subject, n = rows.column("subject"), rows.num_rows
        columns = [subject, pa.repeat(system, n), rows.column(name), pa.repeat(scope, n)]
        fields = [pa.field("subject", subject.type, False), *list(MAPPED_PEOPLE)[1:]]
        if timed:
            columns.append(rows.column(time) if time else pa.nulls(n, MICROSECONDS))
            fields.append(pa.field("time", MICROSECONDS))
        schema = pa.schema(fields)
        tables.append(pa.Table.from_arrays(columns, schema=schema))
    tables = [table for table in tables if table.num_rows]
    return pa.concat_tables(tables) if tables else None


def _given(batch: pa.RecordBatch, name: str) -> np.ndarray:
    given: np.ndarray = batch.column(name).is_valid().to_numpy(zero_copy_only=False)
    return given
