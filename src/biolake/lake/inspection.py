"""One stored file read whole, row group by row group: its bytes, rows, hash and order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake.core.hashing import content_hash
from biolake.core.keys import SHARDS, shard_of
from biolake.lake.columns import times_to_int
from biolake.lake.commits import StoredFile
from biolake.lake.files import hashable, sha256_of, total
from biolake.lake.lake import Lake
from biolake.lake.ordering import is_sorted

_MODULUS = 1 << 64
_NONE = np.empty(0, dtype=np.int64)


@dataclass
class Seen:
    """What a file was found to hold. `faults` say, without any value, where it is wrong."""

    rows: int = 0
    row_hash: int = 0
    faults: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    subjects: np.ndarray = field(default_factory=lambda: _NONE)  # distinct ids, ascending
    events: np.ndarray = field(default_factory=lambda: _NONE)  # events of each of them


@contextmanager
def local_copy(lake: Lake, key: str, scratch: Path) -> Iterator[Path]:
    """Lend a stored file as a local path; raise `FileNotFoundError` if it is not there."""
    if not lake.root.startswith("s3://"):
        yield Path(lake.store.uri(key))
        return
    path = scratch / "copy.parquet"
    try:
        lake.store.download(key, path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def row_groups(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a file one row group at a time, its strings as dictionaries."""
    schema = pq.read_schema(path)
    strings = [f.name for f in schema if pa.types.is_string(f.type)]
    with pq.ParquetFile(path, read_dictionary=strings) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns, use_threads=False)


def inspect(lake: Lake, table: str, schema: pa.Schema, file: StoredFile, scratch: Path) -> Seen:
    """Check one file against its entry in the commit and against what its table promises."""
    seen = Seen()
    try:
        with local_copy(lake, file.path, scratch) as path:
            _check_bytes(path, file, seen)
            if not seen.faults:
                _check_rows(path, lake, table, schema, file, seen)
    except FileNotFoundError:
        seen.faults.append("the file is missing")
    except (OSError, pa.ArrowException) as error:
        seen.faults.append(f"the file cannot be read ({type(error).__name__})")
    return seen


def _check_bytes(path: Path, file: StoredFile, seen: Seen) -> None:
    size = path.stat().st_size
    if size != file.size:
        seen.faults.append(f"it has {size} bytes; the commit says {file.size}")
    elif sha256_of(path) != file.sha256:
        seen.faults.append("its bytes changed: the SHA-256 is not the commit's")


def _check_rows(
    path: Path, lake: Lake, table: str, schema: pa.Schema, file: StoredFile, seen: Seen
) -> None:
    names = [name for name in schema.names if name != "shard_group"]
    if pq.read_schema(path).names != names:
        seen.faults.append("its columns are not those of the table")
        return
    subjects = _Subjects(table)
    order = _ORDERS.get(table, _NoOrder)()
    for rows in row_groups(path):
        seen.rows += rows.num_rows
        plain = hashable(rows)
        seen.row_hash += total(content_hash(plain, plain.column_names))
        subjects.take(rows)
        order.take(rows)
        if table == "events":
            seen.codes.update(_counted(rows["code"]))
    seen.row_hash %= _MODULUS
    if (seen.rows, seen.row_hash) != (file.rows, file.row_hash):
        seen.faults.append("its rows are not those of the commit (row count or row hash)")
    if not order.kept:
        seen.faults.append("its rows are not in the promised order")
    if file.shard_group is not None:
        seen.subjects, seen.events, shards = subjects.totals()
        seen.faults += _misplaced(lake, file.shard_group, seen.subjects, shards)


def _misplaced(lake: Lake, group: int, ids: np.ndarray, shards: np.ndarray | None) -> list[str]:
    true = np.array([shard_of(i) for i in ids.tolist()], dtype=np.int64)
    faults = []
    if shards is not None and (wrong := int(np.count_nonzero(true != shards))):
        faults.append(f"{wrong} subjects are not in their shard")
    groups = true * lake.shard_groups // SHARDS
    if wrong := int(np.count_nonzero(groups != group)):
        faults.append(f"{wrong} subjects are not in their shard group")
    return faults


def _counted(codes: pa.ChunkedArray) -> Counter[str]:
    found: Counter[str] = Counter()
    for chunk in codes.chunks:
        counts = np.bincount(chunk.indices.to_numpy(), minlength=len(chunk.dictionary))
        pairs = zip(chunk.dictionary.to_pylist(), counts.tolist(), strict=True)
        found.update({name: count for name, count in pairs if count})
    return found


class _Subjects:
    """Collects the subjects of a file: rows of each, or what its `events` column says."""

    def __init__(self, table: str) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []
        self._stated = table == "subjects"
        # `events_by_code` is compared as a whole with `events`.
        self._wanted = table in ("events", "subjects", "encounters")

    def take(self, rows: pa.Table) -> None:
        if not self._wanted or "subject_id" not in rows.column_names:
            return
        ids = rows["subject_id"].to_numpy()
        starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))[: len(ids)]
        counts = np.diff(np.append(starts, len(ids)))
        if self._stated:
            starts, counts = np.arange(len(ids)), rows["events"].to_numpy()
        shards = rows["shard"].to_numpy()[starts] if "shard" in rows.column_names else None
        self._parts.append((ids[starts], counts, shards))

    def totals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return distinct ids, the events of each, and its shard where the table has one."""
        if not self._parts:
            return _NONE, _NONE, None
        ids, first, place = np.unique(
            np.concatenate([ids for ids, _, _ in self._parts]),
            return_index=True,
            return_inverse=True,
        )
        events = np.zeros(len(ids), dtype=np.int64)
        np.add.at(events, place, np.concatenate([counts for _, counts, _ in self._parts]))
        shards = [shards for _, _, shards in self._parts if shards is not None]
        return ids, events, np.concatenate(shards)[first].astype(np.int64) if shards else None


class _NoOrder:
    """For tables that promise no order."""

    kept = True

    def take(self, rows: pa.Table) -> None:
        return None


class _BySubject:
    """Follows (shard, subject, time), static rows first, across row groups."""

    def __init__(self) -> None:
        self.kept = True
        self._last: list[np.ndarray] | None = None

    def take(self, rows: pa.Table) -> None:
        columns = _places(rows)
        if self._last is not None:
            columns = [np.append(a, b) for a, b in zip(self._last, columns, strict=True)]
        self.kept = self.kept and is_sorted(columns)
        self._last = [column[-1:] for column in columns]


class _ByCode:
    """Follows (code, shard, subject, time) within each run of shards.

    The file was written shard range by shard range. Where the code falls back a new range begins,
    and from there on every shard is greater than all before it.
    """

    def __init__(self) -> None:
        self.kept = True
        self._last: list[np.ndarray] | None = None
        self._last_code: list[bytes] = []
        self._highest, self._floor = -1, -1

    def take(self, rows: pa.Table) -> None:
        code, columns = self._codes(rows), _places(rows)
        if self._last is not None:
            columns = [np.append(a, b) for a, b in zip(self._last, columns, strict=True)]
        fall = np.append(False, code[1:] < code[:-1])
        self.kept = self.kept and is_sorted([np.cumsum(fall), code, *columns])
        self._follow_shards(columns[0].astype(np.int64), fall)
        self._last = [column[-1:] for column in columns]

    def _codes(self, rows: pa.Table) -> np.ndarray:
        """Return the codes as numbers that sort like them, the last one seen before at the head."""
        whole = rows["code"].unify_dictionaries().combine_chunks()
        encoded = whole if isinstance(whole, pa.Array) else whole.chunk(0)
        names = [*self._last_code, *(name.encode() for name in encoded.dictionary.to_pylist())]
        rank = {name: number for number, name in enumerate(sorted(set(names)))}
        ranks = np.array([rank[name] for name in names], dtype=np.int64)
        carried = len(self._last_code)
        code = np.append(ranks[:carried], ranks[carried:][encoded.indices.to_numpy()])
        self._last_code = [encoded[-1].as_py().encode()]
        return code

    def _follow_shards(self, shard: np.ndarray, fall: np.ndarray) -> None:
        highest = np.maximum(np.maximum.accumulate(shard), self._highest)
        before = np.append(self._highest, highest[:-1])
        floor = np.maximum(np.maximum.accumulate(np.where(fall, before, -1)), self._floor)
        self.kept = self.kept and bool((shard > floor).all())
        self._highest, self._floor = int(highest[-1]), int(floor[-1])


_ORDERS: dict[str, type[_NoOrder] | type[_BySubject] | type[_ByCode]] = {
    "events": _BySubject,
    "events_by_code": _ByCode,
}


def _places(rows: pa.Table) -> list[np.ndarray]:
    time = rows["time"].combine_chunks()
    return [rows["shard"].to_numpy(), rows["subject_id"].to_numpy(), times_to_int(time)]
