"""Which events each sample meets in its windows, sorted into rows: one a sample and item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from biolake.retrieval.definition import FOREVER, Window

Span = tuple[np.ndarray, np.ndarray]  # of each sample, its first event and the one after its last


class Ordered(Protocol):
    """What lies in time, ordered by the number of its subject, then by time."""

    @property
    def subject(self) -> np.ndarray: ...

    @property
    def time(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Meeting:
    """The events that samples meet, those of one row side by side.

    `sample` and `item` are of each row; `row` and `event` of each meeting of a sample and an event.
    The order within a row is by code, time and place in the lake, whatever else the lake holds.
    """

    sample: np.ndarray
    item: np.ndarray
    row: np.ndarray
    event: np.ndarray

    def __len__(self) -> int:
        return len(self.sample)


def span(past: Ordered, subject: np.ndarray, time: np.ndarray, window: Window) -> Span:
    """Return which events of its subject each sample's window holds."""
    first = np.searchsorted(past.subject, subject, side="left")
    last = np.searchsorted(past.subject, subject, side="right")
    end = _after(past.time, first, last, time - window.cut)
    if window.until >= FOREVER:
        return first, end
    return _after(past.time, first, last, time - window.until), end


def _after(times: np.ndarray, low: np.ndarray, high: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return the place after the last time ≤ limit in each sorted stretch, all halved at once."""
    low, high = low.copy(), high.copy()
    while (open_ := np.flatnonzero(low < high)).size:
        middle = (low[open_] + high[open_]) // 2
        below = times[middle] <= limit[open_]
        low[open_[below]] = middle[below] + 1
        high[open_[~below]] = middle[~below]
    return low


def meet(spans: list[Span], items: np.ndarray, width: int, each: bool) -> Meeting:
    """Pair each sample with every event in reach of its windows; `items` numbers events' codes.

    The codes have a row each, or all share the one item 0.
    """
    begin = np.minimum.reduce([first for first, _ in spans])
    length = np.maximum.reduce([last for _, last in spans]) - begin
    before = np.cumsum(length) - length
    event = np.arange(length.sum()) + np.repeat(begin - before, length)
    pair = np.repeat(np.arange(len(length)) * width, length) + items[event]
    pair, event = _sorted(pair, event)
    key = pair if each else pair // width
    fresh = np.append(True, key[1:] != key[:-1])[: len(key)]
    sample, item = np.divmod(pair[fresh], width)
    return Meeting(sample, item if each else np.zeros_like(item), fresh.cumsum() - 1, event)


def _sorted(pair: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort by pair, then event: as one number if the two fit into it, which is much faster."""
    bits = int(event.max(initial=0)).bit_length()
    if int(pair.max(initial=0)).bit_length() + bits >= 63:
        order = np.lexsort((event, pair))
        return pair[order], event[order]
    both = pair << bits
    both |= event
    both.sort()
    return both >> bits, both & ((1 << bits) - 1)
