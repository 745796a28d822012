"""The samples of a feature set: who, as of when, in the order in which the lake holds them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.errors import DataRefused
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View


@dataclass(frozen=True)
class Samples:
    """Arrays of equal length, ordered by shard group, shard, subject and prediction time.

    `row` is the row of the labels each sample came from, `time` microseconds since 1970, `events`
    how many events its subject has: what a sample may cost, nothing a feature may use.
    """

    subject_id: np.ndarray
    time: np.ndarray
    row: np.ndarray
    group: np.ndarray
    shard: np.ndarray
    events: np.ndarray
    train: np.ndarray

    def __len__(self) -> int:
        return len(self.subject_id)

    def subjects(self) -> np.ndarray:
        """Return the number of each sample's subject, in the order in which they come."""
        fresh = self.subject_id[1:] != self.subject_id[:-1]
        return np.append(False, fresh)[: len(self)].cumsum()

    def latest(self) -> Samples:
        """Return each subject's last sample only."""
        last = np.append(self.subject_id[1:] != self.subject_id[:-1], True)[: len(self)]
        return self.take(np.flatnonzero(last))

    def take(self, rows: np.ndarray) -> Samples:
        return Samples(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def table(self) -> pa.Table:
        """Return what identifies the samples, as it is stored beside the features."""
        return pa.table(
            {
                "sample": np.arange(len(self), dtype=np.int32),
                "subject_id": self.subject_id,
                "prediction_time": pa.array(self.time).cast(MICROSECONDS),
                "row": self.row,
            }
        )


@dataclass(frozen=True)
class Chunk:
    """A run of samples of one shard group: what one query answers."""

    number: int
    start: int
    stop: int
    group: int
    shards: tuple[int, int]


def arrange(view: View, labels: pa.Table, train_subjects: Collection[int] | None) -> Samples:
    """Order the samples of a label table; every subject of it must be in the commit."""
    subject_id, time = _keys(labels)
    known = view.table(
        "SELECT subject_id, shard_group, shard, events FROM subjects ORDER BY subject_id"
    )
    ids = known["subject_id"].to_numpy()
    place = np.searchsorted(ids, subject_id).clip(max=max(len(ids) - 1, 0))
    found = ids[place] == subject_id if len(ids) else np.zeros(len(subject_id), dtype=bool)
    if strangers := len(np.unique(subject_id[~found])):
        raise DataRefused(
            f"{strangers} subjects of the labels are not in commit {view.commit.number}",
            where=view.lake.root,
            next="Build the labels from the same lake and commit as the features.",
        )
    train = np.ones(len(subject_id), dtype=bool)
    if train_subjects is not None:
        train = np.isin(subject_id, np.fromiter(train_subjects, dtype=np.int64))
    group, shard, events = (known[n].to_numpy()[place] for n in known.column_names[1:])
    row = np.arange(len(subject_id), dtype=np.int64)
    order = np.lexsort((row, time, subject_id, shard, group))
    return Samples(subject_id, time, row, group, shard, events, train).take(order)


def _keys(labels: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    for name in ("subject_id", "prediction_time"):
        if name not in labels.column_names:
            raise DataRefused(f"the labels have no column '{name}'")
        if labels[name].null_count:
            raise DataRefused(f"column '{name}' of the labels has empty rows")
    kind = labels["prediction_time"].type
    if not pa.types.is_timestamp(kind) or kind.tz is not None:
        raise DataRefused(
            f"column 'prediction_time' of the labels is {kind}, not a time without a zone",
            next="The lake holds naive times; labels follow the same clock.",
        )
    try:
        time = pc.cast(labels["prediction_time"], MICROSECONDS).cast(pa.int64()).to_numpy()
        return pc.cast(labels["subject_id"], pa.int64()).to_numpy(), time
    except pa.ArrowInvalid:
        raise DataRefused(
            "a subject is not a whole number, or a prediction time is finer than a microsecond"
        ) from None


def chunks(
    samples: Samples, cost: np.ndarray, budget: int, apart: np.ndarray | None = None
) -> list[Chunk]:
    """Cut samples into runs of one shard group whose cost stays within the budget if it can.

    `apart` is a number for each sample, the same within a shard group or finer: those that differ
    come into different runs.
    """
    found: list[Chunk] = []
    total = np.cumsum(cost.astype(np.int64))
    edges = np.flatnonzero(np.diff(samples.group if apart is None else apart, append=-1)) + 1
    start = 0
    for edge in edges.tolist():
        while start < edge:
            before = int(total[start - 1]) if start else 0
            stop = int(np.searchsorted(total, before + budget, side="right"))
            stop = min(max(stop, start + 1), edge)
            shards = int(samples.shard[start]), int(samples.shard[stop - 1])
            found.append(Chunk(len(found), start, stop, int(samples.group[start]), shards))
            start = stop
    return found
