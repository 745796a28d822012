"""Second pass of a load: bucket by bucket, sort both ways and write the new files of each group."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from biolake.core.hashing import content_hash
from biolake.core.schema import EVENTS, EVENTS_BY_CODE
from biolake.lake.columns import (
    Block,
    encounters_to_arrow,
    times_to_arrow,
    values_to_arrow,
)
from biolake.lake.commits import StoredFile
from biolake.lake.files import TableFile
from biolake.lake.intake import Origin
from biolake.lake.lake import Lake
from biolake.lake.linkage import Registry
from biolake.lake.ordering import by_code, by_subject_time
from biolake.lake.vocabulary import Terms

SUBJECT_ROWS = 1 << 16  # rows in a row group: what a read of one subject decodes
CODE_ROWS = 1 << 15  # a code of a bucket lies in one or two of these
PLAIN = ("row_key", "end_time")
_HASHED = [f.name for f in EVENTS if f.name not in ("row_key", "shard_group")]


class Names(Protocol):
    """Subjects, codes, units and origins, numbered as they are met in a load or in stored rows."""

    codes: Terms
    units: Terms
    origins: list[Origin]

    @property
    def registry(self) -> Registry: ...


@dataclass
class Numbering:
    """What the numbers in a block mean: subjects, codes, units, origins, frozen for one build."""

    ids: np.ndarray
    shards: np.ndarray
    subject_rank: np.ndarray
    codes: pa.Array
    code_rank: np.ndarray
    units: pa.Array
    sites: pa.Array
    loads: pa.Array
    sources: pa.Array

    def fresh(self, names: Names) -> Numbering:
        """Return this numbering, or a new one if stored rows brought names it does not know."""
        mine = (len(self.ids), len(self.codes), len(self.units), len(self.sites))
        codes, units = names.codes.names, names.units.names
        if mine == (len(names.registry), len(codes), len(units), len(names.origins)):
            return self
        return Numbering.of(names)

    @staticmethod
    def of(names: Names) -> Numbering:
        ids = np.array(names.registry.ids, dtype=np.int64)
        shards = np.array(names.registry.shards, dtype=np.int16)
        rank = np.empty(len(ids), dtype=np.int32)
        rank[np.lexsort((ids, shards))] = np.arange(len(ids), dtype=np.int32)
        return Numbering(
            ids,
            shards,
            rank,
            names.codes.array(),
            names.codes.ranks(),
            names.units.array(),
            *_origin_columns(names.origins),
        )


def _origin_columns(origins: list[Origin]) -> tuple[pa.Array, pa.Array, pa.Array]:
    return (
        pa.array([o.site for o in origins], pa.string()),
        pa.array([o.load for o in origins], pa.string()),
        pa.array([o.source for o in origins], pa.string()),
    )


@dataclass
class GroupFiles:
    """The two files of one shard group under construction: both orders of the same rows."""

    lake: Lake
    scratch: Path
    group: int
    name: str
    _events: TableFile | None = None
    _by_code: TableFile | None = None
    _hashes: list[np.ndarray] = field(default_factory=list)

    def write(self, block: Block, numbering: Numbering) -> np.ndarray:
        """Write one bucket's rows in both orders; return their content hashes in block order."""
        if self._events is None or self._by_code is None:
            self._events = TableFile(self.scratch, EVENTS, plain=PLAIN)
            self._by_code = TableFile(self.scratch, EVENTS_BY_CODE, plain=PLAIN)
        order = by_subject_time(_dense(numbering.subject_rank[block.subject]), block.time)
        hashes = np.empty(len(block), dtype=np.int64)
        for rows in _pieces(order, SUBJECT_ROWS):
            table = to_table(block.take(rows), numbering)
            hashes[rows] = found = content_hash(table, _HASHED)
            self._events.write(table, found)
        order = order[by_code(numbering.code_rank[block.code[order]])]
        for rows in _pieces(order, CODE_ROWS):
            self._by_code.write(to_table(block.take(rows), numbering), hashes[rows])
        return hashes

    def finish(self) -> tuple[list[StoredFile], list[StoredFile]]:
        if self._events is None or self._by_code is None:
            return [], []
        store = self.lake.store
        return (
            [self._events.finish(store, "events", self.name, self.group)],
            [self._by_code.finish(store, "events_by_code", self.name, self.group)],
        )


def to_table(block: Block, numbering: Numbering) -> pa.Table:
    """Return a block as an Arrow table with the columns of `schema.EVENTS` but the partition's."""
    return pa.table(
        {
            "shard": numbering.shards[block.subject],
            "subject_id": numbering.ids[block.subject],
            "time": times_to_arrow(block.time),
            "code": _named(block.code, numbering.codes),
            "numeric_value": values_to_arrow(block.value),
            "text_value": block.text,
            "unit": _named(block.unit, numbering.units),
            "end_time": times_to_arrow(block.end_time),
            "encounter_id": encounters_to_arrow(block.encounter),
            "site_id": _named(block.origin, numbering.sites),
            "load_id": _named(block.origin, numbering.loads),
            "source": _named(block.origin, numbering.sources),
            "row_key": block.key,
        }
    )


def _named(numbers: np.ndarray, names: pa.Array) -> pa.DictionaryArray:
    """Return numbers as a dictionary array that holds only the names in use; -1 becomes null."""
    used = np.flatnonzero(np.bincount(numbers + 1, minlength=len(names) + 1))
    place = np.empty(len(names) + 1, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    indices = place[numbers + 1]
    if len(used) and used[0] == 0:
        mask = numbers < 0
        return pa.DictionaryArray.from_arrays(
            pa.array(indices - 1, mask=mask), names.take(pa.array(used[1:] - 1))
        )
    return pa.DictionaryArray.from_arrays(indices, names.take(pa.array(used - 1)))


def _dense(ranks: np.ndarray) -> np.ndarray:
    """Shift ranks to start at 0, so that they take few bits."""
    return ranks - ranks.min() if len(ranks) else ranks


def _pieces(order: np.ndarray, rows: int) -> list[np.ndarray]:
    return [order[start : start + rows] for start in range(0, len(order), rows)]
