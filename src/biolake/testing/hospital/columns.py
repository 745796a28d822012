"""Tables of numpy columns: what the hospital knows before any format is chosen."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


@dataclass(frozen=True)
class Columns:
    """Equally long arrays, one per field."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: np.ndarray | slice) -> Self:
        """Keep these rows, in this order (a mask, positions or a slice)."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


T = TypeVar("T", bound=Columns)


def stack(tables: Sequence[T]) -> T:
    """Put tables of one type below each other."""
    import numpy as np

    first = tables[0]
    return replace(
        first,
        **{f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(first)},
    )
