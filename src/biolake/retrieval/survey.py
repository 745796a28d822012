"""What the samples could see, counted before any feature is built: codes, subjects, units.

A vocabulary is learned from this, so it looks no further than the features: only events at or
before each subject's last sample, and subjects are counted among the training subjects only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from biolake.lake.door import View
from biolake.retrieval.past import Past
from biolake.retrieval.samples import Samples

_COUNTED_AT_ONCE = 1 << 22  # pairs of code and unit, of which few occur

_STATIC = """
    SELECT e.code, count(DISTINCT e.subject_id)
    FROM events e JOIN biolake_train t USING (subject_id)
    WHERE e.time IS NULL
    GROUP BY e.code
"""


_STATIC_UNITS = """
    SELECT code, list(DISTINCT unit ORDER BY unit), bool_or(unit IS NULL) FROM events
    WHERE time IS NULL AND numeric_value IS NOT NULL AND code IN (SELECT unnest(?::VARCHAR[]))
    GROUP BY code
"""


@dataclass
class Survey:
    """Counts by code, in the order of `codes`.

    `subjects`: training subjects with a visible event of it; `events`: visible events of any
    subject; `units`: (code, unit) → visible values of training subjects, and of all.
    """

    codes: list[str]
    subjects: np.ndarray
    events: np.ndarray
    train_units: Counter[tuple[int, str | None]] = field(default_factory=Counter)
    units: Counter[tuple[int, str | None]] = field(default_factory=Counter)

    @staticmethod
    def empty(codes: Sequence[str]) -> Survey:
        nothing = np.zeros(len(codes), dtype=np.int64)
        return Survey(list(codes), nothing.copy(), nothing.copy())

    def add(self, other: Survey) -> None:
        self.subjects += other.subjects
        self.events += other.events
        self.train_units.update(other.train_units)
        self.units.update(other.units)


def survey(
    past: Past,
    until: np.ndarray,
    train: np.ndarray,
    codes: Sequence[str],
    units: Sequence[str | None],
) -> Survey:
    """Count the events up to each subject's `until`; `train` tells which subjects are training."""
    ends = until[past.subject]
    visible = past.time <= ends
    if not visible.all():
        past, ends = past.take(visible), ends[visible]
    taught = train[past.subject]
    known = past.known(ends)
    return Survey(
        list(codes),
        _subjects(past, taught, len(codes)),
        np.bincount(past.code, minlength=len(codes)),
        _units(past, known & taught, units),
        _units(past, known, units),
    )


def static_survey(view: View, samples: Samples) -> dict[str, int]:
    """Return by code how many training subjects have a fact of it without a time."""
    train = np.unique(samples.subject_id[samples.train])
    view.con.register("biolake_train", pa.table({"subject_id": train}))
    try:
        return dict(view.rows(_STATIC))
    finally:
        view.con.unregister("biolake_train")


def static_units(view: View, codes: Sequence[str]) -> dict[str, list[str | None]]:
    """Return the units of the numbers of facts without a time, for codes that have numbers."""
    rows = view.rows(_STATIC_UNITS, [list(codes)])
    return {code: [*units, *([None] if bare else [])] for code, units, bare in rows}


def _subjects(past: Past, counted: np.ndarray, width: int) -> np.ndarray:
    """Count by code the subjects of some rows."""
    pairs = past.subject.astype(np.int64) * width + past.code
    pairs = np.sort(pairs if counted.all() else pairs[counted])
    fresh = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    return np.bincount(pairs[fresh] % width, minlength=width)


def _units(
    past: Past, rows: np.ndarray, names: Sequence[str | None]
) -> Counter[tuple[int, str | None]]:
    """Count (code, unit) pairs among some rows; unit -1 is none, the last of `names`."""
    width = len(names)
    keys = (past.code.astype(np.int64) * width + past.unit % width)[rows]
    if keys.max(initial=0) < _COUNTED_AT_ONCE:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts)
        counts = counts[found]
    else:
        found, counts = np.unique(keys, return_counts=True)
    pairs = zip(found.tolist(), counts.tolist(), strict=True)
    return Counter({(key // width, names[key % width]): count for key, count in pairs})
