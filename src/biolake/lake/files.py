"""Parquet files of the lake: written once, hashed, then never changed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.core.hashing import content_hash
from biolake.lake.commits import StoredFile
from biolake.lake.store import Store

_MODULUS = 1 << 64
_GROUP_BYTES = 1 << 27
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
            column = pa.chunked_array([pa.array(_list_texts(column), pa.string())])
        elif pa.types.is_fixed_size_binary(column.type):
            column = pa.chunked_array(
                [pa.array([v.hex() for v in column.to_pylist()], pa.string())]
            )
        columns[name] = column
    return pa.table(columns)


def _list_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return each list as text; numbers enter by their bytes, which is fast for long vectors."""
    kind = column.type.value_type
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        return [None if v is None else "\x1f".join(v) for v in column.to_pylist()]
    texts: list[str | None] = []
    for chunk in column.chunks:
        values = chunk.flatten().to_numpy(zero_copy_only=False)
        lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        pieces = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        digests = (hashlib.blake2b(values[a:b].tobytes(), digest_size=16) for a, b in pieces)
        valid = chunk.is_valid().to_pylist()
        texts += [d.hexdigest() if v else None for d, v in zip(digests, valid, strict=True)]
    return texts


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


def _rows_a_group(rows: pa.Table) -> int:
    """Return how many rows make a row group: rows of long vectors are few."""
    each: int = max(1, rows.nbytes // max(1, rows.num_rows))
    return max(1, min(1 << 17, _GROUP_BYTES // each))


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
    step = _rows_a_group(rows)
    for start in range(0, rows.num_rows, step):
        file.write(rows.slice(start, step))
    return file.finish(store, name, label, group)
