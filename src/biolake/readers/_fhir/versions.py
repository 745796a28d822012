"""Which version of a resource is the newest of its source: 16 bytes for each resource read."""

from __future__ import annotations

import numpy as np

NEVER = np.iinfo(np.int64).min
UNDATED = NEVER + 1


class Versions:
    """The newest time stamp of every key seen so far, in sorted runs that grow by merging."""

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    def seen(self, keys: np.ndarray) -> np.ndarray:
        """Return the newest stamp of each key, or `NEVER`."""
        newest = np.full(len(keys), NEVER, dtype=np.int64)
        for known, stamps in self._runs:
            at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            newest = np.where(known[at] == keys, np.maximum(newest, stamps[at]), newest)
        return newest

    def add(self, keys: np.ndarray, stamps: np.ndarray) -> None:
        """Note keys that were read, each once, with their stamps."""
        if not len(keys):
            return
        self._runs.append(_newest(keys, stamps))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            (first, old), (second, new) = self._runs.pop(), self._runs.pop()
            self._runs.append(_newest(np.concatenate([first, second]), np.concatenate([old, new])))


def _newest(keys: np.ndarray, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((stamps, keys))
    keys, stamps = keys[order], stamps[order]
    last = np.append(keys[1:] != keys[:-1], True)
    return keys[last], stamps[last]
