"""The OMOP view a Circe definition runs over: a DuckDB connection with the schema `omop`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import pyarrow as pa

from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.statement import OPTIONAL, Column


class OmopView(Protocol):
    """Tables named as in CDM 5.3 / 5.4 under the schema `omop`, and why a column is not there."""

    @property
    def con(self) -> duckdb.DuckDBPyConnection: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any answer over this view must know."""

    def lacks(self, column: Column) -> str:
        """Return why the column cannot be asked for, or nothing when it can."""


@dataclass(frozen=True)
class OmopTables:
    """OMOP tables as they are given."""

    con: duckdb.DuckDBPyConnection
    columns: frozenset[Column]
    notes: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    def lacks(self, column: Column) -> str:
        if column in self.columns:
            return ""
        given = {one.table for one in self.columns}
        if column.table not in given:
            return self.reasons.get(column.table, "the table is not given")
        return self.reasons.get(str(column), "the table has no such column")


def omop_tables(tables: Mapping[str, pa.Table]) -> OmopTables:
    """View Arrow tables as OMOP; names of tables and columns may be in either case."""
    con = duckdb.connect(":memory:")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    con.execute("CREATE SCHEMA omop")
    columns: set[Column] = set()
    for name, table in tables.items():
        con.register("given", table)
        columns |= show(con, name.lower(), "given", (field.name for field in table.schema), True)
        con.unregister("given")
    return OmopTables(con, frozenset(columns))


def omop_schema(con: duckdb.DuckDBPyConnection, schema: str) -> OmopTables:
    """View the tables of one schema of an open DuckDB connection as OMOP."""
    if schema.lower() == "omop":
        raise CirceRefused("the tables lie where their view must go", next="Rename the schema.")
    con.execute("CREATE SCHEMA IF NOT EXISTS omop")
    sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ?"
    found: dict[str, list[str]] = {}
    for table, column in con.execute(sql, [schema]).fetchall():
        found.setdefault(table, []).append(column)
    columns: set[Column] = set()
    for table, names in found.items():
        columns |= show(con, table.lower(), f'"{schema}"."{table}"', names)
    return OmopTables(con, frozenset(columns))


def show(
    con: duckdb.DuckDBPyConnection,
    table: str,
    relation: str,
    columns: Iterable[str],
    copy: bool = False,
) -> set[Column]:
    """Show a relation as omop.<table>; return the columns it really has.

    Optional columns that it lacks are shown empty, so that one statement fits every data set.
    """
    names = {name.lower() for name in columns}
    empty = [one.name for one in OPTIONAL if one.table == table and one.name not in names]
    shown = "".join(f", CAST(NULL AS BIGINT) AS {name}" for name in empty)
    kind = "TABLE" if copy else "VIEW"
    con.execute(f'CREATE OR REPLACE {kind} omop."{table}" AS SELECT *{shown} FROM {relation}')  # noqa: S608 - a table's own name
    return {Column(table, name) for name in names}
