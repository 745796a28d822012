"""Whose a row key is: a load may give one key to two subjects, and the last one stands.

A result first filed under the wrong person and sent again under the right one has one key and two
subjects, who lie in different buckets. So keys are spilled a second time, by key, and each part is
looked through for keys with more than one subject.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biolake.lake.columns import Block
from biolake.lake.ordering import stable_argsort

_PARTS = 64
_ROW = np.dtype([("key", "<i8"), ("subject", "<i4")])


class KeyOwners:
    """The keys of a load that name more than one subject, and whose each is in the end."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.keys = np.empty(0, dtype=np.int64)
        self.subjects = np.empty(0, dtype=np.int32)

    def add(self, keys: np.ndarray, subjects: np.ndarray) -> None:
        """Note keyed rows, in source order."""
        # Keys are a counter or a digest, turned by a constant: their low bits are even either way.
        part = (keys & (_PARTS - 1)).astype(np.uint16)
        order = np.argsort(part, kind="stable")
        rows = np.empty(len(keys), dtype=_ROW)
        rows["key"], rows["subject"] = keys[order], subjects[order]
        edges = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=_PARTS))])
        for number in range(_PARTS):
            if edges[number] < edges[number + 1]:
                with self._path(number).open("ab") as stream:
                    rows[edges[number] : edges[number + 1]].tofile(stream)

    def settle(self) -> None:
        """Find the keys of more than one subject; the last row decides."""
        found = [self._disputed(number) for number in range(_PARTS)]
        keys = np.concatenate([keys for keys, _ in found])
        order = np.argsort(keys)
        self.keys = keys[order]
        self.subjects = np.concatenate([subjects for _, subjects in found])[order]

    def lost(self, block: Block) -> np.ndarray:
        """Mark rows whose key went to another subject in the end."""
        if not len(self.keys) or not len(block):
            return np.zeros(len(block), dtype=bool)
        place = np.searchsorted(self.keys, block.key).clip(max=len(self.keys) - 1)
        hit = self.keys[place] == block.key
        return np.asarray(hit & (self.subjects[place] != block.subject))

    def _disputed(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        path = self._path(number)
        rows = np.fromfile(path, dtype=_ROW) if path.exists() else np.empty(0, dtype=_ROW)
        keys = np.ascontiguousarray(rows["key"])
        arranged = np.sort(keys)
        repeated = np.unique(arranged[1:][arranged[1:] == arranged[:-1]])
        if not len(repeated):
            return repeated, np.empty(0, dtype=np.int32)
        rows = rows[np.isin(keys, repeated)]
        rows = rows[stable_argsort(np.ascontiguousarray(rows["key"]))]
        fresh = np.append(True, rows["key"][1:] != rows["key"][:-1])
        run = np.cumsum(fresh) - 1
        last = rows["subject"][np.append(np.flatnonzero(fresh)[1:], len(rows)) - 1]
        several = np.unique(run[rows["subject"] != last[run]])
        return rows["key"][fresh][several], last[several]

    def _path(self, number: int) -> Path:
        return self._scratch / f"keys-{number:02d}.bin"
