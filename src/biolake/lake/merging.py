"""Which mapped events are new, which repeat what is known, which correct it.

A row key names one fact of one source. Within a load the last row with a key stands; against the
lake an equal row is dropped and a different one replaces the old. Rows without a key of their own
are keyed by content; identical ones in one file are told apart by their number (first, second …),
so that reading a file twice adds nothing and a file that holds two equal rows keeps both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from biolake.core.hashing import content_hash
from biolake.lake.building import Numbering, to_table
from biolake.lake.columns import (
    Block,
    times_to_int,
)
from biolake.lake.door import View
from biolake.lake.intake import Intake, Origin
from biolake.lake.linkage import NO_ENCOUNTER
from biolake.lake.ordering import repeats

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
# What makes two rows with one key the same fact; the load that brought them does not.
_CONTENT = [
    "subject_id",
    "time",
    "code",
    "numeric_value",
    "text_value",
    "unit",
    "end_time",
    "encounter_id",
    "source",
]
_SELECT = (
    "SELECT subject_id, time, code, numeric_value, text_value, unit,"
    " end_time, encounter_id, site_id, load_id, source, row_key"
    " FROM events"
)


@dataclass
class Outcome:
    """What became of mapped events that are not simply added, by origin (ledger line)."""

    repeated: Counter[int] = field(default_factory=Counter)  # equal to an earlier row of this load
    superseded: Counter[int] = field(default_factory=Counter)  # corrected by a later row
    known: Counter[int] = field(default_factory=Counter)  # already in the lake
    retracted: Counter[int] = field(default_factory=Counter)  # taken back by the source
    replaced: int = 0  # rows of earlier loads that a correction replaced
    removed: int = 0  # rows of earlier loads that the source took back


def settle(block: Block, intake: Intake, numbering: Numbering, outcome: Outcome) -> Block:
    """Return a bucket's rows with repeats, corrections and retractions within the load resolved."""
    if not len(block):
        return block
    block = _drop_retracted(block, intake, outcome)
    block = _count_equal_rows(block, intake)
    if not repeats(block.key):
        return block
    order = np.argsort(block.key, kind="stable")
    key = block.key[order]
    last = np.append(key[1:] != key[:-1], True)
    dropped, kept = order[~last], order[_run_ends(last)]
    hashes = content_hash(to_table(block, numbering), _CONTENT)
    same = hashes[dropped] == hashes[kept]
    outcome.repeated.update(block.origin[dropped[same]].tolist())
    outcome.superseded.update(block.origin[dropped[~same]].tolist())
    mask = np.ones(len(block), dtype=bool)
    mask[dropped] = False
    return block.keep(mask)


def _run_ends(last: np.ndarray) -> np.ndarray:
    """For each place that is not the last of its run, return the place that is."""
    ends = np.flatnonzero(last)
    runs = np.cumsum(last) - last
    return np.asarray(ends[runs[~last]])


def _drop_retracted(block: Block, intake: Intake, outcome: Outcome) -> Block:
    if not intake.retracted:
        return block
    gone = np.isin(block.key, np.concatenate(intake.retracted))
    outcome.retracted.update(block.origin[gone].tolist())
    return block.keep(~gone)


def _count_equal_rows(block: Block, intake: Intake) -> Block:
    """Give the second, third … of equal unkeyed rows of one file keys of their own."""
    unkeyed = np.array([not part.keyed for part in intake.parts], dtype=bool)
    rows = np.flatnonzero(unkeyed[block.origin])
    if not len(rows) or not repeats(block.key[rows]):
        return block
    order = rows[np.lexsort((rows, block.origin[rows], block.key[rows]))]
    key, origin = block.key[order], block.origin[order]
    fresh = np.append(True, (key[1:] != key[:-1]) | (origin[1:] != origin[:-1]))
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    nth = (np.arange(len(order)) - start).astype(np.uint64)
    keys = block.key.copy()
    keys[order] = (key.view(np.uint64) + nth * _GAMMA).view(np.int64)
    return block.with_key(keys)


class Previous:
    """The rows of earlier loads that a load may repeat, correct or take back."""

    def __init__(self, view: View, intake: Intake) -> None:
        self._view, self._intake = view, intake
        self.sources = sorted({part.table for part in intake.parts})
        known = view.rows(
            'SELECT count(*) FROM loads WHERE site_id = ? AND list_contains(?, "table")',
            [intake.site, self.sources],
        )
        self.touched = bool(known[0][0]) or bool(intake.retracted)

    def moved(self, keyed: pa.Table) -> pa.Table:
        """Return (shard_group, row_key) of stored rows whose key now belongs to another subject."""
        if not self.touched or not keyed.num_rows:
            return pa.table(
                {"shard_group": pa.array([], pa.int32()), "row_key": pa.array([], pa.int64())}
            )
        self._view.con.register("incoming", keyed)
        found = self._view.table(
            "SELECT DISTINCT e.shard_group, e.row_key FROM events e JOIN incoming i"
            " ON e.row_key = i.row_key AND e.subject_id <> i.subject_id"
            " WHERE e.site_id = ? AND list_contains(?, e.source)",
            [self._intake.site, self.sources],
        )
        self._view.con.unregister("incoming")
        return found

    def retracted_groups(self) -> set[int]:
        """Return the groups that hold rows the source took back."""
        if not self._intake.retracted:
            return set()
        keys = pa.table({"row_key": np.concatenate(self._intake.retracted)})
        self._view.con.register("retracted", keys)
        rows = self._view.rows(
            "SELECT DISTINCT shard_group FROM events SEMI JOIN retracted USING (row_key)"
            " WHERE site_id = ?",
            [self._intake.site],
        )
        self._view.con.unregister("retracted")
        return {group for (group,) in rows}

    def same_source(self, group: int, shards: range, keys: np.ndarray) -> pa.Table:
        """Return stored rows of this site with one of the keys, in one shard range."""
        if not self.touched or not len(keys):
            return self._view.table(f"{_SELECT} WHERE false")
        self._view.con.register("keys", pa.table({"row_key": keys}))
        rows = self._view.table(
            f"{_SELECT} SEMI JOIN keys USING (row_key)"
            " WHERE shard_group = ? AND shard BETWEEN ? AND ? AND site_id = ?",
            [group, shards.start, shards.stop - 1, self._intake.site],
        )
        self._view.con.unregister("keys")
        return rows

    def all_rows(self, group: int, shards: range) -> Block:
        """Return every stored row of a shard range as a block."""
        table = self._view.table(
            f"{_SELECT} WHERE shard_group = ? AND shard BETWEEN ? AND ?",
            [group, shards.start, shards.stop - 1],
        )
        return to_block(table, self._intake)


def to_block(table: pa.Table, intake: Intake) -> Block:
    """Return stored rows as a block, numbering what the load had not met yet."""
    column = {name: _one(table[name]) for name in table.column_names}
    registry = intake.linkage.registry
    encoded = column["subject_id"].dictionary_encode()
    subjects = np.array([registry.add(v) for v in encoded.dictionary.to_pylist()], dtype=np.int32)
    missing = column["encounter_id"].fill_null(int(NO_ENCOUNTER))
    value = column["numeric_value"].to_numpy(zero_copy_only=False)
    return Block(
        subject=subjects[encoded.indices.to_numpy()] if len(subjects) else subjects,
        time=times_to_int(column["time"]),
        end_time=times_to_int(column["end_time"]),
        code=intake.codes.encode(column["code"]),
        value=value.astype(np.float32),
        unit=intake.units.encode(column["unit"]),
        encounter=missing.to_numpy(zero_copy_only=False),
        key=column["row_key"].to_numpy(),
        origin=_origins(column, intake),
        text=column["text_value"].cast(pa.string()),
    )


def _origins(column: dict[str, pa.Array], intake: Intake) -> np.ndarray:
    triples = zip(
        *(column[name].to_pylist() for name in ("site_id", "load_id", "source")), strict=True
    )
    known = {origin: number for number, origin in enumerate(intake.origins)}
    numbers = []
    for triple in triples:
        origin = Origin(*triple)
        if origin not in known:
            known[origin] = len(intake.origins)
            intake.origins.append(origin)
        numbers.append(known[origin])
    return np.array(numbers, dtype=np.int32)


def compare(
    block: Block, stored: Block, numbering: Numbering, outcome: Outcome
) -> tuple[Block, np.ndarray]:
    """Return the rows that are new or differ from the stored, and the stored keys they replace."""
    if not len(stored):
        return block, np.empty(0, dtype=np.int64)
    order = np.argsort(stored.key, kind="stable")
    keys = stored.key[order]
    place = np.searchsorted(keys, block.key).clip(max=len(keys) - 1)
    hit = keys[place] == block.key
    old = content_hash(to_table(stored, numbering), _CONTENT)[order][place]
    new = content_hash(to_table(block, numbering), _CONTENT)
    same = hit & (old == new)
    outcome.known.update(block.origin[same].tolist())
    replaced = block.key[hit & ~same]
    outcome.replaced += len(replaced)
    return block.keep(~same), replaced


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
