"""Rows of the tables `assets` and `asset_files` of one load, kept in the scratch folder until its
end, and the exchange of rows that the load replaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.core.assets import FoundAsset
from biolake.core.schema import ASSETS, MICROSECONDS
from biolake.lake.commits import StoredFile
from biolake.lake.files import TableFile
from biolake.lake.inspection import local_copy
from biolake.lake.linkage import read_parquet
from biolake.lake.transaction import SCHEMAS, Transaction

Row = dict[str, Any]

# A row of `assets` on its way, with the ledger line its event comes from; -1: it is linked later.
SPILL = ASSETS.append(pa.field("origin", pa.int32(), nullable=False))
# What tells a row from the one before it, besides its links.
DESCRIBED = (
    "time", "end_time", "modality", "format", "kind", "seconds", "rate", "channels", "shape",
    "units", "device", "attributes", "files", "bytes", "source_key",
)  # fmt: skip
_BATCH = 4096


def asset_id(hashes: Iterable[str], key: str = "") -> str:
    """Return the id of an asset from the SHA-256 of each of its distinct files.

    With the `key` (source_key) of a text that other subjects' notes may repeat word for word.
    """
    distinct = sorted(set(hashes))
    if len(distinct) == 1 and not key:
        return distinct[0]
    if key:
        distinct.append(f"of {key}")
    return hashlib.sha256("\n".join(distinct).encode()).hexdigest()


def is_text(found: FoundAsset) -> bool:
    """Say whether an asset is one of many that may be alike to the letter ("No change.")."""
    return found.modality == "note" or found.files[0].inside


def described(found: FoundAsset, joined: int = 0) -> Row:
    """Return what a reader says of an asset as columns of its row.

    `joined`: how many files a volume has that came in more than one load; the reader saw a part.
    Raises `TypeError` or `ValueError` where that cannot be stored.
    """
    facts = found.facts
    shape = [int(n) for n in facts.shape]
    if joined and shape and facts.kind == "volume":
        shape[0] = joined
    attributes = json.dumps(
        dict(facts.attributes), sort_keys=True, allow_nan=False, default=_plain_number
    )
    return {
        "modality": found.modality,
        "kind": facts.kind or None,
        "seconds": None if facts.seconds is None else float(facts.seconds),
        "rate": None if facts.rate is None else float(facts.rate),
        "channels": None if facts.channels is None else int(facts.channels),
        "shape": shape or None,
        "units": facts.units or None,
        "device": facts.device or None,
        "attributes": attributes,
    }


def _plain_number(value: object) -> object:
    """Turn NumPy's numbers and arrays into Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(type(value).__name__)


class Spill:
    """Rows written to a scratch file in batches, and read back without a copy in memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self._writer: pa.RecordBatchStreamWriter | None = None
        self.rows = 0

    def add(self, row: Row) -> None:
        for name, column in self._columns.items():
            column.append(row[name])
        self.rows += 1
        if self.rows % _BATCH == 0:
            self._write()

    def _write(self) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self._path), self._schema)
        arrays = [_array(self._columns[f.name], f.type) for f in self._schema]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._columns = {name: [] for name in self._schema.names}

    def table(self) -> pa.Table:
        """Close the file and return all rows."""
        if self.rows % _BATCH:
            self._write()
        if self._writer is None:
            return self._schema.empty_table()
        self._writer.close()
        with pa.memory_map(str(self._path)) as stream:
            return pa.ipc.open_stream(stream).read_all()


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == MICROSECONDS:
        return pa.array(values, pa.int64()).cast(MICROSECONDS)
    return pa.array(values, kind)


def times_as_numbers(table: pa.Table) -> pa.Table:
    """Return rows of `assets` with times as microseconds since 1970."""
    for name in ("time", "end_time"):
        place = table.column_names.index(name)
        column = table[name].cast(MICROSECONDS).cast(pa.int64())
        table = table.set_column(place, name, column)
    return table


def without(tx: Transaction, table: str, gone: Sequence[str], column: str = "asset_id") -> None:
    """Take rows of some assets out of a table: only the files that hold any are written again."""
    values = pa.array(sorted(gone), pa.string())

    def kept(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(pc.is_in(rows[column], value_set=values)))

    if gone:
        exchange(tx, table, [column], lambda rows: pc.is_in(rows[column], value_set=values), kept)


def exchange(
    tx: Transaction,
    table: str,
    columns: Sequence[str],
    touches: Callable[[pa.Table], pa.ChunkedArray],
    change: Callable[[pa.Table], pa.Table],
) -> None:
    """Write those files of a table anew of which `touches`, shown these columns, marks a row."""
    state = tx.base.tables.get(table)
    for file in state.files if state else ():
        if pc.any(touches(read_parquet(tx.lake, file.path, list(columns)))).as_py():
            tx.remove(table, [file])
            tx.add(table, _changed(tx, table, file, change))


def _changed(
    tx: Transaction, table: str, file: StoredFile, change: Callable[[pa.Table], pa.Table]
) -> list[StoredFile]:
    new = TableFile(tx.scratch, SCHEMAS[table])
    for rows in _row_groups(tx, file):
        kept = change(rows)
        if len(kept):
            new.write(kept.cast(SCHEMAS[table]))
    return [new.finish(tx.lake.store, table, tx.label, None)] if new.rows else []


def _row_groups(tx: Transaction, file: StoredFile) -> Iterator[pa.Table]:
    with local_copy(tx.lake, file.path, tx.scratch) as path, pq.ParquetFile(path) as old:
        for number in range(old.num_row_groups):
            yield old.read_row_group(number)
