"""The index's own tables: LanceDB, written whole and read by row number."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import BiolakeError
from biolake.core.installed import require
from biolake.search.postings import Posting

ROWS, PLACES = "rows", "terms"


def write_table(folder: Path, name: str, schema: pa.Schema, batches: Iterable[Any]) -> None:
    """Write a table of a part; what stops the batches is raised as it is."""
    stopped: list[BaseException] = []

    def each() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                yield from batch.to_batches() if isinstance(batch, pa.Table) else [batch]
        except BaseException as error:
            stopped.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, each())
    try:
        _connect(folder).create_table(name, data=reader, schema=schema)
    except BaseException:
        if stopped:
            raise stopped[0] from None
        raise


class Table:
    """One table of a part, open for reading."""

    def __init__(self, folder: Path, name: str) -> None:
        try:
            self._table = _connect(folder).open_table(name)
        except (OSError, ValueError, RuntimeError):
            raise _gone() from None

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Return some columns of every row, in the order of the rows."""
        try:
            return self._table.search().select(list(names)).to_arrow()
        except (OSError, ValueError, RuntimeError):
            raise _gone() from None

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._table.search().select(list(names)).to_batches()
        except (OSError, ValueError, RuntimeError):
            raise _gone() from None

    def take(self, rows: Sequence[int], names: Sequence[str]) -> pa.Table:
        """Return some rows by number, ascending; the numbers are ascending."""
        try:
            return self._table.take_offsets(list(rows)).select(list(names)).to_arrow()
        except (OSError, ValueError, RuntimeError):
            raise _gone() from None


class StoredTerms:
    """The table of terms of a part, as `postings.TermSource`."""

    def __init__(self, folder: Path) -> None:
        self._table = Table(folder, PLACES)

    def vocabulary(self) -> tuple[list[str], np.ndarray]:
        table = self._table.columns(["term", "held_by"])
        return table["term"].to_pylist(), table["held_by"].to_numpy()

    def fetch(self, numbers: Sequence[int], *, positions: bool) -> Mapping[int, Posting]:
        names = ["term", "rows", "counts", *(["positions"] if positions else [])]
        table = self._table.take(numbers, names).combine_chunks()
        # Rows come back by number only as long as LanceDB does so: put them in order by their term.
        order = np.argsort(np.array(table["term"].to_pylist(), dtype=object), kind="stable")
        found = {}
        for number, at in zip(numbers, order.tolist(), strict=True):
            lists = [_numbers(table[name][at]) for name in names[1:]]
            found[number] = Posting(lists[0], lists[1], lists[2] if positions else None)
        return found


def _numbers(scalar: Any) -> np.ndarray:
    return np.asarray(scalar.values.to_numpy(zero_copy_only=False))


@cache
def _library() -> Any:
    require("search", "lancedb", to="keep and read the search index")
    # Its own log would quote queries and paths.
    os.environ.setdefault("LANCE_LOG", "off")
    os.environ.setdefault("LANCEDB_LOG", "off")
    import lancedb

    return lancedb


def _connect(folder: Path) -> Any:
    return _library().connect(str(folder))


def _gone() -> BiolakeError:
    return BiolakeError(
        "a part of the index could not be read: it was built anew meanwhile, or is damaged",
        next="Run the command again; if this comes back: biolake index build --full",
    )
