"""The DuckDB connection that reads a source: nothing outside the source and scratch is in reach."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from biolake.core.reading import ReadContext


def quoted(text: str) -> str:
    """Return an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def connect(context: ReadContext, folders: Iterable[Path]) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that can read the folders given and spill to scratch."""
    context.scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    scratch = context.scratch.absolute()
    allowed = ", ".join(quoted(f"{folder}/") for folder in [*folders, scratch])
    for setting in (
        f"threads = {context.threads}",
        "memory_limit = '1GB'",
        f"temp_directory = {quoted(str(scratch / 'duckdb'))}",
        "preserve_insertion_order = true",
        # The row is always the probe side of a look-up: its order is the file's order.
        "disabled_optimizers = 'join_order,build_side_probe_side'",
        "TimeZone = 'UTC'",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_directories = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection
