"""Parquet files of the lake: written once, hashed, then never changed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake.core.hashing import content_hash
from biolake.lake.commits import StoredFile
from biolake.lake.store import Store

_MODULUS = 1 << 64
_DELTAS = ("time",)  # sorted within a subject: differences are small
_LISTED = pa.types.is_list


class TableFile:
    """One Parquet file being written; `finish` gives its entry for the commit."""

    def __init__(self, scratch: Path, schema: pa.Schema, *, plain: Sequence[str] = ()) -> None:
        self._names = [name for name in schema.names if name != "shard_group"]
        self._plain = {*plain, *_DELTAS}
        self._path = scratch / f"{secrets.token_hex(8)}.parquet"
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0
        self.row_hash = 0

    def write(self, table: pa.Table, hashes: np.ndarray | None = None) -> None:
        """Append one row group; `hashes` are the content hashes of its rows, if already known."""
        table = table.select(self._names)
        if hashes is None:
            hashes = content_hash(hashable(table), hashable(table).column_names)
        if self._writer is None:
            self._writer = self._open(table.schema)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self.rows += table.num_rows
        self.row_hash = (self.row_hash + total(hashes)) % _MODULUS

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        deltas = {name: "DELTA_BINARY_PACKED" for name in _DELTAS if name in schema.names}
        return pq.ParquetWriter(
            self._path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name not in self._plain],
            column_encoding=deltas or None,
            store_schema=False,
        )

    def finish(self, store: Store, table: str, name: str, group: int | None) -> StoredFile:
        """Close the file, hash it, move it into the store."""
        if self._writer is not None:
            self._writer.close()
        folder = table if group is None else f"{table}/shard_group={group}"
        key = f"{folder}/{name}-{secrets.token_hex(4)}.parquet"
        size, digest = self._path.stat().st_size, sha256_of(self._path)
        store.upload(self._path, key)
        return StoredFile(key, size, digest, self.rows, self.row_hash, group)


def hashable(table: pa.Table) -> pa.Table:
    """Return the table with lists and bytes as text, and without keys that only one order holds."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        column = table[name]
        if name in ("row_key", "shard_group"):
            continue
        if _LISTED(column.type):
            texts = [None if v is None else "\x1f".join(v) for v in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, pa.string())])
        elif pa.types.is_fixed_size_binary(column.type):
            column = pa.chunked_array(
                [pa.array([v.hex() for v in column.to_pylist()], pa.string())]
            )
        columns[name] = column
    return pa.table(columns)


def total(hashes: np.ndarray) -> int:
    """Return the sum of row hashes mod 2^64: the same for the same rows in any order."""
    return int(hashes.view(np.uint64).sum(dtype=np.uint64)) if len(hashes) else 0


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_table(
    store: Store, scratch: Path, name: str, rows: pa.Table, schema: pa.Schema, label: str
) -> list[StoredFile]:
    """Write a small table: one file, or one a shard group where the table is partitioned."""
    rows = rows.cast(schema) if rows.schema != schema else rows
    if "shard_group" not in schema.names:
        return [_write_one(store, scratch, name, rows, schema, label, None)] if len(rows) else []
    groups = rows["shard_group"].to_numpy()
    return [
        _write_one(store, scratch, name, rows.filter(pa.array(groups == g)), schema, label, int(g))
        for g in np.unique(groups)
    ]


def _write_one(
    store: Store,
    scratch: Path,
    name: str,
    rows: pa.Table,
    schema: pa.Schema,
    label: str,
    group: int | None,
) -> StoredFile:
    file = TableFile(scratch, schema)
    for start in range(0, rows.num_rows, 1 << 17):
        file.write(rows.slice(start, 1 << 17))
    return file.finish(store, name, label, group)
