"""Hand out events: filtered where they are stored, streamed as they are read."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from biolake.cli.asking import place_of, refuse_unknown_subject, unknown_code
from biolake.cli.grammar import Session, command, pass_session
from biolake.core.errors import WrongUse

if TYPE_CHECKING:
    import pyarrow as pa

    from biolake.lake.door import View

Format = Literal["table", "csv", "json", "parquet"]

COLUMNS = (
    "subject_id, time, code, numeric_value, text_value, unit, end_time, encounter_id,"
    " site_id, load_id, source"
)
# Text for CSV and JSON: ISO times; the shortest decimal that is this float32 (7.1, not
# 7.099999904632568); a number that is none (NaN, infinity) is missing.
_PLAIN = """
    replace(time::VARCHAR, ' ', 'T') AS time,
    replace(end_time::VARCHAR, ' ', 'T') AS end_time,
    CASE WHEN isfinite(numeric_value) THEN numeric_value::VARCHAR::DOUBLE END AS numeric_value
"""
_BATCH = 1 << 15
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


@dataclass(frozen=True)
class Wanted:
    """Which events are asked for."""

    codes: tuple[str, ...] = ()
    subject: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    site: str | None = None
    source: str | None = None
    limit: int = 20


@dataclass
class _Query:
    table: str = "events"
    conditions: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    def also(self, condition: str, **parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters.update(parameters)

    def sql(self, limit: int, *, plain: bool) -> str:
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        end = f" LIMIT {limit}" if limit else ""
        found = f"SELECT {COLUMNS} FROM {self.table}{where}{end}"  # noqa: S608 (our own words; values are parameters)
        return f"SELECT * REPLACE ({_PLAIN}) FROM ({found})" if plain else found  # noqa: S608 (as above)


@command(
    "events",
    reads=True,
    examples=[
        "biolake events --code 'LAB//50931//mg/dL' --from 2150-01-01",
        "biolake events --code 'ICD10CM//I21*' --limit 0 --format csv > infarctions.csv",
        "biolake events --limit 0 --out all.parquet",
    ],
)
@click.option(
    "--code", "codes", multiple=True, metavar="CODE", help="Repeatable; * stands for any."
)
@click.option("--subject", type=int, metavar="ID")
@click.option("--from", "start", type=_MOMENT, metavar="TIME", help="At or after this time.")
@click.option("--to", "end", type=_MOMENT, metavar="TIME", help="Before this time.")
@click.option("--site", help="Only events from this site.")
@click.option("--source", metavar="TABLE", help="Only events from this source table.")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Events; 0 = all."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    help="[default: table]",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@pass_session
def events(session: Session, /, form: Format | None, out: Path | None, **filters: Any) -> None:
    """List events by code, subject or time; as table, CSV or Parquet."""
    wanted = Wanted(**filters)
    form = _format(session, form, out)
    with session.view("events") as view:
        batches = read(view, wanted, plain=form != "parquet")
        if out is not None:
            rows = _write_file(batches, form, out)
            session.show({"file": str(out), "rows": rows}, _file_page)
        elif form == "table":
            _write_table(batches)
        else:
            _write_text(batches, form, sys.stdout)


def _format(session: Session, form: Format | None, out: Path | None) -> Format:
    """Return the form: as said, as the file's name ends, or as --json asks."""
    by_name: dict[str, Format] = {".csv": "csv", ".json": "json", ".parquet": "parquet"}
    chosen: Format = form or (by_name.get(out.suffix.lower(), "csv") if out else "table")
    if session.json and out is None:
        chosen = "json"
    if chosen == "parquet" and out is None:
        raise WrongUse("Parquet goes to a file", next="Name it: --out FILE.parquet")
    if chosen == "table" and out is not None:
        raise WrongUse("a table is for the screen", next="Choose --format csv, json or parquet.")
    return chosen


def read(view: View, wanted: Wanted, *, plain: bool) -> Iterator[pa.RecordBatch]:
    """Stream the events wanted, in the order they are stored; `plain` as text writes them.

    What can be wrong with the question is found before the first batch is handed out.
    """
    query = _query(view, wanted)
    result = view.con.sql(query.sql(wanted.limit, plain=plain), params=query.parameters)
    batches = iter(result.to_arrow_reader(_BATCH))
    return chain(list(islice(batches, 1)), batches)


def _query(view: View, wanted: Wanted) -> _Query:
    query = _Query()
    if wanted.subject is not None:
        refuse_unknown_subject(view, wanted.subject)
        query.also(
            "shard_group = $shard_group AND shard = $shard AND subject_id = $subject",
            **place_of(view, wanted.subject),
        )
    if wanted.codes:
        # One subject's rows lie together in the one order, one code's rows in the other.
        query.table = "events" if wanted.subject is not None else "events_by_code"
        names = [name for code in wanted.codes for name in _resolve(view, code)]
        listed = {f"code{n}": name for n, name in enumerate(dict.fromkeys(names))}
        query.also(f"code IN ({', '.join(f'${name}' for name in listed)})", **listed)
    if wanted.start is not None:
        query.also("time >= $start", start=wanted.start)
    if wanted.end is not None:
        query.also("time < $until", until=wanted.end)
    for column, value in (("site_id", wanted.site), ("source", wanted.source)):
        if value is not None:
            query.also(f"{column} = ${column}", **{column: value})
    return query


def _resolve(view: View, code: str) -> list[str]:
    """Return the codes a word stands for: itself, or all that fit its `*`."""
    found = view.rows("SELECT code FROM codes WHERE code = ?", [code])
    if not found and "*" in code:
        pattern = code.replace("!", "!!").replace("%", "!%").replace("_", "!_").replace("*", "%")
        found = view.rows(
            "SELECT code FROM codes WHERE code LIKE ? ESCAPE '!' ORDER BY 1", [pattern]
        )
    if not found:
        raise unknown_code(view, code)
    return [row[0] for row in found]


def _write_table(batches: Iterator[pa.RecordBatch]) -> None:
    from biolake.cli.pages import write_long

    columns = [">subject", "time", "code", ">value", "unit", "source"]
    rows = (_shown(row) for batch in batches for row in batch.to_pylist())
    if not write_long(columns, rows):
        click.echo("No event fits.", err=True)


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    value = row["text_value"] if row["numeric_value"] is None else row["numeric_value"]
    time = (row["time"] or "always").replace("T", " ")
    return str(row["subject_id"]), time, row["code"], value, row["unit"], row["source"]


def _write_file(batches: Iterator[pa.RecordBatch], form: Format, out: Path) -> int:
    """Write a file that appears under its name only when it is whole."""
    part = out.with_name(f".{out.name}.part")
    try:
        if form == "parquet":
            rows = _write_parquet(batches, part)
        else:
            with part.open("w", encoding="utf-8", newline="") as stream:
                rows = _write_text(batches, form, stream)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write_parquet(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from biolake.core.schema import EVENTS

    fields = [EVENTS.field(name.strip()) for name in COLUMNS.split(",")]
    schema = pa.schema([field.with_nullable(True) for field in fields])
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
            rows += batch.num_rows
    return rows


def _write_text(batches: Iterator[pa.RecordBatch], form: Format, stream: Any) -> int:
    return _write_csv(batches, stream) if form == "csv" else _write_json(batches, stream)


def _write_csv(batches: Iterator[pa.RecordBatch], stream: Any) -> int:
    rows = 0
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(name.strip() for name in COLUMNS.split(","))
    for batch in batches:
        writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        rows += batch.num_rows
    return rows


def _write_json(batches: Iterator[pa.RecordBatch], stream: Any) -> int:
    """Write the envelope row by row, so that its length does not matter."""
    rows, comma = 0, ""
    stream.write('{"ok": true, "data": {"events": [')
    for batch in batches:
        texts = [json.dumps(row, ensure_ascii=False) for row in batch.to_pylist()]
        stream.write(comma + "\n" + ",\n".join(texts) if texts else "")
        comma = "," if texts else comma
        rows += batch.num_rows
    stream.write(f'\n], "rows": {rows}}}}}\n')
    return rows


def _file_page(data: dict[str, Any]) -> Iterator[str]:
    from biolake.cli.pages import counted

    yield f"Wrote {counted(data['rows'], 'event')} to {data['file']}."
