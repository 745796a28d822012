"""A block of a matrix, made into events without a loop over its values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core import schema
from biolake.core.bounds import TOO_LARGE, TOO_SMALL
from biolake.core.reading import Reject
from biolake.statistics.columns import Flags, Floats

# The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), as in core.hashing.
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TURN = np.uint64(0x9E3779B97F4A7C15)
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
NOT_A_NUMBER = "not a number"
BEYOND = "a number beyond what float32 holds"


@dataclass(frozen=True)
class Labels:
    """One side of a matrix: what each line of it stands for, and a hash of what makes it unique."""

    texts: tuple[str, ...]
    hashes: np.ndarray  # uint64

    def dictionary(self, indices: np.ndarray) -> pa.Array:
        values = pa.array(self.texts, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), values)


def labels(texts: Sequence[str], unique: Sequence[str] | None = None) -> Labels:
    """Return labels; `unique` are what tells two lines of one text apart (sample, not patient)."""
    return Labels(tuple(texts), np.array([digest(u) for u in unique or texts], dtype=np.uint64))


def digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def row_key(*words: str) -> int:
    """Return the signed row key of one row that has these words for its identity."""
    raw = digest("\0".join(words))
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def numbers(columns: Sequence[pa.Array], rows: int) -> tuple[Floats, Flags]:
    """Return columns of text as rows × columns of numbers (NaN: missing), and the bad cells."""
    values = np.empty((len(columns), rows))
    bad = np.zeros((len(columns), rows), dtype=bool)
    for place, column in enumerate(columns):
        try:
            found = column.cast(pa.float64())
        except pa.ArrowInvalid:
            good = pc.match_substring_regex(column, _NUMBER).fill_null(True)
            bad[place] = ~np.asarray(good)
            spared = pc.if_else(good, pc.utf8_trim_whitespace(column), None)
            found = spared.cast(pa.float64())
        values[place] = found.to_numpy(zero_copy_only=False)
    return values.T, bad.T


def unstorable(values: Floats) -> Flags:
    """Mark the cells that float32 cannot hold; missing ones can be left out."""
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        return (size >= TOO_LARGE) | ((size <= TOO_SMALL) & (size > 0))


def rejects(bad: Flags, lines: np.ndarray, places: Sequence[int], reason: str) -> list[Reject]:
    """Return one reject a row that has a bad cell, with the number of its first bad column."""
    rows = np.flatnonzero(bad.any(axis=1))
    if not len(rows):
        return []
    first = bad[rows].argmax(axis=1)
    return [
        Reject(int(lines[row]), f"column {places[column] + 1}", reason)
        for row, column in zip(rows, first, strict=True)
    ]


def melt(
    values: Floats, rows: Labels, columns: Labels, *, subjects: str, time: int | np.ndarray
) -> pa.Table:
    """Return an event for every value that is there; `subjects` are the `rows` or the `columns`.

    `time` is one for all, or one a subject.

    The key of an event is made of the hashes of its code and its subject, whichever side they
    stand on: a value sent again replaces.
    """
    row, column = np.nonzero(~np.isnan(values))
    sides = ((rows, row), (columns, column))
    who, what = sides if subjects == "rows" else sides[::-1]
    keys = mixed(what[0].hashes[what[1]], who[0].hashes[who[1]])
    subject, code = (side.dictionary(places) for side, places in (who, what))
    count = len(row)
    when = np.broadcast_to(time, len(values) if subjects == "rows" else values.shape[1])
    when = when[row if subjects == "rows" else column]
    return pa.table(
        {
            "subject": subject,
            "time": pa.array(when).cast(schema.MICROSECONDS),
            "end_time": pa.nulls(count, schema.MICROSECONDS),
            "code": code,
            "numeric_value": pa.array(values[row, column]),
            "text_value": pa.nulls(count, pa.string()),
            "unit": pa.nulls(count, pa.string()),
            "encounter": pa.nulls(count, pa.string()),
            "row_key": pa.array(keys),
        },
    )


def mixed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Fold two hashes into signed keys; the order matters not, which side is which does."""
    key = (one * _TURN) ^ other
    key ^= key >> np.uint64(30)
    key *= _MIX_1
    key ^= key >> np.uint64(27)
    key *= _MIX_2
    key ^= key >> np.uint64(31)
    return np.asarray(key.view(np.int64))
