"""Upkeep of a lake: many small files become few, and what changed between two commits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from biolake.core.errors import LakeDamaged
from biolake.core.schema import EVENTS
from biolake.lake import commits
from biolake.lake.commits import Commit, StoredFile
from biolake.lake.door import View, connect, open_view, view_sql
from biolake.lake.lake import Lake
from biolake.lake.linkage import read_parquet
from biolake.lake.locking import writer
from biolake.lake.stored import rewrite_group
from biolake.lake.sweeping import leftovers, sweep
from biolake.lake.transaction import SCHEMAS, Transaction, clear_scratch, scratch_folder

__all__ = ["Diff", "SourceChange", "compact", "diff", "leftovers", "sweep"]

Progress = Callable[[str, int, int], None]

SHOWN_CODES = 50
_MODULUS = 1 << 64


def compact(
    lake: Lake, *, wait: float = 0.0, progress: Progress = lambda *_: None
) -> Commit | None:
    """Write every shard group and every small table as one file; None if they are already.

    The rows stay the same, and so does every answer. Files that no commit names are removed first.
    """
    with writer(lake.store, "compact", wait):
        clear_scratch(lake)
        sweep(lake)
        base = lake.commit()
        with scratch_folder(lake) as scratch, open_view(lake, base) as view:
            tx = Transaction(lake, base, scratch, "compact")
            _compact_events(tx, view, progress)
            _compact_small_tables(tx)
            if not tx.adds:
                return None
            before = sum(len(files) for files in tx.removes.values())
            after = sum(len(files) for files in tx.adds.values())
            counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
            return tx.publish("compact", f"{before} files became {after}", counts)


def _compact_events(tx: Transaction, view: View, progress: Progress) -> None:
    """Rewrite the groups whose rows lie in more than one file, in both orders."""
    groups = [g for g in range(tx.lake.shard_groups) if len(_files(tx.base, "events", g)) > 1]
    for done, group in enumerate(groups):
        progress("compacting", done, len(groups))
        written = rewrite_group(view, tx.scratch, group, tx.label)
        for table, added in zip(("events", "events_by_code"), written, strict=True):
            removed = _files(tx.base, table, group)
            _expect_same_rows(table, removed, added)
            tx.remove(table, removed)
            tx.add(table, added)
    progress("compacting", len(groups), len(groups))


def _compact_small_tables(tx: Transaction) -> None:
    """Join the files of the tables that grow by one file a load."""
    for name, state in tx.base.tables.items():
        if len(state.files) > 1 and "shard_group" not in SCHEMAS[name].names:
            parts = [read_parquet(tx.lake, f.path).cast(SCHEMAS[name]) for f in state.files]
            tx.replace(name, pa.concat_tables(parts))
            _expect_same_rows(name, state.files, tx.adds[name])


def _files(commit: Commit, table: str, group: int) -> tuple[StoredFile, ...]:
    state = commit.tables.get(table)
    return state.in_groups([group]) if state else ()


def _expect_same_rows(
    table: str, before: Sequence[StoredFile], after: Sequence[StoredFile]
) -> None:
    """Refuse to publish unless both lists of files hold the same rows."""
    sums = [
        (sum(f.rows for f in files), sum(f.row_hash for f in files) % _MODULUS)
        for files in (before, after)
    ]
    if sums[0] != sums[1]:
        raise LakeDamaged(
            "its rows read back are not those its files were written with",
            where=before[0].path.rsplit("/", 1)[0] if before else table,
            next="Nothing was published. Find the damaged file: biolake verify",
        )


@dataclass(frozen=True)
class SourceChange:
    """Events of one source table of one site that only one of two commits holds."""

    site: str
    source: str
    added: int
    removed: int


@dataclass(frozen=True)
class Diff:
    """What changed from commit `a` to commit `b`. A corrected event is removed once, added once."""

    a: Commit
    b: Commit
    loads: tuple[str, ...]
    sources: tuple[SourceChange, ...]
    codes_appeared: tuple[tuple[str, int], ...]  # with their events, most frequent first
    codes_vanished: tuple[tuple[str, int], ...]
    tables: dict[str, tuple[int, int]]  # rows in each


def diff(lake: Lake, a: int, b: int) -> Diff:
    """Compare two commits; only the files that differ are read."""
    before, after = lake.commit(a), lake.commit(b)
    between = range(min(a, b) + 1, max(a, b) + 1)
    codes_before, codes_after = _codes(lake, before), _codes(lake, after)
    names = sorted({*before.tables, *after.tables})
    return Diff(
        before,
        after,
        tuple(load for n in between for load in commits.read(lake.store, n).loads),
        _changed_events(lake, before, after),
        _only_first(codes_after, codes_before),
        _only_first(codes_before, codes_after),
        {name: (_rows(before, name), _rows(after, name)) for name in names},
    )


def _rows(commit: Commit, table: str) -> int:
    state = commit.tables.get(table)
    return state.rows if state else 0


def _codes(lake: Lake, commit: Commit) -> dict[str, int]:
    with open_view(lake, commit) as view:
        return dict(view.rows("SELECT code, events FROM codes"))


def _only_first(first: dict[str, int], second: dict[str, int]) -> tuple[tuple[str, int], ...]:
    only = [(code, events) for code, events in first.items() if code not in second]
    return tuple(sorted(only, key=lambda pair: (-pair[1], pair[0]))[:SHOWN_CODES])


def _changed_events(lake: Lake, a: Commit, b: Commit) -> tuple[SourceChange, ...]:
    found: dict[tuple[str, str], list[int]] = {}
    con = connect(lake)
    try:
        for group in range(lake.shard_groups):
            mine, theirs = set(_files(a, "events", group)), set(_files(b, "events", group))
            if mine == theirs:
                continue
            _show(con, lake, "before", mine - theirs)
            _show(con, lake, "after", theirs - mine)
            for place, (more, less) in enumerate((("after", "before"), ("before", "after"))):
                for site, source, rows in con.execute(_surplus(more, less)).fetchall():
                    found.setdefault((site, source), [0, 0])[place] += rows
    finally:
        con.close()
    return tuple(SourceChange(*key, *found[key]) for key in sorted(found))


def _show(con: duckdb.DuckDBPyConnection, lake: Lake, name: str, files: set[StoredFile]) -> None:
    con.execute(f'DROP VIEW IF EXISTS "{name}"')
    paths = [lake.store.uri(file.path) for file in sorted(files, key=lambda f: f.path)]
    con.execute(view_sql(name, EVENTS, paths))


def _surplus(more: str, less: str) -> str:
    """Count, by site and source, the events of one view that the other lacks."""
    columns = (
        "SELECT site_id, source, row_key, hash(subject_id, time, code, numeric_value, text_value,"
        " unit, end_time, encounter_id) AS content FROM"
    )
    surplus = f"{columns} {more} EXCEPT ALL {columns} {less}"
    return f"SELECT site_id, source, count(*) FROM ({surplus}) GROUP BY ALL"  # noqa: S608 - our own
