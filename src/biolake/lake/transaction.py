"""Publish many tables as one state: Delta transactions first, the lake commit last."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from biolake import __version__
from biolake.lake import commits, delta
from biolake.lake.commits import Commit, StoredFile, TableState
from biolake.lake.door import TABLES
from biolake.lake.files import write_table
from biolake.lake.lake import Lake, actor, now
from biolake.lake.linkage import SCHEMA as LINKAGE

SCHEMAS: dict[str, pa.Schema] = {**TABLES, "linkage": LINKAGE}


@dataclass
class Transaction:
    """Collects the files a change adds and removes, and publishes them all or none."""

    lake: Lake
    base: Commit
    scratch: Path
    label: str
    adds: dict[str, list[StoredFile]] = field(default_factory=dict)
    removes: dict[str, list[StoredFile]] = field(default_factory=dict)

    def add(self, table: str, files: Sequence[StoredFile]) -> None:
        self.adds.setdefault(table, []).extend(files)

    def remove(self, table: str, files: Sequence[StoredFile]) -> None:
        self.removes.setdefault(table, []).extend(files)

    def append(self, table: str, rows: pa.Table) -> None:
        """Write rows as new files of a table."""
        if rows.num_rows:
            store = self.lake.store
            files = write_table(store, self.scratch, table, rows, SCHEMAS[table], self.label)
            self.add(table, files)

    def replace(self, table: str, rows: pa.Table) -> None:
        """Write rows as the whole content of a table."""
        state = self.base.tables.get(table)
        self.remove(table, state.files if state else ())
        self.append(table, rows)

    def publish(
        self,
        kind: str,
        message: str,
        counts: Mapping[str, int],
        *,
        loads: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        redacts: Sequence[int] = (),
    ) -> Commit:
        tables: dict[str, TableState] = dict(self.base.tables)
        for name in sorted({*self.adds, *self.removes}):
            adds, removes = self.adds.get(name, []), self.removes.get(name, [])
            if adds or removes:
                tables[name] = delta.publish(
                    self.lake.store, name, SCHEMAS[name], self.base.tables.get(name), adds, removes
                )
        commit = Commit(
            self.base.number + 1,
            kind,
            message,
            now(),
            actor(),
            f"biolake {__version__}",
            loads=tuple(loads),
            counts=dict(counts),
            settings={**self.base.settings, **(settings or {})},
            tables=tables,
            redacts=tuple(redacts),
        )
        return commits.publish(self.lake.store, commit)


@contextmanager
def scratch_folder(lake: Lake) -> Iterator[Path]:
    """Lend an empty folder for files under construction, inside a local lake: renames are free."""
    parent = None
    if not lake.root.startswith("s3://"):
        home = Path(lake.root) / "scratch"
        home.mkdir(exist_ok=True)
        parent = str(home)
    folder = Path(tempfile.mkdtemp(prefix="biolake-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_scratch(lake: Lake) -> None:
    """Remove what a killed writer left; only the holder of the write lock may call this."""
    if not lake.root.startswith("s3://"):
        # Readers spill there too, under names of their own: theirs stay.
        for folder in (Path(lake.root) / "scratch").glob("biolake-*"):
            shutil.rmtree(folder, ignore_errors=True)
