"""What the values of a matrix are: counts, something else, or nothing that can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.compiled import compiled
from biolake.omics.cells.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

Place = tuple[int, int]  # row and column, from 0
MOST = 2.0**31  # molecules of one gene in one cell: cells hold some 10^5 to 10^6 of all genes


@dataclass(frozen=True)
class Values:
    """What occurs in a matrix, and where the first of each kind stands."""

    count: int = 0  # values stored
    fraction: Place | None = None
    negative: Place | None = None
    endless: Place | None = None  # NaN or infinite
    whole: bool = False  # some value other than zero is whole
    beyond: Place | None = None  # more than any cell holds of one molecule

    @property
    def counts(self) -> bool:
        return not (self.fraction or self.negative or self.endless or self.beyond)

    @property
    def spoilt(self) -> str:
        """Say what spoils counts; nothing for counts, and for what never were any."""
        if self.fraction or not self.whole:
            return ""
        if self.endless:
            return f"a count is NaN or infinite ({said(self.endless)})"
        if self.negative:
            return f"a count is below zero ({said(self.negative)})"
        return f"a count is impossibly large ({said(self.beyond)})" if self.beyond else ""


def said(place: Place) -> str:
    """Say a place to a person: rows and columns count from 1."""
    return f"cell {place[0] + 1:,}, feature {place[1] + 1:,}"


def values_of(counts: object) -> Values:
    """Look at every value of a matrix, block by block."""
    return together(of_block(start, block) for start, block in blocks(counts))


def together(parts: Iterable[Values]) -> Values:
    """Put what was seen in blocks, in their order, into one."""
    seen = Values()
    for part in parts:
        seen = Values(
            seen.count + part.count,
            seen.fraction or part.fraction,
            seen.negative or part.negative,
            seen.endless or part.endless,
            seen.whole or part.whole,
            seen.beyond or part.beyond,
        )
    return seen


def of_block(start: int, block: Any) -> Values:
    """Look at every value of some rows, of which the first is `start` of the whole."""
    values = block.ravel() if isinstance(block, np.ndarray) else block.data
    if values.dtype.kind == "b" or not len(values):
        return Values(len(values), whole=bool(values.any()))
    high = int(values.argmax())  # NaN, where there is one
    beyond = _place(start, block, high) if values[high] > MOST else None
    if values.dtype.kind in "iu":
        low = int(values.argmin())
        below = _place(start, block, low) if values[low] < 0 else None
        return Values(len(values), negative=below, whole=bool(values.any()), beyond=beyond)
    *first, whole = _kinds_loop()(values)
    fraction, negative, endless = (None if at < 0 else _place(start, block, at) for at in first)
    return Values(len(values), fraction, negative, endless, bool(whole), beyond)


def _place(start: int, block: Any, at: int) -> Place:
    if isinstance(block, np.ndarray):
        row, column = divmod(at, block.shape[1])
    else:
        row = int(np.searchsorted(block.indptr, at, "right")) - 1
        column = int(block.indices[at])
    return start + int(row), int(column)


@cache
def _kinds_loop() -> Callable[[np.ndarray], tuple[int, int, int, bool]]:
    return compiled(_kinds)


def _kinds(values: np.ndarray) -> tuple[int, int, int, bool]:
    """Return where the first fraction, the first negative and the first endless value stand."""
    fraction, negative, endless, whole = -1, -1, -1, False
    for at in range(len(values)):
        value = values[at]
        if not np.isfinite(value):
            if endless < 0:
                endless = at
        elif value != np.floor(value):
            if fraction < 0:
                fraction = at
        else:
            whole = whole or value != 0
        if value < 0 and negative < 0:
            negative = at
    return fraction, negative, endless, whole
