"""Delta tables under a lake commit: files are added and removed by one transaction a table.

Biolake writes the Parquet files itself (order, row groups, hashes) and records them in the Delta
log, so any Delta reader opens the same tables. The log holds no column statistics: minima and
maxima of identifiers would outlive a forgotten subject.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from urllib.parse import quote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, PostCommitHookProperties, RemoveAction

from biolake.core.errors import LakeBusy, LakeDamaged
from biolake.lake.commits import StoredFile, TableState
from biolake.lake.locking import confirm
from biolake.lake.store import Store

PARTITION = "shard_group"
_KEEP_LOGS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def publish(
    store: Store,
    name: str,
    schema: pa.Schema,
    base: TableState | None,
    adds: Sequence[StoredFile],
    removes: Sequence[StoredFile],
) -> TableState:
    """Add and remove files in one Delta transaction and return the table's new state."""
    confirm(store)
    table = _open(store, name, schema)
    if base is not None and table.version() != base.version:
        table.restore(base.version)  # a load died after this table and before its lake commit
        table = _open(store, name, schema)
    elif base is None and table.file_uris():
        table.restore(0)
        table = _open(store, name, schema)
    partitioned = [PARTITION] if PARTITION in schema.names else None
    table.create_write_transaction(
        [_add(name, file) for file in adds] + [_remove(name, file) for file in removes],
        mode="append",
        schema=_delta_schema(schema),
        partition_by=partitioned,
        post_commithook_properties=_KEEP_LOGS,
    )
    kept = set(removes)
    before = base.files if base is not None else ()
    files = (*(file for file in before if file not in kept), *adds)
    state = TableState(_open(store, name, schema).version(), files)
    _expect_same_files(store, name, state)
    return state


def files_at(store: Store, name: str, version: int) -> set[str]:
    """Return the lake-relative paths of the files Delta lists at a version."""
    table = DeltaTable(store.uri(name), version=version, storage_options=store.options() or None)
    if "deletionVectors" in (table.protocol().writer_features or []):
        raise LakeDamaged(
            "the table uses deletion vectors, which Biolake does not read",
            where=store.uri(name),
            next="Rewrite the table without them with the tool that wrote it.",
        )
    paths = pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist()
    return {f"{name}/{path}" for path in paths}


def _expect_same_files(store: Store, name: str, state: TableState) -> None:
    if files_at(store, name, state.version) != {file.path for file in state.files}:
        raise LakeBusy(
            f"table '{name}' was changed by another process during this load",
            where=store.uri(name),
            next="Nothing was published. Run the same command again.",
        )


def _open(store: Store, name: str, schema: pa.Schema) -> DeltaTable:
    options = store.options() or None
    try:
        return DeltaTable(store.uri(name), storage_options=options)
    except TableNotFoundError:
        return DeltaTable.create(
            store.uri(name),
            _delta_schema(schema),
            partition_by=[PARTITION] if PARTITION in schema.names else None,
            storage_options=options,
        )


def _delta_schema(schema: pa.Schema) -> pa.Schema:
    """Naive microseconds are `timestamp_ntz` in Delta; every column may be null in its schema."""
    return pa.schema([field.with_nullable(True) for field in schema])


def _values(file: StoredFile) -> dict[str, str | None]:
    return {} if file.shard_group is None else {PARTITION: str(file.shard_group)}


def _relative(name: str, file: StoredFile) -> str:
    return quote(file.path.removeprefix(f"{name}/"), safe="/=")


def _add(name: str, file: StoredFile) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(
        _relative(name, file), file.size, _values(file), int(time.time() * 1000), True, stats
    )


def _remove(name: str, file: StoredFile) -> RemoveAction:
    return RemoveAction(
        path=_relative(name, file),
        size=file.size,
        partition_values=_values(file),
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
    )
