"""Files of one JSON object a line (NDJSON, JSON Lines) as SQL relations of text columns.

Lines are cut by the CSV parser, with a mark that no JSON text holds in place of a comma: a line
that is broken is one row, of which the others know nothing.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.ingest.mapping.engine import identifier, quoted

LONGEST_ROW = 32 << 20  # bytes of one line, and of a row of a table with notes
JSON_KIND = identifier("biolake json")
BROKEN, BLANK, OBJECT = 0, 1, 2
_MOST_NAMES = 2_000
_MARK = "chr(1) || chr(2) || chr(1) || chr(3)"  # control characters are never plain in JSON


def json_names(
    file: SourceFile, path: Path, connection: duckdb.DuckDBPyConnection
) -> tuple[str, ...]:
    """Return the names in all objects of a file, those of the first object first."""
    keys = f"SELECT json_keys(line) AS names FROM ({_judged(path)}) WHERE kind = {OBJECT}"  # noqa: S608 - the path is quoted
    try:
        first = connection.execute(f"{keys} LIMIT 1").fetchone()
        rows = connection.execute(
            f"SELECT DISTINCT unnest(names) FROM ({keys}) LIMIT {_MOST_NAMES + 1}"  # noqa: S608 - the path is quoted
        ).fetchall()
    except duckdb.Error as error:
        kind = type(error).__name__.removesuffix("Exception")
        raise SourceUnreadable(f"the file cannot be read ({kind})", where=file.name) from None
    if not first:
        raise SourceUnreadable("no line holds a JSON object", where=file.name)
    if len(rows) > _MOST_NAMES:
        raise SourceUnreadable(f"its objects have over {_MOST_NAMES} names", where=file.name)
    return tuple(dict.fromkeys([*first[0], *sorted(str(row[0]) for row in rows)]))


def json_lines(path: Path, names: tuple[str, ...], nulls: tuple[str, ...]) -> str:
    """Return the SQL of a file's rows: a text column a name, and what kind of line each is.

    An object or a list inside is its JSON text. The first of two equal names in an object counts.
    """
    pointers = ", ".join(quoted(f"/{n.replace('~', '~0').replace('/', '~1')}") for n in names)
    empty = ", ".join(quoted(text) for text in nulls)
    columns = ", ".join(
        f"CASE WHEN found[{number}] NOT IN ({empty}) THEN found[{number}] END AS {identifier(name)}"
        for number, name in enumerate(names, 1)
    )
    found = f"CASE WHEN kind = {OBJECT} THEN json_extract_string(line, [{pointers}]) END AS found"
    return f"""(SELECT {columns}, kind AS {JSON_KIND}
        FROM (SELECT {found}, kind FROM ({_judged(path)})))"""  # noqa: S608 - names are quoted


def _judged(path: Path) -> str:
    packed = "gzip" if path.name.lower().endswith(".gz") else "none"
    return f"""SELECT line, CASE WHEN NOT coalesce(regexp_matches(line, '\\S'), false) THEN {BLANK}
        WHEN NOT json_valid(line) THEN {BROKEN}
        WHEN json_type(line) = 'OBJECT' THEN {OBJECT} ELSE {BROKEN} END AS kind
        FROM read_csv({quoted(str(path))}, auto_detect = false, header = false, delim = {_MARK},
            quote = '', escape = '', comment = '', nullstr = [''],
            columns = {{line: 'VARCHAR'}}, compression = '{packed}', strict_mode = false,
            ignore_errors = true, store_rejects = true, rejects_limit = 0,
            max_line_size = {LONGEST_ROW}, buffer_size = {2 * LONGEST_ROW})"""  # noqa: S608 - the path is quoted
