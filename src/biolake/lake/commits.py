"""Lake commits: one JSON file names the state of every table at once.

`commits/0000000012.json` is written last, by put-if-absent: a load that dies before it leaves the
lake at commit 11. A commit lists every file with its size, SHA-256, rows and row hash, so it can be
checked without trusting anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from biolake.core.errors import LakeBusy, LakeDamaged, WrongUse
from biolake.lake.store import Store

FOLDER = "commits"


@dataclass(frozen=True)
class StoredFile:
    """One Parquet file of a table; `row_hash` is the sum of its rows' content hashes, mod 2^64."""

    path: str
    size: int
    sha256: str
    rows: int
    row_hash: int
    shard_group: int | None = None


@dataclass(frozen=True)
class TableState:
    """The files of one table at one commit, and the Delta version that lists the same files."""

    version: int
    files: tuple[StoredFile, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def in_groups(self, groups: Iterable[int]) -> tuple[StoredFile, ...]:
        wanted = set(groups)
        return tuple(file for file in self.files if file.shard_group in wanted)


@dataclass(frozen=True)
class Commit:
    """One published state of the lake."""

    number: int
    kind: str
    message: str
    time: str
    actor: str
    software: str
    loads: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, TableState] = field(default_factory=dict)
    redacts: tuple[int, ...] = ()

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode()

    @staticmethod
    def from_json(data: bytes) -> Commit:
        raw: dict[str, Any] = json.loads(data)
        tables = {
            name: TableState(state["version"], tuple(StoredFile(**f) for f in state["files"]))
            for name, state in raw.pop("tables").items()
        }
        raw["loads"] = tuple(raw["loads"])
        raw["redacts"] = tuple(raw["redacts"])
        return Commit(tables=tables, **raw)


def key_of(number: int) -> str:
    return f"{FOLDER}/{number:010d}.json"


def numbers(store: Store) -> list[int]:
    """Return the numbers of all commits, oldest first."""
    names = (key.rsplit("/", 1)[-1] for key, _ in store.list(f"{FOLDER}/"))
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if stem.isdigit() and len(stem) == 10)


def read(store: Store, number: int) -> Commit:
    """Read one commit; raise `WrongUse` when there is none of that number."""
    try:
        return Commit.from_json(store.read(key_of(number)))
    except FileNotFoundError:
        known = numbers(store)
        raise WrongUse(
            f"there is no commit {number}; the lake has {known[0]} to {known[-1]}",
            where=store.root,
            next="List them: biolake commits",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeDamaged(
            f"commit {number} is not readable ({type(error).__name__})",
            where=store.uri(key_of(number)),
            next="Restore this file from a backup; biolake never changes a commit once written.",
        ) from error


def latest(store: Store) -> Commit:
    return read(store, numbers(store)[-1])


def publish(store: Store, commit: Commit) -> Commit:
    """Publish a commit under its number; raise `LakeBusy` if somebody else took that number."""
    if not store.put_if_absent(key_of(commit.number), commit.to_json()):
        raise LakeBusy(
            f"commit {commit.number} was published by another process meanwhile",
            where=store.root,
            next="Nothing was changed. Run the same command again.",
        )
    return commit


def redacted_by(store: Store, number: int) -> int | None:
    """Return the commit that removed a forgotten subject's files from commit `number`, if any."""
    for later in numbers(store):
        if later > number and number in read(store, later).redacts:
            return later
    return None


def with_tables(commit: Commit, changed: Mapping[str, TableState]) -> Commit:
    return replace(commit, tables={**commit.tables, **changed})
