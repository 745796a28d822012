"""A vocabulary release on disk: its concept tables, CSV (tab or comma) or Parquet, any case."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from biolake.core.errors import SourceUnreadable

TABLES = ("concept", "concept_ancestor", "concept_relationship")


def read_vocabulary(folder: Path) -> dict[str, pa.Table]:
    """Read the concept tables of a folder, as Athena delivers them or as Parquet."""
    files = {path.stem.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    con = duckdb.connect()
    found = {name: _read(con, files[name]) for name in TABLES if name in files}
    if "concept" not in found:
        raise SourceUnreadable(
            "there is no concept table here", where=str(folder), next="Look for CONCEPT.csv."
        )
    return found


def _read(con: duckdb.DuckDBPyConnection, path: Path) -> pa.Table:
    if path.suffix.lower() == ".parquet":
        return con.sql("SELECT * FROM read_parquet(?)", params=[str(path)]).to_arrow_table()
    with path.open(encoding="utf-8") as stream:
        delimiter = "\t" if "\t" in stream.readline() else ","
    return con.sql(
        "SELECT * FROM read_csv(?, delim = ?, header = true, quote = '')",
        params=[str(path), delimiter],
    ).to_arrow_table()
