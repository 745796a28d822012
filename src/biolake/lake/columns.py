"""A block of events in memory: one NumPy array a column, strings as numbers into shared lists.

Missing values are marked inside the arrays (`NO_TIME`, NaN, -1, `NO_ENCOUNTER`), because plain
arrays sort and move several times faster than nullable Arrow columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from biolake.lake.linkage import NO_ENCOUNTER

NO_TIME = np.iinfo(np.int64).min

SPILL = pa.schema(
    [
        pa.field("subject", pa.int32()),
        pa.field("time", pa.int64()),
        pa.field("end_time", pa.int64()),
        pa.field("code", pa.int32()),
        pa.field("value", pa.float32()),
        pa.field("unit", pa.int32()),
        pa.field("encounter", pa.int64()),
        pa.field("key", pa.int64()),
        pa.field("origin", pa.int32()),
        pa.field("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class Block:
    """Events as arrays of equal length; `origin` numbers (site, load, source) triples."""

    subject: np.ndarray
    time: np.ndarray
    end_time: np.ndarray
    code: np.ndarray
    value: np.ndarray
    unit: np.ndarray
    encounter: np.ndarray
    key: np.ndarray
    origin: np.ndarray
    text: pa.Array

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, order: np.ndarray) -> Block:
        """Return the rows at `order` (indices), in that order."""
        moved = {f.name: getattr(self, f.name)[order] for f in fields(self) if f.name != "text"}
        return Block(**moved, text=_take_text(self.text, order))

    def slice(self, start: int, stop: int) -> Block:
        cut = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name != "text"}
        return Block(**cut, text=self.text.slice(start, stop - start))

    def keep(self, mask: np.ndarray) -> Block:
        return self if mask.all() else self.take(np.flatnonzero(mask))

    def with_key(self, key: np.ndarray) -> Block:
        return replace(self, key=key)

    def to_batch(self) -> pa.RecordBatch:
        columns = [getattr(self, name) for name in SPILL.names[:-1]]
        return pa.RecordBatch.from_arrays(
            [*(pa.array(c) for c in columns), self.text], schema=SPILL
        )


def _take_text(text: pa.Array, order: np.ndarray) -> pa.Array:
    if text.null_count == len(text):
        return pa.nulls(len(order), pa.string())
    return text.take(pa.array(order))


def concat(blocks: Sequence[Block]) -> Block:
    """Join blocks in the order given."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return from_batches([])
    joined = {
        f.name: np.concatenate([getattr(b, f.name) for b in blocks])
        for f in fields(Block)
        if f.name != "text"
    }
    return Block(**joined, text=pa.concat_arrays([b.text for b in blocks]))


def from_batches(batches: Sequence[pa.RecordBatch]) -> Block:
    table = pa.Table.from_batches(batches, schema=SPILL)
    arrays = {name: table[name].to_numpy() for name in SPILL.names[:-1]}
    text = table["text"].combine_chunks()
    if isinstance(text, pa.ChunkedArray):
        text = pa.concat_arrays(text.chunks) if text.num_chunks else pa.nulls(0, pa.string())
    return Block(**arrays, text=text)


def times_to_int(values: pa.Array) -> np.ndarray:
    """Return microseconds since 1970, `NO_TIME` where null."""
    whole = values.cast(pa.timestamp("us")).cast(pa.int64())
    if whole.null_count:
        whole = whole.fill_null(int(NO_TIME))
    return np.asarray(whole.to_numpy(zero_copy_only=False))


def times_to_arrow(values: np.ndarray) -> pa.Array:
    missing = values == NO_TIME
    mask = missing if missing.any() else None
    return pa.array(values, pa.int64(), mask=mask).cast(pa.timestamp("us"))


def values_to_arrow(values: np.ndarray) -> pa.Array:
    missing = np.isnan(values)
    return pa.array(values, pa.float32(), mask=missing if missing.any() else None)


def encounters_to_arrow(values: np.ndarray) -> pa.Array:
    missing = values == NO_ENCOUNTER
    return pa.array(values, pa.int64(), mask=missing if missing.any() else None)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column's chunks as one array."""
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)
