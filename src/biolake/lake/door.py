"""The one door: every read of subject-level data opens a view of one commit here.

A view pins one commit, so what it shows never moves. It names who reads and why; what consent,
modality and row filters will add is compiled into the SQL of these views and nowhere else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from biolake.core import schema
from biolake.core.errors import LakeDamaged
from biolake.lake.commits import Commit
from biolake.lake.lake import Lake
from biolake.lake.store import S3Store

TABLES: dict[str, pa.Schema] = {
    "events": schema.EVENTS,
    "events_by_code": schema.EVENTS_BY_CODE,
    "codes": schema.CODES,
    "subjects": schema.SUBJECTS,
    "encounters": schema.ENCOUNTERS,
    "loads": schema.LOADS,
    "quarantine": schema.QUARANTINE,
    "quality": schema.QUALITY,
    "sites": schema.SITES,
    "assets": schema.ASSETS,
    "asset_files": schema.ASSET_FILES,
    "embeddings": schema.EMBEDDINGS,
    "models": schema.MODELS,
    "asset_samples": schema.ASSET_SAMPLES,
    "samples": schema.SAMPLES,
    "spans": schema.SPANS,
    "variants": schema.VARIANTS,
    "variant_annotations": schema.VARIANT_ANNOTATIONS,
    "terminologies": schema.TERMINOLOGIES,
    "terms": schema.TERMS,
    "term_maps": schema.TERM_MAPS,
}


@dataclass(frozen=True)
class Access:
    """Who reads, and for what purpose."""

    actor: str = "local"
    purpose: str = "operation"


@dataclass(frozen=True)
class View:
    """One commit of a lake as SQL tables; `con` is a DuckDB connection private to this view."""

    lake: Lake
    commit: Commit
    con: duckdb.DuckDBPyConnection
    access: Access

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(parameters)).fetchall()

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        return self.con.sql(sql, params=list(parameters)).to_arrow_table()

    def paths(self, table: str, groups: Sequence[int] | None = None) -> list[str]:
        state = self.commit.tables.get(table)
        if state is None:
            return []
        files = state.files if groups is None else state.in_groups(groups)
        return [self.lake.store.uri(file.path) for file in files]


@contextmanager
def open_view(
    lake: Lake, at: int | Commit | None = None, *, access: Access | None = None, threads: int = 2
) -> Iterator[View]:
    """Open the tables of one commit for reading, as SQL views named like the tables."""
    commit = at if isinstance(at, Commit) else lake.commit(at)
    sizes = {file.path: file.size for state in commit.tables.values() for file in state.files}
    con = connect(lake, threads=threads, sizes=sizes)
    view = View(lake, commit, con, access or Access())
    try:
        for name, columns in TABLES.items():
            con.execute(view_sql(name, columns, view.paths(name)))
        yield view
    except (duckdb.Error, pa.ArrowException, OSError):
        _refuse_missing_file(view)
        raise
    finally:
        con.close()


def _refuse_missing_file(view: View) -> None:
    """Say so if a read failed because a file of its commit is gone."""
    store = view.lake.store
    for name in TABLES:
        state = view.commit.tables.get(name)
        for file in state.files if state else ():
            if not store.exists(file.path):
                raise LakeDamaged(
                    f"a file of commit {view.commit.number} is gone: it was removed while it was"
                    " read (a subject was forgotten?), or the lake is damaged",
                    where=store.uri(file.path),
                    next="Run the command again; if this comes back: biolake verify",
                ) from None


def connect(
    lake: Lake, *, threads: int = 2, memory: str = "1GB", sizes: Mapping[str, int] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB connection that can read the lake's files and nothing it must install.

    In a bucket a file whose size is given, by key, is read without asking for it first.
    """
    con = duckdb.connect(":memory:")
    con.execute(f"SET threads = {int(threads)}")
    con.execute(f"SET memory_limit = '{memory}'")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET parquet_metadata_cache = true")
    # What a query spills is subject data: it stays where the lake is, not in the working folder.
    con.execute(f"SET temp_directory = '{_spill_folder(lake)}'")
    con.execute("SET TimeZone = 'UTC'")
    if isinstance(lake.store, S3Store):
        from biolake.lake.ranged import BucketFiles

        con.register_filesystem(BucketFiles(lake.store, sizes or {}))
    return con


def _spill_folder(lake: Lake) -> str:
    home = tempfile.gettempdir() if lake.root.startswith("s3://") else f"{lake.root}/scratch"
    return f"{home}/duckdb-{os.getpid()}".replace("'", "''")


def view_sql(name: str, columns: pa.Schema, paths: Sequence[str]) -> str:
    """Return the SQL that makes one table a view: its columns named and typed, even when empty."""
    typed = ", ".join(f'CAST(NULL AS {_sql_type(f.type)}) AS "{f.name}"' for f in columns)
    if not paths:
        return f'CREATE VIEW "{name}" AS SELECT {typed} WHERE false'
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    names = ", ".join(f'"{field.name}"' for field in columns)
    partitioned = "shard_group" in columns.names
    hive = (
        "hive_partitioning = true, hive_types = {'shard_group': INTEGER}"
        if partitioned
        else "hive_partitioning = false"
    )
    files = f"read_parquet([{listed}], {hive})"
    return f'CREATE VIEW "{name}" AS SELECT {names} FROM {files}'  # noqa: S608 - names are ours


def _sql_type(kind: pa.DataType) -> str:
    names = {
        pa.int16(): "SMALLINT",
        pa.int32(): "INTEGER",
        pa.int64(): "BIGINT",
        pa.float32(): "FLOAT",
        pa.float64(): "DOUBLE",
        pa.string(): "VARCHAR",
        pa.bool_(): "BOOLEAN",
        schema.MICROSECONDS: "TIMESTAMP",
        pa.list_(pa.string()): "VARCHAR[]",
        pa.list_(pa.int64()): "BIGINT[]",
        pa.list_(pa.float32()): "FLOAT[]",
    }
    return names[kind]
