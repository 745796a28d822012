"""Rows that extractors derive from assets (spans, variants): written with the events of a load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.reading import Chunk
from biolake.core.schema import DERIVED
from biolake.lake.asset_rows import exchange
from biolake.lake.door import View
from biolake.lake.files import TableFile
from biolake.lake.transaction import Transaction

_NAMING = ("asset_id", "annotator")
_ROWS = 1 << 17  # of a row group


class DerivedRows:
    """What a load says anew: it takes the place of what the same annotator said of an asset."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._files: dict[str, TableFile] = {}
        self._pending: dict[str, list[pa.Table]] = {}
        self._renewed: dict[str, list[str]] = {}  # annotator → assets it has looked at

    def take(self, chunk: Chunk) -> None:
        """Take the rows of one chunk, and the assets that its annotator has looked at."""
        if chunk.derived is None:
            return
        self._renewed.setdefault(chunk.table, []).extend(file.name for file, _ in chunk.parts)
        for name, rows in chunk.derived.items():
            pending = self._pending.setdefault(name, [])
            pending.append(rows.select(DERIVED[name].names).cast(DERIVED[name]))
            if sum(map(len, pending)) >= _ROWS:
                self._flush(name)

    def _flush(self, name: str) -> None:
        rows = pa.concat_tables(self._pending.pop(name, [DERIVED[name].empty_table()]))
        if name not in self._files and len(rows):
            self._files[name] = TableFile(self._scratch, DERIVED[name])
        for start in range(0, len(rows), _ROWS):
            self._files[name].write(rows.slice(start, _ROWS).combine_chunks())

    def write(self, tx: Transaction, view: View, gone: set[str], moved: Mapping[str, int]) -> None:
        """Take out what is said anew and what was said of assets that are `gone`, add the rest.

        Rows of assets that were `moved` to another subject move with them.
        """
        for name in DERIVED:
            if name in tx.base.tables:
                known = view.rows(f"SELECT DISTINCT annotator FROM {name}")  # noqa: S608 - ours
                renewed = {who: self._renewed[who] for (who,) in known if who in self._renewed}
                if gone or moved or renewed:
                    change = _Change(renewed, gone, moved)
                    exchange(tx, name, _NAMING, change.touches, change)
        for name in list(self._pending):
            self._flush(name)
        for name, file in self._files.items():
            tx.add(name, [file.finish(tx.lake.store, name, tx.label, None)])


class _Change:
    """What becomes of stored rows."""

    def __init__(
        self, renewed: Mapping[str, list[str]], gone: set[str], moved: Mapping[str, int]
    ) -> None:
        self._renewed = {name: pa.array(assets, pa.string()) for name, assets in renewed.items()}
        self._gone = pa.array(sorted(gone), pa.string())
        self._moved = pa.array(list(moved), pa.string())
        self._subjects = pa.array(list(moved.values()), pa.int64())

    def touches(self, rows: pa.Table) -> pa.ChunkedArray:
        return pc.or_(self._out(rows), pc.is_in(rows["asset_id"], value_set=self._moved))

    def _out(self, rows: pa.Table) -> pa.ChunkedArray:
        out = pc.is_in(rows["asset_id"], value_set=self._gone)
        for name, assets in self._renewed.items():
            mine = pc.equal(rows["annotator"], name)
            if pc.any(mine).as_py():
                out = pc.or_(out, pc.and_(mine, pc.is_in(rows["asset_id"], value_set=assets)))
        return out

    def __call__(self, rows: pa.Table) -> pa.Table:
        rows = rows.filter(pc.invert(self._out(rows)))
        if not len(self._moved) or "subject_id" not in rows.column_names:
            return rows
        place = pc.index_in(rows["asset_id"], value_set=self._moved)
        told = pc.coalesce(
            self._subjects.take(place.combine_chunks()), rows["subject_id"].combine_chunks()
        )
        return rows.set_column(rows.column_names.index("subject_id"), "subject_id", told)
