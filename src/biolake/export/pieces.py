"""A lake's events in pieces that fit in memory: ranges of shards, each with all of its subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from biolake.core.keys import SHARDS
from biolake.lake.door import View

PIECE_ROWS = 2_000_000


@dataclass(frozen=True)
class Piece:
    """Shards `first` to `last` of one shard group; `where` selects them in a table with shards."""

    group: int
    first: int
    last: int

    @property
    def where(self) -> str:
        return f"shard_group = {self.group} AND shard BETWEEN {self.first} AND {self.last}"


def pieces(view: View, rows: int = PIECE_ROWS) -> Iterator[Piece]:
    """Yield the pieces of a commit in shard order, of about `rows` events at most."""
    each = SHARDS // view.lake.shard_groups
    state = view.commit.tables.get("events")
    for group in range(view.lake.shard_groups):
        held = sum(file.rows for file in (state.in_groups([group]) if state else ()))
        count = min(each, -(-held // rows))
        edges = [group * each + number * each // max(count, 1) for number in range(count + 1)]
        for first, after in pairwise(edges):
            yield Piece(group, first, after - 1)
