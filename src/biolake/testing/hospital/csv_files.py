"""Append tables to CSV files, block by block, as hospitals export them: bare text, no quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    import pyarrow as pa

    Values = np.ndarray | list[str | None] | pa.Array | str | int | None


def moments(seconds: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Make a column of dates and times, empty where `missing`."""
    import pyarrow as pa

    return pa.array(seconds.astype("datetime64[s]"), mask=missing)


def days(seconds: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Make a column of dates, empty where `missing`."""
    import pyarrow as pa

    return pa.array(seconds.astype("datetime64[s]").astype("datetime64[D]"), mask=missing)


def partly(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    """Make a column that is empty where `missing`."""
    import pyarrow as pa

    return pa.array(values, mask=missing)


class CsvFiles:
    """The open CSV files of one folder; the first write of a file puts its header."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, BinaryIO] = {}

    def write(self, name: str, count: int, columns: dict[str, Values]) -> None:
        """Append `count` rows to a file; a single value or None fills its whole column."""
        import pyarrow as pa
        from pyarrow import csv

        arrays = [_column(value, count) for value in columns.values()]
        header = csv.WriteOptions(include_header=False, quoting_style="none")
        csv.write_csv(pa.table(arrays, list(columns)), self._file(name, list(columns)), header)

    def close(self) -> None:
        """Close every file."""
        for file in self._open.values():
            file.close()

    def _file(self, name: str, header: list[str]) -> BinaryIO:
        if name not in self._open:
            path = self.folder / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[name] = path.open("wb")
            self._open[name].write((",".join(header) + "\n").encode())
        return self._open[name]


def _column(value: Values, count: int) -> pa.Array:
    import pyarrow as pa

    if value is None:
        return pa.nulls(count, pa.string())
    if isinstance(value, str | int | float):
        return pa.repeat(pa.scalar(value), count)
    return value if isinstance(value, pa.Array) else pa.array(value)
