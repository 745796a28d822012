"""MEDS 0.4 datasets: a dataset folder, a folder of shards, or one Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from biolake.core import schema
from biolake.core.bounds import FIRST_TIME, LAST_TIME, TOO_LARGE, TOO_SMALL
from biolake.core.catalogue import reader
from biolake.core.errors import SourceUnreadable
from biolake.core.hashing import content_hash
from biolake.core.reading import (
    Chunk,
    ReadContext,
    Reading,
    Reject,
    SourceFile,
    SubjectSystem,
    Tally,
)

LAYOUT, VERSION = "meds", "1"
_NO_YEAR = "a time outside the years 1 to 9999"
BATCH_ROWS = 1 << 17
CODES = "metadata/codes.parquet"
REQUIRED = ("subject_id", "time", "code")
# MEDS column → our column; the row key is the hash of all of these, present or not.
COLUMNS = {
    "subject_id": "subject",
    "time": "time",
    "end_time": "end_time",
    "code": "code",
    "numeric_value": "numeric_value",
    "text_value": "text_value",
    "unit": "unit",
    "encounter_id": "encounter",
}
_TEXT = ("code", "text_value", "unit")
_TIMES = ("time", "end_time")
# What Arrow raises on a damaged file: its own errors, and Python's on names that are no text.
_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, IndexError)


def detect(path: Path) -> bool:
    """Say whether the first Parquet file here has subject_id, time and code."""
    found = [path] if path.is_file() and path.suffix == ".parquet" else []
    if path.is_dir():
        found = _shards(path)[:1]
    try:
        return bool(found) and set(REQUIRED) <= set(pq.read_schema(found[0]).names)
    except _BROKEN:
        return False


@reader("MEDS 0.4 (Parquet)", detect=detect)
def meds(path: Path, context: ReadContext) -> Reading:
    """Read a MEDS dataset, whatever its shards are called; every row is kept, repeats included.

    `unit`, `end_time` and `encounter_id` are kept where a dataset has them; other columns beyond
    the standard are named in the notes and left. Memory holds one batch of 131,072 rows.

    Source: Medical Event Data Standard 0.4 (https://github.com/Medical-Event-Data-Standard/meds).
    """
    shards = _shards(path) if path.is_dir() else [path]
    if not shards:
        raise SourceUnreadable("no Parquet file here", where=path.name)
    root = path if path.is_dir() else path.parent
    files = [_file(root, shard) for shard in shards]
    notes: dict[str, None] = {}
    for file in files:
        notes.update(dict.fromkeys(_inspect(file)))
    if path.is_dir() and (path / CODES).is_file():
        files.append(_file(root, path / CODES))
    if (path / "metadata" / "subject_splits.parquet").is_file():
        notes["subject_splits.parquet is not loaded: splits are made in the lake."] = None
    return Reading(
        layout=LAYOUT,
        layout_hash=f"{LAYOUT}/{VERSION}",
        subjects=SubjectSystem(f"meds:{_dataset_name(path)}", integer=True),
        clock="local",
        files=tuple(files),
        chunks=lambda wanted: _chunks(wanted, context),
        notes=tuple(notes),
    )


def _shards(path: Path) -> list[Path]:
    """List the event files: all below `data/`, or, without it, all but `metadata/`."""
    data = path / "data"
    found = (data if data.is_dir() else path).rglob("*.parquet")
    return sorted(
        each for each in found if each.is_file() and each.relative_to(path).parts[0] != "metadata"
    )


def _file(root: Path, path: Path) -> SourceFile:
    return SourceFile(path, path.relative_to(root).as_posix(), size=path.stat().st_size)


def _dataset_name(path: Path) -> str:
    about = path / "metadata" / "dataset.json"
    try:
        name = json.loads(about.read_bytes()).get("dataset_name") if about.is_file() else None
    except (OSError, ValueError, AttributeError):
        raise SourceUnreadable("not a JSON object", where="metadata/dataset.json") from None
    return name if isinstance(name, str) and name else path.resolve().stem


def _open(file: SourceFile) -> pq.ParquetFile:
    try:
        repeated = {"code", "unit"}.intersection(pq.read_schema(file.path).names)
        return pq.ParquetFile(file.path, read_dictionary=sorted(repeated))
    except _BROKEN:
        raise SourceUnreadable("not a whole Parquet file", where=file.name) from None


def _sources(names: list[str]) -> dict[str, str]:
    """Return our column → the file's column; `value` stands in for numeric_value."""
    found = {ours: theirs for theirs, ours in COLUMNS.items() if theirs in names}
    if "numeric_value" not in found and "value" in names:
        found["numeric_value"] = "value"
    return found


def _inspect(file: SourceFile) -> list[str]:
    """Check the columns of a shard before a row is read; return notes on those not kept."""
    with _open(file) as parquet:
        arrow = parquet.schema_arrow
        missing = [name for name in REQUIRED if name not in arrow.names]
        if missing:
            raise SourceUnreadable(f"not MEDS: no column '{missing[0]}'", where=file.name)
        if len(set(arrow.names)) != len(arrow.names):
            raise SourceUnreadable("two columns have one name", where=file.name)
        sources = _sources(arrow.names)
        for ours, theirs in sources.items():
            _check_type(file, ours, arrow.field(theirs))
        left = [name for name in arrow.names if name not in sources.values()]
        return [
            f"Column '{name}' is not kept."
            for name in left
            if not (name == "table" and _is_constant(parquet, name))
        ]


def _check_type(file: SourceFile, ours: str, field: pa.Field) -> None:
    kind = field.type.value_type if pt.is_dictionary(field.type) else field.type
    if ours in _TIMES:
        good = (pt.is_timestamp(kind) and kind.tz is None) or pt.is_date(kind)
    elif ours == "subject":
        good = pt.is_integer(kind)
    elif ours == "numeric_value":
        good = pt.is_floating(kind) or pt.is_integer(kind)
    else:
        good = pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
        good = good or (ours == "encounter" and pt.is_integer(kind))
    if not good and not pt.is_null(kind):
        raise SourceUnreadable(f"column '{field.name}' is {field.type}", where=file.name)


def _is_constant(parquet: pq.ParquetFile, name: str) -> bool:
    """Say whether the file's statistics show one value only."""
    index = parquet.schema_arrow.names.index(name)
    values = set()
    for group in range(parquet.metadata.num_row_groups):
        statistics = parquet.metadata.row_group(group).column(index).statistics
        if statistics is None or not statistics.has_min_max:
            return False
        values |= {statistics.min, statistics.max}
    return len(values) <= 1


def _chunks(wanted: tuple[SourceFile, ...], context: ReadContext) -> Iterator[Chunk]:
    for file in wanted:
        try:
            yield from _codes(file) if file.name == CODES else _events(file, context)
        except _BROKEN:
            reason = "the file is damaged, or holds a value its column cannot keep"
            raise SourceUnreadable(reason, where=file.name) from None


def _events(file: SourceFile, context: ReadContext) -> Iterator[Chunk]:
    first = 1
    with _open(file) as parquet:
        sources = _sources(parquet.schema_arrow.names)
        for batch in parquet.iter_batches(BATCH_ROWS, columns=list(sources.values())):
            yield _chunk(file, batch, sources, first)
            first += batch.num_rows
            context.progress(file.name, batch.num_rows)


def _chunk(file: SourceFile, batch: pa.RecordBatch, sources: dict[str, str], first: int) -> Chunk:
    """Return one batch of rows; those that lack a subject or a code, or cannot be stored, go."""
    tally = Tally(rows=batch.num_rows)
    good = np.ones(batch.num_rows, dtype=bool)
    for ours in ("subject", "code"):
        column = batch.column(sources[ours])
        null = _is_null(column) & good
        good &= ~null
        name = sources[ours]
        tally.rejects.extend(
            Reject(first + int(row), name, "no value") for row in np.flatnonzero(null)
        )
    for ours, wrong in _beyond(batch, sources):
        name = sources[ours]
        reason = "a number beyond what float32 holds" if ours == "numeric_value" else _NO_YEAR
        tally.rejects.extend(
            Reject(first + int(row), name, reason) for row in np.flatnonzero(wrong & good)
        )
        good &= ~wrong
    tally.event_rows = int(good.sum())
    kept = batch if good.all() else batch.filter(pa.array(good))
    return Chunk(file, "events", tally, events=_mapped(kept, sources), keyed=False)


def _beyond(batch: pa.RecordBatch, sources: dict[str, str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the columns that hold values the lake cannot, and mark the rows of each."""
    for ours in (*_TIMES, "numeric_value"):
        if ours not in sources:
            continue
        column = batch.column(sources[ours])
        if ours == "numeric_value":
            size = pc.abs(column.cast(pa.float64()))
            wrong = pc.or_(
                pc.and_(pc.greater_equal(size, TOO_LARGE), pc.is_finite(size)),
                pc.and_(pc.less_equal(size, TOO_SMALL), pc.greater(size, 0)),
            )
        else:
            whole = column.cast(schema.MICROSECONDS).cast(pa.int64())
            wrong = pc.or_(pc.less(whole, FIRST_TIME), pc.greater(whole, LAST_TIME))
        if pc.any(wrong).as_py():
            yield ours, np.asarray(wrong.fill_null(False))


def _is_null(column: pa.Array) -> np.ndarray:
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    return np.asarray(column.is_null())


def _mapped(batch: pa.RecordBatch, sources: dict[str, str]) -> pa.Table:
    """Return the rows with the columns of `schema.MAPPED`; subject stays an integer."""
    columns, hashed = {}, {}
    for field in schema.MAPPED:
        if field.name == "row_key":
            continue
        theirs = sources.get(field.name)
        given = batch.column(theirs) if theirs else pa.nulls(batch.num_rows, field.type)
        kind = (
            pa.int64() if field.name == "subject" or _is_number(field.name, given) else field.type
        )
        columns[field.name] = given.cast(kind)
        hashed[field.name] = given if pt.is_dictionary(given.type) else columns[field.name]
    columns["row_key"] = pa.array(content_hash(pa.table(hashed), list(hashed)))
    return pa.table(columns)


def _is_number(name: str, column: pa.Array) -> bool:
    return name == "encounter" and pt.is_integer(column.type)


def _codes(file: SourceFile) -> Iterator[Chunk]:
    """Yield what a dataset says about its codes."""
    with _open(file) as parquet:
        names = parquet.schema_arrow.names
        if "code" not in names:
            raise SourceUnreadable("no column 'code'", where=file.name)
        kept = [field for field in schema.MAPPED_CODES if field.name in names]
        first = 1
        for batch in parquet.iter_batches(BATCH_ROWS, columns=[field.name for field in kept]):
            tally = Tally(rows=batch.num_rows)
            null = _is_null(batch.column("code"))
            tally.rejects = [
                Reject(first + int(r), "code", "no value") for r in np.flatnonzero(null)
            ]
            tally.part_rows = batch.num_rows - len(tally.rejects)
            first += batch.num_rows
            table = pa.table(
                {
                    field.name: batch.column(field.name).cast(field.type)
                    if field.name in names
                    else pa.nulls(batch.num_rows, field.type)
                    for field in schema.MAPPED_CODES
                }
            )
            codes = table.filter(pc.is_valid(table["code"])).cast(schema.MAPPED_CODES)
            yield Chunk(file, "codes", tally, codes=codes, keyed=False)
