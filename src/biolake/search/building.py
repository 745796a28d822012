"""Build the index, or bring it up to date: only what changed is read again.

A part is always written whole, in the order of its keys: an index brought up to date is, row for
row, the one a full build makes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.door import View
from biolake.lake.lake import now
from biolake.search.home import BuiltPart, State, home_of, make_home, read_state, write_state
from biolake.search.parts import PARTS, Part
from biolake.search.postings import TERMS, PostingsWriter
from biolake.search.rows import FIELDS, ROWS, Sources
from biolake.search.tables import PLACES, Table, write_table
from biolake.search.tables import ROWS as ROWS_TABLE

Progress = Callable[[str, int, int], None]
_BLOCK = 2000  # owners whose rows are read and written together
_VERSION = 1  # of how rows and terms are made: another one makes all anew


@dataclass(frozen=True)
class Change:
    """What a part of the index lacks, holds no longer rightly, and has too much, in owners."""

    name: str
    rows: int
    commit: int | None  # built at; None: never
    new: int = 0
    changed: int = 0
    removed: int = 0
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def stale(self) -> bool:
        return self.commit is None or bool(self.new or self.changed or self.removed)


@dataclass
class _Plan:
    """The owners of a part now, and where the rows of those that stay lie in the part before."""

    owners: pa.Array
    fingerprints: np.ndarray
    first: np.ndarray  # row in the part before; -1: read anew
    last: np.ndarray
    change: Change


def build_text(
    view: View,
    sources: Sources,
    name: str,
    *,
    full: bool = False,
    progress: Progress = lambda *_: None,
) -> Change:
    """Bring one part up to date with the view's commit; return what was changed."""
    part, state = PARTS[name], read_state(view.lake) or State()
    plan = _plan(view, sources, part, None if full else state.parts.get(name))
    if not plan.change.stale:
        _renew(view, state, name)
        return plan.change
    home = make_home(view.lake)
    folder = f"{name}-{secrets.token_hex(6)}"
    before = state.parts.get(name)
    old = Table(home / before.folder, ROWS_TABLE) if before and (plan.first >= 0).any() else None
    writer, unread = PostingsWriter(), [0]
    batches = _batches(view, sources, part, plan, old, writer, unread, progress)
    write_table(home / folder, ROWS_TABLE, ROWS, batches)
    write_table(home / folder, PLACES, TERMS, writer.tables())
    told = {"version": _VERSION, "owners": len(plan.owners), "unread": unread[0]}
    keep(view, name, folder, len(writer.lengths), told)
    return plan.change


def keep(view: View, name: str, folder: str, rows: int, told: dict[str, Any]) -> None:
    """Name a part that was built in the state of the index."""
    state = read_state(view.lake) or State()
    part = BuiltPart(name, folder, rows, view.commit.number, now(), told)
    write_state(view.lake, State({**state.parts, name: part}))


def _renew(view: View, state: State, name: str) -> None:
    """Say that a part holds what this commit holds."""
    part = state.parts[name]
    if part.commit != view.commit.number:
        keep(view, name, part.folder, part.rows, dict(part.told))


def changes(view: View, sources: Sources, name: str) -> Change:
    """Return how far a part is behind the view's commit."""
    state = read_state(view.lake) or State()
    return _plan(view, sources, PARTS[name], state.parts.get(name)).change


def _plan(view: View, sources: Sources, part: Part, before: BuiltPart | None) -> _Plan:
    now_held = part.now(view, sources)
    owners = now_held["owner"].combine_chunks()
    prints = now_held["fingerprint"].to_numpy()
    none = np.full(len(owners), -1)
    if before is None or before.told.get("version") != _VERSION:
        commit = None if before is None else before.commit
        rows = 0 if before is None else before.rows
        left = Change(part.name, rows, None if before is None else commit, new=len(owners))
        return _Plan(owners, prints, none, none.copy(), left)
    table = Table(home_of(view.lake) / before.folder, ROWS_TABLE)
    held = table.columns(["owner", "fingerprint"]).combine_chunks()
    edges, known = _runs(held["owner"])
    place = pc.index_in(owners, value_set=known)
    there = pc.is_valid(place).to_numpy(zero_copy_only=False)
    at = pc.fill_null(place, 0).to_numpy(zero_copy_only=False)
    same = there.copy()
    if len(known):
        same &= held["fingerprint"].to_numpy()[edges[at]] == prints
    first, last = none, none.copy()
    first[same], last[same] = edges[at[same]], edges[at[same] + 1]
    change = Change(
        part.name,
        before.rows,
        before.commit,
        new=int((~there).sum()),
        changed=int((there & ~same).sum()),
        removed=len(known) - int(there.sum()),
        told=dict(before.told),
    )
    return _Plan(owners, prints, first, last, change)


def _runs(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Return where each owner's rows begin, and the end; and the owners."""
    owners = column.combine_chunks()
    if not len(owners):
        return np.zeros(1, dtype=np.int64), owners
    other = pc.not_equal(owners[1:], owners[:-1]).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.flatnonzero(other) + 1])
    return np.append(starts, len(owners)), owners.take(pa.array(starts))


def _batches(
    view: View,
    sources: Sources,
    part: Part,
    plan: _Plan,
    old: Table | None,
    writer: PostingsWriter,
    unread: list[int],
    progress: Progress,
) -> Iterator[pa.Table]:
    """Yield the rows of a part in order, and give their terms to the writer."""
    for begin in range(0, len(plan.owners), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        rows = _new_rows(view, sources, part, plan, block)
        made = pa.concat_tables([_kept(old, plan, block), *([rows] if rows else [])])
        made = made.sort_by("key")
        fields = [made[name].to_pylist() for name in FIELDS]
        lengths = [writer.add([text for text in row if text]) for row in zip(*fields, strict=True)]
        unread[0] += sum('"unread"' in told for told in made["details"].to_pylist())
        column = pa.array(lengths, pa.int32())
        yield made.set_column(ROWS.names.index("length"), ROWS.field("length"), column)
        progress(part.name, min(begin + _BLOCK, len(plan.owners)), len(plan.owners))


def _kept(old: Table | None, plan: _Plan, block: slice) -> pa.Table:
    first, last = plan.first[block], plan.last[block]
    stays = first >= 0
    if old is None or not stays.any():
        return ROWS.empty_table()
    lists = [np.arange(a, b) for a, b in zip(first[stays], last[stays], strict=True)]
    return old.take(np.concatenate(lists).tolist(), ROWS.names).cast(ROWS)


def _new_rows(
    view: View, sources: Sources, part: Part, plan: _Plan, block: slice
) -> pa.Table | None:
    fresh = plan.first[block] < 0
    owners = plan.owners[block].filter(pa.array(fresh)).to_pylist()
    if not owners:
        return None
    prints = dict(zip(owners, plan.fingerprints[block][fresh].tolist(), strict=True))
    rows = [
        {**row, "fingerprint": prints[row["owner"]], "length": 0}
        for row in part.rows(view, sources, owners)
    ]
    return pa.Table.from_pylist(rows, ROWS)
