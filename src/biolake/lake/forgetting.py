"""Forget a subject: its rows, its files, the commits that showed them; and prove it by a scan.

What stays is a keyed hash of each of its identifiers, without any way to a subject: by it a later
load knows whom to refuse.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biolake.core.errors import WrongUse
from biolake.lake import commits
from biolake.lake.building import PLAIN
from biolake.lake.commits import Commit, StoredFile
from biolake.lake.derived_index import drop_index
from biolake.lake.files import TableFile
from biolake.lake.forgotten_lines import NAMING as LINE_NAMING
from biolake.lake.forgotten_lines import Lines
from biolake.lake.forgotten_samples import Lost
from biolake.lake.forgotten_trace import Trace, trace_of, was_forgotten
from biolake.lake.inspection import local_copy
from biolake.lake.lake import Lake
from biolake.lake.linkage import FORGOTTEN, content_tombstones, read_parquet, tombstone
from biolake.lake.linkage import SCHEMA as LINKAGE
from biolake.lake.locking import writer
from biolake.lake.repacking import Moves, found_in_pack, moved, rewrite_packs
from biolake.lake.sweeping import sweep, table_files
from biolake.lake.transaction import SCHEMAS, Transaction, clear_scratch, scratch_folder

Progress = Callable[[str, int, int], None]

_SYSTEM = "forgotten"
_EMPTY = hashlib.sha256().hexdigest()  # a file without a byte is nobody's
_FEWEST_DIGITS = 7  # shorter numbers stand in any text by chance
_COUNTED = ("events", "subjects", "codes", "encounters", "quarantine", "assets")
_NAMING = ("subject_id", "encounter_id", "asset_id", "pack")


@dataclass(frozen=True)
class Scan:
    """A reading of every file under the lake, and the files in which the subject was found."""

    files: int
    rows: int
    hits: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForgetReport:
    """What was removed, which commits can no longer be opened, and the proof."""

    commit: Commit
    rows: dict[str, int]  # removed, by table
    unlinked: int  # events of others that named an encounter of this subject, and no longer do
    redacted: tuple[int, ...]
    deleted: tuple[str, ...]
    scan: Scan


def forget(
    lake: Lake, subject_id: int, *, wait: float = 0.0, progress: Progress = lambda *_: None
) -> ForgetReport:
    """Remove one subject from the lake and from every commit that held it, then scan for it.

    With it go the assets that are not linked because their identifier names this subject or
    another: nobody can say that they are not its own. So do assets that waited and whose identifier
    proved to be a forgotten subject's: their load says so, and which one nobody can tell any more.
    An asset of many samples that holds one of the subject goes whole; so does the search index.
    A subject forgotten before is scanned for again; one the lake never held is `WrongUse`.
    """
    with writer(lake.store, "forget a subject", wait):
        clear_scratch(lake)
        deleted = sweep(lake)  # finishes what an earlier one was killed in
        base = lake.commit()
        with scratch_folder(lake) as scratch:
            trace = trace_of(lake, subject_id, base)
            holders = _holders(lake, trace, scratch, progress)
            if not holders and not was_forgotten(lake, base, subject_id):
                raise WrongUse(
                    "the lake holds no such subject",
                    where=lake.root,
                    next="Subject ids are those of the table 'subjects'.",
                )
            trace = replace(trace, index=drop_index(lake))
            removal = _Removal(lake, base, trace, holders, scratch)
            commit = removal.publish() if holders else base
            deleted += sweep(lake)
            drop_index(lake)  # one may have been built from the commit before
            scan = _scan(lake, trace, scratch, progress)
    redacted = commit.redacts if holders else ()
    return ForgetReport(
        commit, dict(removal.rows), removal.unlinked, redacted, tuple(deleted), scan
    )


def _holders(lake: Lake, trace: Trace, scratch: Path, progress: Progress) -> dict[str, int]:
    """Return the stored files that hold the subject, with how many of its rows."""
    held = {}
    keys = [key for key in table_files(lake) if key.endswith(".parquet")]
    for done, key in enumerate(keys):
        progress("looking", done, len(keys))
        _, rows = _count(lake, key, trace, scratch)
        if rows:
            held[key] = rows
    return held


def _count(lake: Lake, key: str, trace: Trace, scratch: Path) -> tuple[int, int]:
    """Read the columns that can name the subject, whole; return rows read and rows that do."""
    read = found = 0
    with local_copy(lake, key, scratch) as path, pq.ParquetFile(path) as file:
        ledger = Lines.is_ledger(key)
        naming = (LINE_NAMING if trace.lines.names else ()) if ledger else _NAMING
        names = [n for n in naming if n in file.schema_arrow.names]
        if not names:
            return file.metadata.num_rows, 0
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, names)
            read += len(table)
            if ledger:
                named = trace.lines.rows(table)
            else:
                named = trace.rows(table) | trace.mentions(table) | trace.in_packs(table)
            found += int(np.count_nonzero(named))
    return read, found


@dataclass
class _Removal:
    """The commit that holds the lake without the subject."""

    lake: Lake
    base: Commit
    trace: Trace
    holders: dict[str, int]
    scratch: Path
    rows: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    unlinked: int = 0
    moves: Moves = field(default_factory=dict)

    def publish(self) -> Commit:
        tx = Transaction(self.lake, self.base, self.scratch, "forget")
        tombstones = self._tombstones()
        trace = self.trace
        self.moves = rewrite_packs(self.lake, self.base, trace.assets, trace.bytes, self.scratch)
        for name, state in self.base.tables.items():
            for file in state.files:
                if file.path in self.holders:
                    tx.remove(name, [file])
                    tx.add(name, self._without(name, file))
        tx.append("linkage", tombstones)
        if self.codes:
            tx.replace("codes", self._codes())
        return tx.publish(
            "forget", "one subject was forgotten", self._counts(tx), redacts=self._redacts()
        )

    def _without(self, name: str, file: StoredFile) -> list[StoredFile]:
        """Write a file again without the subject's rows, the order of the others kept."""
        schema = SCHEMAS[name]
        plain = PLAIN if name in ("events", "events_by_code") else ()
        new = TableFile(self.scratch, schema, plain=plain)
        # Strings are read as strings: a dictionary would carry the subject's values along.
        with local_copy(self.lake, file.path, self.scratch) as path, pq.ParquetFile(path) as old:
            for number in range(old.num_row_groups):
                table = old.read_row_group(number)
                gone = self.trace.rows(table)
                if gone.any():
                    self.rows[name] += int(np.count_nonzero(gone))
                if name == "events":
                    self.codes.update(table.filter(pa.array(gone))["code"].to_pylist())
                kept = self._unlink(name, table.filter(pa.array(~gone)))
                kept = moved(kept, self.moves) if name == "asset_files" else kept
                if Lines.is_ledger(f"{name}/"):
                    kept = self.trace.lines.renamed(kept, self.lake.secret())
                if len(kept):
                    new.write(kept)
        return [new.finish(self.lake.store, name, "forget", file.shard_group)] if new.rows else []

    def _unlink(self, name: str, table: pa.Table) -> pa.Table:
        """Clear the encounter of other subjects' rows that name one of this subject's."""
        named = self.trace.mentions(table)
        if not named.any():
            return table
        self.unlinked += int(np.count_nonzero(named)) if name == "events" else 0
        column = pc.if_else(pa.array(named), pa.scalar(None, pa.int64()), table["encounter_id"])
        place = table.column_names.index("encounter_id")
        return table.set_column(place, "encounter_id", column)

    def _tombstones(self) -> pa.Table:
        """Return a row that leads nowhere for each identifier of the subject and for itself, and
        for each asset removed and each file that was its alone: their bytes shall not come back.

        Each keeps the name of its system: the identifier in an asset file is looked up by that.
        """
        secret, trace = self.lake.secret(), self.trace
        found = {tombstone(secret, trace.subject): (_SYSTEM, "")}
        gone = content_tombstones(secret, trace.assets.to_pylist(), trace.bytes.hashes - {_EMPTY})
        found |= dict.fromkeys(gone, (_SYSTEM, ""))
        state = self.base.tables.get("linkage")
        for file in state.files if state else ():
            table = read_parquet(self.lake, file.path)
            own = table.filter(pc.equal(table["subject_id"], self.trace.subject))
            for row in own.to_pylist():
                found[row["identifier"]] = (row["system"], row["site_id"])
        rows = [(h, *system, FORGOTTEN) for h, system in found.items()]
        columns = zip(*rows, strict=True)
        return pa.table(dict(zip(LINKAGE.names, columns, strict=True)), schema=LINKAGE)

    def _codes(self) -> pa.Table:
        """Return the codes table less the events removed."""
        files = self.base.tables["codes"].files
        table = pa.concat_tables([read_parquet(self.lake, f.path) for f in files])
        rows = table.cast(SCHEMAS["codes"]).to_pylist()
        for row in rows:
            row["events"] -= self.codes[row["code"]]
        return pa.Table.from_pylist([row for row in rows if row["events"] > 0], SCHEMAS["codes"])

    def _counts(self, tx: Transaction) -> dict[str, int]:
        counts = {"added": 0, "replaced": 0, "removed": self.rows["events"]}
        for name in _COUNTED:
            if name == "assets" and name not in self.base.tables:
                continue
            state = self.base.tables.get(name)
            removed = {file.path for file in tx.removes.get(name, ())}
            kept = [f for f in (state.files if state else ()) if f.path not in removed]
            counts[name] = sum(f.rows for f in [*kept, *tx.adds.get(name, ())])
        return counts

    def _redacts(self) -> tuple[int, ...]:
        """Return the commits that name a file in which the subject was found."""
        found = []
        for number in commits.numbers(self.lake.store):
            tables = commits.read(self.lake.store, number).tables.values()
            if any(file.path in self.holders for state in tables for file in state.files):
                found.append(number)
        return tuple(found)


def _scan(lake: Lake, trace: Trace, scratch: Path, progress: Progress) -> Scan:
    """Read every file under the lake: Parquet by its columns, all else as text."""
    files = rows = 0
    hits = []
    number = str(trace.subject).encode()
    searched = len(number.lstrip(b"-")) >= _FEWEST_DIGITS
    pattern = re.compile(rb"(?<![0-9A-Za-z])" + re.escape(number) + rb"(?![0-9A-Za-z])")
    assets = set(trace.assets.to_pylist())
    keys = [key for key, _ in lake.store.list("")]
    for done, key in enumerate(keys):
        progress("scanning", done, len(keys))
        files += 1
        if key.endswith(".parquet"):
            read, found = _count(lake, key, trace, scratch)
            rows += read
        elif key.endswith(".tar"):
            found = found_in_pack(lake, key, assets, trace.bytes, scratch)
        else:
            found = len(pattern.findall(lake.store.read(key))) if searched else 0
        if found:
            hits.append(key)
    return Scan(files, rows, tuple(hits), tuple(_notes(lake, trace, searched)))


def _notes(lake: Lake, trace: Trace, searched: bool) -> list[str]:
    """Return what the reader of a proof must know besides."""
    notes = []
    if not searched:
        notes.append(f"ids of under {_FEWEST_DIGITS} digits are not searched for in text files")
    if trace.bytes.shared:
        notes.append(
            f"{trace.bytes.shared} files of its assets are also others', byte for byte: they stay"
        )
    if trace.lost.assets:
        notes.append(_lost(trace.lost))
    if trace.index:
        notes.append("the search index was dropped with it: build it again: biolake index build")
    if trace.unsure:
        notes.append(
            f"{trace.unsure} assets that were not linked and may be of this subject, or prove to be"
            " of one forgotten before, were removed with it"
        )
    if lake.root.startswith("s3://"):
        notes.append("a bucket that keeps object versions still has the deleted ones: remove them")
    return notes


def _lost(lost: Lost) -> str:
    return (
        f"{lost.assets} assets of many samples held it and were removed whole, with"
        f" {lost.samples} samples of {lost.subjects} other subjects: load files without its"
        " samples again; what was found in the old ones goes with the next: biolake extract"
    )
