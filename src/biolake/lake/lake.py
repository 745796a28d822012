"""A lake: its settings, its secret, its commits. Opening one reads two small files."""

from __future__ import annotations

import getpass
import os
import secrets
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from biolake import __version__
from biolake.core.errors import DataRefused, LakeDamaged, SetupMissing, WrongUse
from biolake.core.keys import SHARDS
from biolake.lake import commits
from biolake.lake.commits import Commit
from biolake.lake.store import Store, open_store, self_test

FORMAT_VERSION = 1
SHARD_GROUPS = 16
SETTINGS = "biolake.toml"
SECRET = "linkage/secret"  # noqa: S105 - where the secret lies, not the secret

SubjectIds = Literal["keyed", "source"]


@dataclass(frozen=True)
class Lake:
    """An open lake. Values only: every read and write goes through functions that take it."""

    store: Store
    lake_id: str
    subject_ids: SubjectIds
    shard_groups: int

    @property
    def root(self) -> str:
        return self.store.root

    def group_of(self, shard: int) -> int:
        return shard * self.shard_groups // SHARDS

    def commit(self, at: int | None = None) -> Commit:
        """Return the commit `at`, or the latest; refuse one whose data a forgotten subject left."""
        if at is None:
            return commits.latest(self.store)
        found = commits.read(self.store, at)
        redacting = commits.redacted_by(self.store, at)
        if redacting is not None:
            raise DataRefused(
                f"commit {at} was redacted by commit {redacting}, which forgot a subject it held",
                where=self.root,
                next=f"Use commit {redacting} or a later one: biolake commits",
            )
        return found

    def secret(self) -> bytes:
        return bytes.fromhex(self.store.read(SECRET).decode())


def init(root: str, *, subject_ids: SubjectIds = "keyed", shard_groups: int = SHARD_GROUPS) -> Lake:
    """Create an empty lake, or finish creating one that was interrupted."""
    store = open_store(root)
    if commits.numbers(store):
        raise WrongUse("there is a lake already", where=store.root, next="Open it: biolake status")
    self_test(store)
    text = _settings_text(subject_ids, shard_groups)
    store.put_if_absent(SECRET, secrets.token_bytes(32).hex().encode())
    if not store.root.startswith("s3://"):
        os.chmod(store.uri(SECRET), 0o600)
        os.chmod(store.uri("linkage"), 0o700)
    store.put_if_absent(SETTINGS, text.encode())
    lake = _from_settings(store)
    first = Commit(0, "init", "empty lake", now(), actor(), f"biolake {__version__}")
    commits.publish(store, first)
    return lake


def open_lake(root: str) -> Lake:
    """Open an existing lake."""
    store = open_store(root)
    if not store.exists(SETTINGS) or not commits.numbers(store):
        raise SetupMissing(
            "there is no lake here", where=store.root, next="Make one: biolake --lake PATH init"
        )
    return _from_settings(store)


def _from_settings(store: Store) -> Lake:
    raw = tomllib.loads(store.read(SETTINGS).decode())
    if raw["format_version"] != FORMAT_VERSION:
        raise LakeDamaged(
            f"the lake has format {raw['format_version']}; this Biolake reads {FORMAT_VERSION}",
            where=store.uri(SETTINGS),
            next="Install the Biolake release that wrote it.",
        )
    ids = cast(SubjectIds, raw["subject_ids"])
    return Lake(store, raw["lake_id"], ids, int(raw["shard_groups"]))


def _settings_text(subject_ids: str, shard_groups: int) -> str:
    if subject_ids not in ("keyed", "source"):
        raise WrongUse(f"subject ids are 'keyed' or 'source', not '{subject_ids}'")
    if shard_groups < 1 or SHARDS % shard_groups:
        raise WrongUse(f"shard groups must divide {SHARDS}, and {shard_groups} does not")
    return (
        f'lake_id = "{secrets.token_hex(8)}"\n'
        f"format_version = {FORMAT_VERSION}\n"
        f"shards = {SHARDS}\n"
        f"shard_groups = {shard_groups}\n"
        f'subject_ids = "{subject_ids}"\n'
    )


def now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def actor() -> str:
    """Return who acts: as BIOLAKE_ACTOR says, else the user's name in the operating system."""
    try:
        return os.environ.get("BIOLAKE_ACTOR") or getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user number without a name, as in containers
        return "unknown"
