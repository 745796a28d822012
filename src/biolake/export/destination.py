"""Where an export goes: a folder that is complete or not there at all, and what was written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote: its files, the events in them, and what the reader must know."""

    files: tuple[Path, ...]
    rows: int
    notes: tuple[str, ...] = ()


def report(folder: Path, out: Path, rows: int, notes: tuple[str, ...]) -> ExportReport:
    """Report what lies in the unfinished folder under the names it will have."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return ExportReport(tuple(out / name for name in names), rows, notes)


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


class TableFile:
    """A Parquet or CSV file (by its name) that rows are appended to; empty if none were."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.rows = path, 0
        self._schema = schema
        self._writer: _Writer = (
            pacsv.CSVWriter(path, schema)
            if path.suffix == ".csv"
            else pq.ParquetWriter(path, schema, compression="zstd")
        )

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        if table.num_rows:
            self._writer.write_table(table.select(self._schema.names).cast(self._schema))
            self.rows += table.num_rows

    def __enter__(self) -> TableFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
