"""Files that describe codes: descriptions and parents."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from biolake.core.reading import Chunk, Tally
from biolake.core.schema import MAPPED_CODES
from biolake.ingest.mapping.columns import Source, typed
from biolake.ingest.mapping.definition import CodeRule, Mapping
from biolake.ingest.mapping.engine import identifier
from biolake.ingest.mapping.expressions import Expressions, Scope
from biolake.ingest.mapping.files import stem_of
from biolake.ingest.mapping.tables import (
    Counted,
    check_count,
    forget_rejects,
    stream,
    structural_rejects,
)
from biolake.ingest.mapping.values import Output, Values


def read_codes(
    rule: CodeRule, mapping: Mapping, counted: Counted, connection: duckdb.DuckDBPyConnection
) -> Iterator[Chunk]:
    """Yield the codes of one file; rows without a code are skipped."""
    file = counted.source.file
    table = f"codes/{stem_of(file.name)}"
    forget_rejects(connection)
    seen = 0
    values, outputs = code_values(rule, mapping, counted.source, connection)
    values.add_all(outputs)
    for batch in stream(_codes_query(values), values, counted):
        seen += batch.num_rows
        codes = pa.Table.from_batches([batch]).filter(batch.column("code").is_valid())
        tally = Tally(rows=batch.num_rows, part_rows=codes.num_rows)
        if codes.num_rows < batch.num_rows:
            tally.skipped["no code"] = batch.num_rows - codes.num_rows
        yield Chunk(file, table, tally, codes=codes.cast(MAPPED_CODES))
    rejects = structural_rejects(connection, counted)
    check_count(seen, rejects, counted)
    yield Chunk(file, table, Tally(rows=len(rejects), rejects=rejects))


def code_values(
    rule: CodeRule, mapping: Mapping, source: Source, connection: duckdb.DuckDBPyConnection
) -> tuple[Values, list[Output]]:
    """Return the row's values and the expressions of a file of codes."""
    relation = typed(source, rule.columns, rule.options, mapping.clock)
    columns = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in relation.values.items())
    rows = f"(SELECT {columns} FROM {source.sql} AS raw) AS src"  # noqa: S608 - names are quoted
    values = Values(rows, Scope(relation.names), Expressions(), connection, mapping.clock)
    outputs = [Output("code", rule.code, "key text")]
    if rule.description:
        outputs.append(Output("description", rule.description, "text"))
    parents = enumerate(rule.parents)
    outputs += [Output(f"parent{number}", parent, "key text") for number, parent in parents]
    return values, outputs


def _codes_query(values: Values) -> str:
    """Write the query that gives code, description and parents of every row."""
    sql = values.sql
    parents = ", ".join(text for name, text in sql.items() if name.startswith("parent"))
    description = sql.get("description", "NULL")
    return f"""SELECT {sql["code"]} AS code, {description}::VARCHAR AS description,
        list_filter([{parents}]::VARCHAR[], lambda p: p IS NOT NULL) AS parent_codes
        FROM {values.rows}"""  # noqa: S608 - names are quoted
