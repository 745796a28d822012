"""Check a whole lake against its commit: logs, bytes, rows, order, and that all tables agree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from biolake.core.errors import BiolakeError
from biolake.core.schema import DERIVED
from biolake.lake import commits, delta
from biolake.lake.asset_checks import asset_faults
from biolake.lake.commits import Commit, StoredFile
from biolake.lake.inspection import Seen, inspect, local_copy, row_groups
from biolake.lake.lake import Lake
from biolake.lake.sweeping import leftovers
from biolake.lake.transaction import SCHEMAS

Progress = Callable[[str, int, int], None]

_MODULUS = 1 << 64
_COUNTED = ("events", "subjects", "codes", "encounters", "quarantine", "assets")


@dataclass(frozen=True)
class Problem:
    """Something that does not agree: in which table, which file (or none), and what."""

    table: str
    file: str
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """What was read, and everything found wrong. Leftovers and notes are no problems."""

    commit: int
    tables: int
    files: int
    rows: int
    problems: tuple[Problem, ...]
    leftovers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verify(
    lake: Lake, at: int | None = None, *, progress: Progress = lambda *_: None
) -> VerifyReport:
    """Read every file of a commit and report whatever is missing, changed or contradictory."""
    commit = lake.commit(at)
    with TemporaryDirectory(prefix="biolake-") as scratch:
        check = _Check(lake, commit, Path(scratch), progress)
        for name in commit.tables:
            check.log(name)
        known = check.groups()
        for name, state in commit.tables.items():
            check.files(name, (f for f in state.files if f.shard_group is None))
        check.codes(known)
        check.ledger()
        check.counts()
        check.assets()
    return VerifyReport(
        commit.number,
        len(commit.tables),
        sum(len(state.files) for state in commit.tables.values()),
        check.rows,
        tuple(check.problems),
        tuple(leftovers(lake)),
        tuple(check.notes),
    )


@dataclass
class _Check:
    """One verification under way: what it found so far."""

    lake: Lake
    commit: Commit
    scratch: Path
    progress: Progress
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)  # tables of which some file could not be trusted

    def found(self, table: str, file: str, what: str) -> None:
        self.problems.append(Problem(table, file, what))

    def log(self, name: str) -> None:
        """Compare the files Delta lists at the commit's version with those of the commit."""
        state, store = self.commit.tables[name], self.lake.store
        mine = {file.path for file in state.files}
        try:
            listed = delta.files_at(store, name, state.version)
            newest = DeltaTable(store.uri(name), storage_options=store.options() or None).version()
        except (DeltaError, BiolakeError, OSError, ValueError, KeyError) as error:
            self.found(name, "", f"its Delta log cannot be read ({type(error).__name__})")
            return
        for path in sorted(listed - mine):
            self.found(name, path, "Delta lists this file; the commit does not")
        for path in sorted(mine - listed):
            self.found(name, path, "the commit names this file; Delta does not")
        if newest > state.version and self.commit.number == commits.numbers(store)[-1]:
            self.notes.append(
                f"table '{name}' has Delta version {newest} after the commit's {state.version}:"
                " left by a load that died or by another tool; the next load sets it back"
            )

    def files(self, name: str, files: Iterable[StoredFile]) -> list[Seen]:
        """Inspect files of one table and return what they hold."""
        found = []
        total = sum(state.rows for state in self.commit.tables.values())
        for file in files:
            self.progress("verifying", self.rows, total)
            seen = inspect(self.lake, name, SCHEMAS[name], file, self.scratch)
            for fault in seen.faults:
                self.found(name, file.path, fault)
                self.damaged.add(name)
            self.rows += seen.rows
            found.append(seen)
        return found

    def groups(self) -> Counter[str]:
        """Check the partitioned tables group by group; return the events of each code."""
        tables = ("events", "events_by_code", "subjects", "encounters")
        numbers = {f.shard_group for name in tables for f in self._state(name)}
        codes: Counter[str] = Counter()
        for group in sorted(n for n in numbers if n is not None):
            before, self.damaged = self.damaged, set()
            seen = {
                name: self.files(name, (f for f in self._state(name) if f.shard_group == group))
                for name in tables
            }
            if not self.damaged:
                self._agree(group, seen)
            self.damaged |= before
            for one in seen["events"]:
                codes.update(one.codes)
        return codes

    def _state(self, name: str) -> tuple[StoredFile, ...]:
        state = self.commit.tables.get(name)
        return state.files if state else ()

    def _agree(self, group: int, seen: dict[str, list[Seen]]) -> None:
        """Compare the tables of one shard group with each other."""
        where = f"shard_group={group}"
        if _sums(seen["events"]) != _sums(seen["events_by_code"]):
            self.found("events_by_code", where, "it does not hold the same rows as 'events'")
        ids, events = _by_subject(seen["events"])
        listed, stated = _by_subject(seen["subjects"])
        if len(listed) != sum(one.rows for one in seen["subjects"]):
            self.found("subjects", where, "it lists a subject twice")
        if missing := int(np.count_nonzero(~np.isin(ids, listed))):
            self.found("subjects", where, f"{missing} subjects with events are not listed")
        true = np.zeros(len(listed), dtype=np.int64)
        both = np.isin(listed, ids)
        true[both] = events[np.searchsorted(ids, listed[both])]
        if wrong := int(np.count_nonzero(true != stated)):
            self.found("subjects", where, f"{wrong} subjects have another number of events")
        admitted, _ = _by_subject(seen["encounters"])
        if missing := int(np.count_nonzero(~np.isin(admitted, listed))):
            self.found("encounters", where, f"{missing} subjects with encounters are not listed")

    def codes(self, known: Counter[str]) -> None:
        """Compare the events counted by code with the codes table."""
        if self.damaged & {"events", "codes"}:
            return
        table = self._read("codes", ["code", "events"])
        stated = dict(zip(table["code"].to_pylist(), table["events"].to_pylist(), strict=True))
        wrong = [c for c in sorted({*known, *stated}) if known.get(c, 0) != stated.get(c, 0)]
        if wrong or len(stated) != table.num_rows:
            first = f", '{wrong[0]}' first" if wrong else ""
            what = f"{len(wrong)} codes have another number of events than it says{first}"
            self.found("codes", "", what if wrong else "it lists a code twice")

    def ledger(self) -> None:
        """Check that every line of the ledger adds up, and that this commit's loads are in it."""
        if self.damaged & {"loads", "quarantine"}:
            return
        rejected = Counter(
            (r["load_id"], r["table"], r["file"])
            for r in self._read("quarantine", ["load_id", "table", "file"]).to_pylist()
        )
        lines = self._read("loads").to_pylist()
        for line in lines:
            key = (line["load_id"], line["table"], line["file"])
            if fault := _line_fault(line, rejected[key]):
                self.found("loads", "", f"table '{key[1]}' of file '{key[2]}': {fault}")
        for load in sorted({*self.commit.loads} - {line["load_id"] for line in lines}):
            self.found("loads", "", f"load {load} of this commit has no line")
        added = sum(line["added"] for line in lines if line["load_id"] in self.commit.loads)
        if added != self.commit.counts.get("added", 0):
            self.found("loads", "", f"its loads added {added} events; the commit says otherwise")

    def counts(self) -> None:
        """Check the commit's own counts against its tables and the commit before it."""
        key, counts = commits.key_of(self.commit.number), self.commit.counts
        if self.commit.number == 0:
            return
        for name in _COUNTED:
            if name == "assets" and name not in self.commit.tables:
                continue
            rows = sum(file.rows for file in self._state(name))
            if counts.get(name) != rows:
                self.found(name, key, f"the commit counts {counts.get(name)} rows; it has {rows}")
        before = commits.read(self.lake.store, self.commit.number - 1).counts.get("events", 0)
        gone = counts.get("replaced", 0) + counts.get("removed", 0)
        if before + counts.get("added", 0) - gone != counts.get("events"):
            self.found("events", key, "events before + added - replaced - removed is not events")

    def assets(self) -> None:
        """Check the index of assets against the packs, the subjects and the events."""
        tables = {"assets", "asset_files", "asset_samples", *DERIVED}
        if not tables & self.commit.tables.keys():
            return
        if self.damaged & {*tables, "events_by_code", "subjects"}:
            return
        for fault in asset_faults(self.lake, self.commit, self.scratch):
            self.found(*fault)

    def _read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        schema = (
            SCHEMAS[name]
            if columns is None
            else pa.schema([SCHEMAS[name].field(c) for c in columns])
        )
        parts = [schema.empty_table()]
        for file in self._state(name):
            with local_copy(self.lake, file.path, self.scratch) as path:
                parts += [rows.cast(schema) for rows in row_groups(path, columns)]
        return pa.concat_tables(parts)


def _sums(files: list[Seen]) -> tuple[int, int]:
    return sum(f.rows for f in files), sum(f.row_hash for f in files) % _MODULUS


def _by_subject(files: list[Seen]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct subjects of several files, ascending, and the events of each."""
    empty = np.empty(0, dtype=np.int64)
    ids, place = np.unique(
        np.concatenate([empty, *(f.subjects for f in files)]), return_inverse=True
    )
    events = np.zeros(len(ids), dtype=np.int64)
    np.add.at(events, place, np.concatenate([empty, *(f.events for f in files)]))
    return ids, events


def _line_fault(line: dict[str, int], quarantined: int) -> str:
    """Return why a ledger line does not add up, or nothing."""
    skipped = sum(json.loads(str(line["skipped"])).values())
    if skipped != line["skipped_rows"] or quarantined != line["quarantined_rows"]:
        return "its skipped or quarantined rows are not those listed"
    parts = ("event_rows", "part_rows", "skipped_rows", "quarantined_rows")
    if line["rows"] != sum(line[name] for name in parts):
        return "its rows do not add up"
    fates = ("added", "repeated", "superseded", "known", "retracted", "forgotten")
    if line["events"] != sum(line[name] for name in fates):
        return "its events do not add up"
    return ""
