"""A source file as an SQL relation: its header, and its values in their declared types."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from biolake.core.errors import MappingInvalid, SourceUnreadable, did_you_mean
from biolake.core.reading import Clock, SourceFile
from biolake.core.yaml_positions import Where
from biolake.ingest.mapping.definition import Column, Options
from biolake.ingest.mapping.engine import identifier, quoted
from biolake.ingest.mapping.files import LINES
from biolake.ingest.mapping.json_lines import (
    BLANK,
    BROKEN,
    JSON_KIND,
    LONGEST_ROW,
    json_lines,
    json_names,
)
from biolake.ingest.mapping.records import LONGEST_RECORD, blocks_of

_LONGEST_HEADER = 1 << 20
_INTEGER = r"\s*[+-]?[0-9]+(\.0*)?\s*"
_DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_MOMENT = rf"\s*{_DAY}([ T][0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,9}})?)?)?\s*"
_OFFSET = r"( ?UTC|[Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"  # none was ever beyond 15:13
_MIDNIGHT = rf"\s*{_DAY}([ T]00:00(:00(\.0+)?)?)?\s*"


@dataclass(frozen=True)
class Source:
    """One data file: its column names in order, and the SQL that reads them."""

    file: SourceFile
    names: tuple[str, ...]
    sql: str
    native: dict[str, str]  # Parquet: column → DuckDB type; empty for text
    delimiter: str = ","
    quote: str = '"'
    longest: int = LONGEST_RECORD
    is_lines: bool = False  # a JSON object a line

    @property
    def first_row(self) -> int:
        """Return the number of the first row: a header is row 1."""
        return 1 if self.is_lines else 2

    @property
    def is_text(self) -> bool:
        return not self.native


def open_source(
    file: SourceFile, options: Options, connection: duckdb.DuckDBPyConnection, scratch: Path
) -> Source:
    """Read a file's header and say how to read the rest."""
    path = _reachable(file.path, scratch)
    if file.name.lower().endswith(".parquet"):
        return _parquet(file, path, connection)
    if file.name.lower().endswith(LINES):
        names = json_names(file, path, connection)
        sql = json_lines(path, _checked(names, file), options.nulls)
        return Source(file, names, sql, {}, longest=LONGEST_ROW, is_lines=True)
    delimiter = options.delimiter or ("\t" if ".tsv" in file.name.lower()[-7:] else ",")
    names = _header(file, delimiter, options.quote)
    sql = _read_csv(path, names, delimiter, options)
    longest = LONGEST_ROW if options.long_records else LONGEST_RECORD
    return Source(file, names, sql, {}, delimiter, options.quote, longest)


def _reachable(path: Path, scratch: Path) -> Path:
    """Return a path without the characters that DuckDB takes for a pattern, or not for text."""
    if not re.search("[*?\\[\\]\ud800-\udfff]", str(path)):
        return path
    suffix = "".join(path.suffixes[-2:]).lower()
    safe = scratch.absolute() / f"source-{abs(hash(str(path)))}{suffix}"
    if not safe.exists():
        safe.symlink_to(path.resolve())
    return safe


def _header(file: SourceFile, delimiter: str, quote: str) -> tuple[str, ...]:
    head = b""
    for block in blocks_of(file, _LONGEST_HEADER):
        head += block
        if len(head) >= _LONGEST_HEADER:
            break
    if not head:
        raise SourceUnreadable("the file is empty, without even a header", where=file.name)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceUnreadable(
            "the file is UTF-16", where=file.name, next="Save it as UTF-8 and try again."
        )
    # Latin-1 cuts nothing in two: the header's own bytes are judged once they are found.
    text = io.StringIO(head.removeprefix(b"\xef\xbb\xbf").decode("latin-1"), newline="")
    try:
        row = next(csv.reader(text, delimiter=delimiter, quotechar=quote, strict=True), [])
        names = tuple(name.encode("latin-1").decode("utf-8").strip() for name in row)
    except (csv.Error, UnicodeDecodeError):
        raise SourceUnreadable("the header is not readable text", where=file.name) from None
    return _checked(names, file)


def _checked(names: tuple[str, ...], file: SourceFile) -> tuple[str, ...]:
    if not any(names):
        raise SourceUnreadable("the first line is no header", where=file.name)
    named = tuple(name or f"column{number}" for number, name in enumerate(names, 1))
    seen: set[str] = set()
    for name in named:
        if name.lower() in seen:
            raise SourceUnreadable(f"two columns are named '{name}'", where=file.name)
        seen.add(name.lower())
    return named


def _read_csv(path: Path, names: tuple[str, ...], delimiter: str, options: Options) -> str:
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    nulls = ", ".join(quoted(text) for text in options.nulls)
    packed = "gzip" if path.name.lower().endswith(".gz") else "none"
    longest = f", max_line_size = {LONGEST_ROW}, buffer_size = {2 * LONGEST_ROW}"
    return f"""read_csv({quoted(str(path))}, auto_detect = false, header = true,
        delim = {quoted(delimiter)}, quote = {quoted(options.quote)},
        escape = {quoted(options.quote)}, comment = '', nullstr = [{nulls}],
        columns = {{{columns}}}, compression = '{packed}', strict_mode = true,
        ignore_errors = true, store_rejects = true, rejects_limit = 0
        {longest if options.long_records else ""})"""


def _parquet(file: SourceFile, path: Path, connection: duckdb.DuckDBPyConnection) -> Source:
    sql = f"read_parquet({quoted(str(path))}, hive_partitioning = false)"
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {sql}").fetchall()  # noqa: S608 - the path is quoted
    except duckdb.Error:
        raise SourceUnreadable("this is not a readable Parquet file", where=file.name) from None
    names = _checked(tuple(str(row[0]) for row in rows), file)
    return Source(file, names, sql, {str(row[0]): str(row[1]) for row in rows})


def parquet_size(file: SourceFile) -> tuple[int, int]:
    """Return the rows and the unpacked bytes that a Parquet file's footer states."""
    footer = pq.read_metadata(file.path)
    groups = range(footer.num_row_groups)
    return int(footer.num_rows), sum(footer.row_group(n).total_byte_size for n in groups)


@dataclass(frozen=True)
class Misfit:
    """A way in which a value can fail its declared type."""

    column: str
    reason: str
    condition: str
    skipped: bool = False  # no fault: such a row is left out


@dataclass(frozen=True)
class Relation:
    """The rows of a file with declared types: SQL with columns `names`, and the misfits to check.

    `raw` gives every column as text. In the SQL, typed columns are named as in the header.
    """

    names: dict[str, str]  # lower-case name → name
    values: dict[str, str]  # name → SQL over `raw`
    texts: dict[str, str]  # name → SQL of its text over `raw`
    types: dict[str, str]
    misfits: tuple[Misfit, ...]


def typed(source: Source, columns: tuple[Column, ...], options: Options, clock: Clock) -> Relation:
    """Give every column its declared type, or text."""
    names = {name.lower(): name for name in source.names}
    declared = {column_named(column.name, source, column.where): column for column in columns}
    values: dict[str, str] = {}
    misfits: list[Misfit] = []
    if source.is_lines:
        misfits.append(Misfit("", "a blank line", f"raw.{JSON_KIND} = {BLANK}", skipped=True))
        misfits.append(Misfit("", "not a JSON object", f"raw.{JSON_KIND} = {BROKEN}"))
    for name in source.names:
        column = declared.get(name)
        kind = column.type if column else "VARCHAR"
        if source.is_text:
            values[name], found = _from_text(name, kind, options, clock)
        else:
            where = str(column.where) if column else source.file.name
            values[name], found = _from_native(name, source.native[name], kind, clock, where)
        misfits.extend(found)
    types = {name: declared[name].type if name in declared else "VARCHAR" for name in values}
    texts = {name: _text(name, source) for name in source.names}
    return Relation(names, values, texts, types, tuple(misfits))


def _text(name: str, source: Source) -> str:
    raw = f"raw.{identifier(name)}"
    return raw if source.is_text else f"CAST({raw} AS VARCHAR)"


def column_named(name: str, source: Source, where: Where) -> str:
    """Return a column's name as the file writes it, or refuse a name that it has not."""
    names = {known.lower(): known for known in source.names}
    if name.lower() in names:
        return names[name.lower()]
    next = f"Its columns: {', '.join(source.names)}."
    if len(names) == 1:
        next += " Only one: is options.delimiter right?"
    raise MappingInvalid(
        f"'{source.file.name}' has no column '{name}'.{did_you_mean(name.lower(), names)}",
        where=str(where),
        next=next,
    )


def _from_text(
    name: str, kind: str, options: Options, clock: Clock
) -> tuple[str, tuple[Misfit, ...]]:
    raw = f"raw.{identifier(name)}"
    value = f"TRY_CAST({raw} AS {kind})"
    wrong = f"{raw} IS NOT NULL AND {value} IS NULL"
    if kind == "VARCHAR":
        return raw, ()
    if kind == "TIMESTAMP":
        return _moment(name, raw, options, clock)
    if kind == "BIGINT":
        # The cast rounds 1.5 and reads 1e3: only a plain integer is one.
        misfit = f"""CASE WHEN {raw} IS NULL THEN false WHEN {value} IS NULL THEN true
            WHEN {value}::VARCHAR = {raw} THEN false
            ELSE NOT regexp_full_match({raw}, {quoted(_INTEGER)}) END"""
    elif kind == "DOUBLE":
        misfit = f"""CASE WHEN {raw} IS NULL THEN false
            ELSE coalesce(NOT isfinite({value}), true) OR contains({raw}, '_') END"""
    elif kind == "DATE":
        misfit = f"({wrong}) OR NOT regexp_full_match({raw}, {quoted(_MIDNIGHT)})"
        if options.time_formats:
            value = f"CAST({_parsed(raw, options)} AS DATE)"
            misfit = f"{raw} IS NOT NULL AND {value} IS NULL"
    else:
        misfit = wrong
    return value, (Misfit(name, f"not a {kind}", misfit),)


def _parsed(raw: str, options: Options) -> str:
    formats = ", ".join(quoted(text) for text in options.time_formats)
    return f"try_strptime({raw}, [{formats}])"


def _moment(name: str, raw: str, options: Options, clock: Clock) -> tuple[str, tuple[Misfit, ...]]:
    if options.time_formats:
        value = _parsed(raw, options)
        if any("%z" in text.lower() for text in options.time_formats):
            value = f"({value} AT TIME ZONE 'UTC')"
        wrong = f"{raw} IS NOT NULL AND {value} IS NULL"
        return value, (Misfit(name, "not a TIMESTAMP in the format stated", wrong),)
    plain = f"""(strlen({raw}) = 19 AND {raw}[14] = ':' AND {raw}[17] = ':')"""
    bare = f"({plain} OR regexp_full_match({raw}, {quoted(_MOMENT)}))"
    with_offset = f"regexp_full_match({raw}, {quoted(_MOMENT + _OFFSET)})"
    value = f"TRY_CAST({raw} AS TIMESTAMP)"
    if clock == "utc":
        instant = f"TRY_CAST({raw} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        value = f"CASE WHEN {plain} OR right({raw}, 1) = 'Z' THEN {value} ELSE {instant} END"
        wrong = f"""CASE WHEN {raw} IS NULL THEN false WHEN {value} IS NULL THEN true
            ELSE NOT ({bare} OR {with_offset}) END"""
        return value, (Misfit(name, "not a TIMESTAMP", wrong),)
    wrong = f"CASE WHEN {raw} IS NULL THEN false WHEN {value} IS NULL THEN true ELSE NOT {bare} END"
    # A cast drops the offset in silence, so a time of the local clock must have none.
    offset = f"CASE WHEN {raw} IS NULL OR {bare} THEN false ELSE {with_offset} END"
    reason = "has an offset, but the clock of this mapping is local"
    return value, (Misfit(name, reason, offset), Misfit(name, "not a TIMESTAMP", wrong))


def _from_native(
    name: str, native: str, kind: str, clock: Clock, where: str
) -> tuple[str, tuple[Misfit, ...]]:
    raw = f"raw.{identifier(name)}"
    if native == "VARCHAR":
        return _from_text(name, kind, Options(), clock)
    if native == "TIMESTAMP WITH TIME ZONE" and kind in ("TIMESTAMP", "DATE"):
        if clock == "local":
            raise MappingInvalid(
                f"column '{name}' holds instants with a time zone, but the clock is local",
                where=where,
                next="Say `clock: utc`.",
            )
        raw = f"({raw} AT TIME ZONE 'UTC')"
        native = "TIMESTAMP"
    value = f"TRY_CAST({raw} AS {kind})"
    if kind == "VARCHAR":
        return f"CAST({raw} AS VARCHAR)", ()
    wrong = f"{raw} IS NOT NULL AND ({value} IS NULL OR CAST({value} AS {native}) <> {raw})"
    if kind == "DOUBLE":
        wrong = f"{raw} IS NOT NULL AND NOT coalesce(isfinite({value}), false)"
    return value, (Misfit(name, f"not a {kind}", wrong),)
