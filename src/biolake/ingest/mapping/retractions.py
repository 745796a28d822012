"""Which row keys of a table its rows take back: of each key, the last word counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

_NO_KEYS = np.empty(0, dtype=np.int64)


@dataclass
class Retractions:
    """The keys taken back so far and not given again: memory for these alone."""

    keys: np.ndarray = field(default_factory=_NO_KEYS.copy)

    def note(self, taken: Placed, given: Placed) -> None:
        """Take in the keys of one batch, in whatever order its rows take back and give."""
        if not len(self.keys) and not len(taken.keys):
            return
        watched = np.concatenate([self.keys, taken.keys])
        again = np.isin(given.keys, watched)
        keys = np.concatenate([watched, given.keys[again]])
        before = np.full(len(self.keys), -1, dtype=np.int64)
        places = np.concatenate([before, taken.places, given.places[again]])
        order = np.lexsort((places, keys))
        last = order[np.append(keys[order][1:] != keys[order][:-1], True)]
        self.keys = keys[last[last < len(watched)]]


@dataclass(frozen=True)
class Placed:
    """Row keys with the places of their rows in the batch."""

    keys: np.ndarray
    places: np.ndarray


def placed(keys: np.ndarray, rows: list[tuple[np.ndarray, int]]) -> Placed:
    """Return the row keys of some rows of a batch: a mask of rows and a key mark for every rule."""
    places = [np.flatnonzero(mask) for mask, _ in rows]
    marked = [keys[place] ^ np.int64(mark) for place, (_, mark) in zip(places, rows, strict=True)]
    return Placed(np.concatenate([_NO_KEYS, *marked]), np.concatenate([_NO_KEYS, *places]))
