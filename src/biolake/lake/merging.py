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
from biolake.lake.columns import Block
from biolake.lake.door import View
from biolake.lake.intake import Intake
from biolake.lake.ordering import among, repeats
from biolake.lake.stored import SELECT_EVENTS, stored_rows

ASSET_CODE = "ASSET//"
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


@dataclass
class Outcome:
    """What became of mapped events that are not simply added, by origin (ledger line)."""

    repeated: Counter[int] = field(default_factory=Counter)  # equal to an earlier row of this load
    superseded: Counter[int] = field(default_factory=Counter)  # corrected by a later row
    known: Counter[int] = field(default_factory=Counter)  # already in the lake
    retracted: Counter[int] = field(default_factory=Counter)  # taken back by the source
    replaced: int = 0  # rows of earlier loads that a correction replaced
    removed: int = 0  # rows of earlier loads taken back by the source or by a changed mapping


def settle(block: Block, intake: Intake, numbering: Numbering, outcome: Outcome) -> Block:
    """Return a bucket's rows with repeats, corrections and retractions within the load resolved."""
    if not len(block):
        return block
    block = _drop_retracted(block, intake, outcome)
    lost = intake.owners.lost(block)
    outcome.superseded.update(block.origin[lost].tolist())
    block = _count_equal_rows(block.keep(~lost), intake)
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
    gone = among(block.key, intake.taken_back)
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

    def __init__(self, view: View, intake: Intake, contents: frozenset[str]) -> None:
        self._view, self._intake = view, intake
        self.sources = sorted({part.table for part in intake.parts})
        known = view.rows(
            'SELECT count(*) FROM loads WHERE site_id = ? AND list_contains(?, "table")',
            [intake.site, self.sources],
        )
        self._stale = self._earlier_readings(contents)
        self.touched = bool(known[0][0]) or bool(intake.retracted) or bool(self._stale)

    def _earlier_readings(self, contents: frozenset[str]) -> set[tuple[str, str]]:
        """Return (load, source) of earlier readings of the same files: their mapping has changed.

        Only where the load read every file of that source: an event does not name its file.
        """
        rows = self._view.rows(
            'SELECT load_id, "table" FROM loads WHERE site_id = ? GROUP BY ALL'
            " HAVING bool_and(list_contains(?, content_hash))",
            [self._intake.site, sorted(contents)],
        )
        return {(load, source) for load, source in rows}

    def of_site(self, stored: Block) -> np.ndarray:
        """Mark stored rows of the site being loaded: its row keys mean nothing to other sites."""
        origins = [
            n for n, origin in enumerate(self._intake.origins) if origin.site == self._intake.site
        ]
        return np.isin(stored.origin, origins)

    def stale_groups(self) -> set[int]:
        """Return the groups that hold events of an earlier reading of the same files."""
        pairs = [list(pair) for pair in sorted(self._stale)]
        if not pairs:
            return set()
        rows = self._view.rows(
            "SELECT DISTINCT shard_group FROM events"
            " WHERE site_id = ? AND list_contains(?, [load_id, source])",
            [self._intake.site, pairs],
        )
        return {group for (group,) in rows}

    def stale(self, stored: Block, seen: np.ndarray) -> np.ndarray:
        """Mark stored rows that an earlier reading of the same files gave and this one does not.

        The event of an asset is no such row: it stands for as long as its asset has it.
        """
        codes = self._intake.codes.names
        assets = [n for n, name in enumerate(codes) if name.startswith(ASSET_CODE)]
        origins = [
            n
            for n, origin in enumerate(self._intake.origins)
            if origin.site == self._intake.site and (origin.load, origin.source) in self._stale
        ]
        gone = np.isin(stored.origin, origins) & ~np.isin(stored.key, seen)
        return np.asarray(gone & ~np.isin(stored.code, assets))

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
            return self._view.table(f"{SELECT_EVENTS} WHERE false")
        self._view.con.register("keys", pa.table({"row_key": keys}))
        rows = self._view.table(
            f"{SELECT_EVENTS} SEMI JOIN keys USING (row_key)"
            " WHERE shard_group = ? AND shard BETWEEN ? AND ? AND site_id = ?",
            [group, shards.start, shards.stop - 1, self._intake.site],
        )
        self._view.con.unregister("keys")
        return rows

    def all_rows(self, group: int, shards: range) -> Block:
        """Return every stored row of a shard range as a block."""
        return stored_rows(self._view, group, shards, self._intake)


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
    return block.keep(~same), replaced
