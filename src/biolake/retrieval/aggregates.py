"""The aggregations: what one window says of the events of each row.

Every sum is added up in float64 in the order of the events, so that it is the same to the last bit
whatever else is built. A single value is as exact as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from biolake.retrieval.definition import DAY, VALUED
from biolake.retrieval.past import Past


@dataclass
class Seen:
    """Events that a window sees; those of a row are side by side.

    `row` and `event` are of each event seen, `time` is the prediction time of each row, `cut` how
    long before it the window ends.
    """

    past: Past
    time: np.ndarray
    row: np.ndarray
    event: np.ndarray
    cut: int

    @cached_property
    def count(self) -> np.ndarray:
        return np.bincount(self.row, minlength=len(self.time))

    @cached_property
    def age(self) -> np.ndarray:
        """How long before the prediction each event was, in microseconds."""
        return np.asarray(self.time[self.row] - self.past.time[self.event])

    @cached_property
    def value(self) -> np.ndarray:
        return np.asarray(self.past.value[self.event])

    @cached_property
    def known(self) -> Seen:
        """Those with a value that was known: not of an event still going on at the window's end."""
        known = ~np.isnan(self.value)
        if self.past.ended is not None:
            known &= self.past.ended[self.event] <= self.time[self.row] - self.cut
        return self if known.all() else self.where(known)

    def where(self, chosen: np.ndarray) -> Seen:
        rows = np.flatnonzero(chosen)
        return Seen(self.past, self.time, self.row[rows], self.event[rows], self.cut)

    def total(self, of: np.ndarray) -> np.ndarray:
        return np.bincount(self.row, weights=of, minlength=len(self.time))

    def mean(self, of: np.ndarray) -> np.ndarray:
        return np.asarray(self.total(of) / np.maximum(self.count, 1))

    def least(self, of: np.ndarray) -> np.ndarray:
        return self._reduced(np.minimum, of)

    def greatest(self, of: np.ndarray) -> np.ndarray:
        return self._reduced(np.maximum, of)

    def _reduced(self, take: np.ufunc, of: np.ndarray) -> np.ndarray:
        """Return one of each row's numbers, 0 for a row without any."""
        found = np.zeros(len(self.time), of.dtype)
        if len(of):
            found[self.row[self._starts]] = take.reduceat(of, self._starts)
        return found

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.flatnonzero(np.diff(self.row, prepend=-1))


def _first(seen: Seen) -> np.ndarray:
    """Return the earliest value, of several at one time the least."""
    earliest = seen.where(seen.age == seen.greatest(seen.age)[seen.row])
    return earliest.least(earliest.value)


def _last(seen: Seen) -> np.ndarray:
    """Return the latest value, of several at one time the greatest."""
    latest = seen.where(seen.age == seen.least(seen.age)[seen.row])
    return latest.greatest(latest.value)


def _sd(seen: Seen) -> np.ndarray:
    """Return the standard deviation of a sample, with n - 1 below."""
    off = seen.value - seen.mean(seen.value)[seen.row]
    return np.asarray(np.sqrt(seen.total(off * off) / np.maximum(seen.count - 1, 1)))


def _slope(seen: Seen) -> np.ndarray:
    """Return the slope of the least-squares line of value against time, a day."""
    day = seen.age / -DAY
    day -= seen.mean(day)[seen.row]
    off = seen.value - seen.mean(seen.value)[seen.row]
    wide = seen.total(day * day)
    return np.asarray(seen.total(day * off) / np.where(wide > 0, wide, 1))


def _any(seen: Seen) -> np.ndarray:
    return seen.count > 0


@dataclass(frozen=True)
class _Measure:
    """One aggregation: its type, its value, and which rows have enough events to have one."""

    kind: pa.DataType
    of: Callable[[Seen], np.ndarray]
    enough: Callable[[Seen], np.ndarray] = _any


_MEASURES = {
    "count": _Measure(pa.int32(), lambda seen: seen.count),
    "presence": _Measure(pa.int8(), _any),
    "time_since": _Measure(pa.float64(), lambda seen: seen.least(seen.age) / DAY),
    "n": _Measure(pa.int32(), lambda seen: seen.count),
    "observed": _Measure(pa.int8(), _any),
    "first": _Measure(pa.float32(), _first),
    "last": _Measure(pa.float32(), _last),
    "min": _Measure(pa.float32(), lambda seen: seen.least(seen.value)),
    "max": _Measure(pa.float32(), lambda seen: seen.greatest(seen.value)),
    "sum": _Measure(pa.float64(), lambda seen: seen.total(seen.value)),
    "mean": _Measure(pa.float64(), lambda seen: seen.mean(seen.value)),
    "sd": _Measure(pa.float64(), _sd, lambda seen: seen.count > 1),
    "slope": _Measure(
        pa.float64(), _slope, lambda seen: seen.greatest(seen.age) > seen.least(seen.age)
    ),
}


def aggregate(name: str, seen: Seen) -> tuple[pa.Array, np.ndarray]:
    """Return one aggregation of each row, null where there is nothing to tell, and where not."""
    measure = _MEASURES[name]
    told = seen.known if name in VALUED else seen
    there = measure.enough(told)
    values = measure.of(told).astype(measure.kind.to_pandas_dtype(), copy=False)
    missing = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    buffers = [missing, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(measure.kind, len(values), buffers), there
