"""What samples may see of their subjects' past, as plain arrays kept between survey and writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

NO_END = int(np.iinfo(np.int64).min)  # what Arrow and NumPy make of a time that is not there


@dataclass(frozen=True)
class Past:
    """Events of a run of subjects, as arrays of equal length ordered by subject, then time.

    `subject` counts the subjects of the run from 0, `time` is in microseconds, `code` and `unit`
    are numbers (unit -1 = none), `value` is NaN where there is none. `ended` is None if no event
    has an end, else `NO_END` where one has none.
    """

    subject: np.ndarray
    time: np.ndarray
    code: np.ndarray
    value: np.ndarray
    unit: np.ndarray
    ended: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: np.ndarray | slice) -> Past:
        return Past(**{name: array[rows] for name, array in self._arrays().items()})

    def of_subjects(self, first: int, last: int) -> Past:
        """Return the events of the subjects from `first` to `last`, which keep their numbers."""
        start, stop = np.searchsorted(self.subject, (first, last + 1)).tolist()
        return self.take(slice(start, stop))

    def known(self, until: np.ndarray) -> np.ndarray:
        """Tell which events have a value that was known by a time, one for each event."""
        known: np.ndarray = ~np.isnan(self.value)
        if self.ended is not None:
            known &= self.ended <= until
        return known

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in arrays.items() if array is not None}

    def _ending(self) -> Past:
        """Return the same with an array of ends."""
        ended = np.full(len(self), NO_END) if self.ended is None else self.ended
        return replace(self, ended=ended)

    @staticmethod
    def joined(parts: Sequence[Past]) -> Past:
        """Return some events after one another, put in order if they are not."""
        if not parts:
            numbers = np.empty(0, np.int32)
            values = np.empty(0, np.float32)
            return Past(numbers, np.empty(0, np.int64), numbers, values, numbers)
        if any(part.ended is not None for part in parts):
            parts = [part._ending() for part in parts]
        names = parts[0]._arrays()
        past = Past(**{n: np.concatenate([part._arrays()[n] for part in parts]) for n in names})
        earlier = (past.subject[1:] == past.subject[:-1]) & (past.time[1:] < past.time[:-1])
        if earlier.any() or (past.subject[1:] < past.subject[:-1]).any():
            return past.take(np.lexsort((past.time, past.subject)))
        return past

    def save(self, path: Path) -> None:
        """Write the arrays as they are, to be mapped into memory again."""
        table = pa.table(self._arrays())
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    @staticmethod
    def load(path: Path) -> Past:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        return Past(**{name: table[name].to_numpy() for name in table.column_names})
