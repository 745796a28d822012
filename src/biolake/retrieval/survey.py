"""What the samples could see, counted before any feature is built: codes, subjects, units.

A vocabulary is learned from this, so it looks no further than the features: only events at or
before each subject's last sample, and subjects are counted among the training subjects only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from biolake.lake.door import View
from biolake.retrieval.samples import Chunk, Samples, chunks
from biolake.retrieval.workers import code_type, each

BATCH_ROWS = 1 << 20
_CELLS = 1 << 25  # subjects × codes looked at together: one byte each

_EVENTS = """
    SELECT subject_id,
           epoch_us(time) AS time,
           epoch_us(coalesce(end_time, time)) AS known,
           CAST(enum_code(TRY_CAST(code AS {codes})) AS INTEGER) AS code,
           CAST(enum_code(TRY_CAST(unit AS {units})) AS INTEGER) AS unit,
           coalesce(isfinite(numeric_value), false) AS valued
    FROM events
    WHERE shard_group = {group} AND shard BETWEEN {first} AND {last} AND time IS NOT NULL
"""

_STATIC = """
    SELECT e.code, count(DISTINCT e.subject_id)
    FROM events e JOIN biolake_train t USING (subject_id)
    WHERE e.time IS NULL
    GROUP BY e.code
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


def survey(view: View, samples: Samples, codes: Sequence[str], cut: int, threads: int) -> Survey:
    """Count what samples see of some codes at least `cut` microseconds before their time."""
    total = Survey.empty(codes)
    if not len(samples) or not codes:
        return total
    latest = samples.latest()
    names = [u for (u,) in view.rows("SELECT DISTINCT unit FROM events") if u is not None]
    units: list[str | None] = [*sorted(names), None]
    per_chunk = max(1, _CELLS // len(codes))
    parts = chunks(latest, np.ones(len(latest)), per_chunk)
    with (
        code_type(view, "biolake_surveyed", codes),
        code_type(view, "biolake_units", names or [""]),
    ):

        def look(con: duckdb.DuckDBPyConnection, chunk: Chunk) -> Survey:
            rows = latest.take(np.arange(chunk.start, chunk.stop))
            return _look(con, chunk, rows, codes, units, cut)

        for found in each(view, threads, look, parts):
            total.add(found)
    return total


def static_survey(view: View, samples: Samples) -> dict[str, int]:
    """Return by code how many training subjects have a fact of it without a time."""
    train = np.unique(samples.subject_id[samples.train])
    view.con.register("biolake_train", pa.table({"subject_id": train}))
    try:
        return dict(view.rows(_STATIC))
    finally:
        view.con.unregister("biolake_train")


def _look(
    con: duckdb.DuckDBPyConnection,
    chunk: Chunk,
    latest: Samples,
    codes: Sequence[str],
    units: Sequence[str | None],
    cut: int,
) -> Survey:
    found = Survey.empty(codes)
    order = np.argsort(latest.subject_id)
    ids, until = latest.subject_id[order], latest.time[order] - cut
    train = latest.train[order]
    seen = np.zeros((len(ids), len(codes)), dtype=bool)
    for batch in _batches(con, chunk):
        place, code = _places(ids, batch["subject_id"]), batch["code"]
        visible = (place >= 0) & (code >= 0) & (batch["time"] <= until[place])
        found.events += np.bincount(code[visible], minlength=len(codes))
        counted = visible & train[place]
        seen[place[counted], code[counted]] = True
        known = visible & batch["valued"] & (batch["known"] <= until[place])
        found.units.update(_units(code, batch["unit"], known, units))
        known &= train[place]
        found.train_units.update(_units(code, batch["unit"], known, units))
    found.subjects += seen.sum(axis=0)
    return found


def _batches(con: duckdb.DuckDBPyConnection, chunk: Chunk) -> Iterator[dict[str, np.ndarray]]:
    first, last = chunk.shards
    query = _EVENTS.format(
        codes="biolake_surveyed",
        units="biolake_units",
        group=chunk.group,
        first=first,
        last=last,
    )
    for batch in con.sql(query).to_arrow_reader(BATCH_ROWS):
        yield {name: _array(batch.column(name)) for name in batch.schema.names}


def _array(column: pa.Array) -> np.ndarray:
    """Return a column as NumPy; a number that is not there becomes -1."""
    filled = column.fill_null(-1) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def _places(ids: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return where each subject stands among sorted ids, -1 where it does not.

    Rows come in runs of one subject, so each run is looked up once.
    """
    starts = np.flatnonzero(np.append(True, subjects[1:] != subjects[:-1])[: len(subjects)])
    runs = subjects[starts]
    place = np.searchsorted(ids, runs).clip(max=len(ids) - 1)
    place[ids[place] != runs] = -1
    return np.repeat(place, np.diff(np.append(starts, len(subjects))))


def _units(
    code: np.ndarray, unit: np.ndarray, rows: np.ndarray, names: Sequence[str | None]
) -> Counter[tuple[int, str | None]]:
    """Count (code, unit) pairs among some rows; unit -1 is none, the last of `names`."""
    width = len(names)
    keys = code[rows].astype(np.int64) * width + unit[rows] % width
    if keys.max(initial=0) < _CELLS // 8:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts)
        counts = counts[found]
    else:
        found, counts = np.unique(keys, return_counts=True)
    pairs = zip(found.tolist(), counts.tolist(), strict=True)
    return Counter({(key // width, names[key % width]): count for key, count in pairs})
