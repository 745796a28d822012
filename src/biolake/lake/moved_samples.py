"""Samples that a corrected sheet gives to another subject: what they say of people moves along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.schema import ASSET_SAMPLES

if TYPE_CHECKING:
    from biolake.lake.door import View

SAMPLE = "sample"  # the system of the names that laboratories give their samples
# All samples of the assets of which one is another subject's now.
_HELD = """
SELECT s.* FROM asset_samples s SEMI JOIN (
    SELECT asset_id FROM asset_samples SEMI JOIN moved USING (sample_key)
    WHERE site_id = ? AND subject_id IS NOT NULL
) USING (asset_id) ORDER BY asset_id, number
"""


@dataclass
class MovedSamples:
    """The samples that one load gave to another subject."""

    keys: dict[str, tuple[set[int], int]] = field(default_factory=dict)
    """Hash of the sample's name → whose it was, whose it is."""
    identifiers: dict[bytes, int] = field(default_factory=dict)

    def add(self, identifier: bytes, key: str, before: int, after: int) -> None:
        """Note one sample, under its identifier's hash and its name's."""
        self.identifiers[identifier] = after
        was = self.keys[key][0] if key in self.keys else set()
        self.keys[key] = (was | {before}, after)

    def __len__(self) -> int:
        return len(self.keys)

    def now(self, identifier: bytes, subject: int) -> int:
        """Return whom an identifier leads to now."""
        return self.identifiers.get(identifier, subject)

    def stored(self, view: View, site: str) -> pa.Table:
        """Return all samples of the stored assets of which one has moved."""
        if not self.keys:
            return ASSET_SAMPLES.empty_table()
        view.con.register("moved", pa.table({"sample_key": pa.array(self.keys, pa.string())}))
        found = view.table(_HELD, [site])
        view.con.unregister("moved")
        return found.select(ASSET_SAMPLES.names).cast(ASSET_SAMPLES)

    def applied(self, rows: pa.Table) -> tuple[pa.Table, int]:
        """Give moved samples among rows to whom they are now; return how many."""
        if not self.keys or not len(rows):
            return rows, 0
        ids, count = rows["subject_id"].to_pylist(), 0
        for n, key in enumerate(rows["sample_key"].to_pylist()):
            was, now = self.keys.get(key, ((), 0))
            if ids[n] in was and ids[n] != now:
                ids[n] = now
                count += 1
        place = rows.column_names.index("subject_id")
        return rows.set_column(place, rows.schema.field(place), pa.array(ids, pa.int64())), count


class Recorded:
    """The subjects that are known by more than names of samples."""

    def __init__(
        self, stored: Iterable[pa.Table], new: Sequence[tuple[bytes, str, str, int]]
    ) -> None:
        parts = [np.empty(0, dtype=np.int64)]
        for table in stored:
            others = table.filter(pc.not_equal(table["system"], SAMPLE))
            parts.append(others["subject_id"].to_numpy())
        self._stored = np.unique(np.concatenate(parts))
        self._new, self._seen, self._looked = new, set[int](), 0  # `new` grows during the load

    def __contains__(self, subject: int) -> bool:
        fresh = self._new[self._looked :]
        self._looked = len(self._new)
        self._seen.update(who for _, system, _, who in fresh if system != SAMPLE)
        place = int(np.searchsorted(self._stored, subject))
        stored = place < len(self._stored) and int(self._stored[place]) == subject
        return stored or subject in self._seen
