"""Cohorts by name: how each was defined, at which commit, with which result.

A registered cohort keeps its definition and its counts, never its members: they are built again
from the commit it names, so a forgotten subject is in no list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from biolake.core.errors import WrongUse, did_you_mean
from biolake.core.hashing import content_hash
from biolake.lake.lake import Lake

_FOLDER = "cohorts"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def members_hash(labels: pa.Table) -> str:
    """Return a hash of the members and their labels that does not depend on their order."""
    hashes = sorted(content_hash(labels, labels.column_names).tolist())
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()


def register(lake: Lake, name: str, record: Mapping[str, Any]) -> str:
    """Keep a cohort's record under a name; the same record again is kept once. Return its key."""
    if not _NAME.fullmatch(name):
        raise WrongUse(
            "a cohort's name has 1 to 64 letters, digits, dots, dashes or underscores",
            where=name[:64],
        )
    text = json.dumps({"name": name, **record}, indent=1, sort_keys=True).encode()
    key = f"{_FOLDER}/{name}/{record['commit']:010d}-{hashlib.sha256(text).hexdigest()[:8]}.json"
    lake.store.put_if_absent(key, text)
    return key


def registered(lake: Lake) -> list[dict[str, Any]]:
    """Return every registered cohort's record, by name and commit."""
    keys = [key for key, _ in lake.store.list(f"{_FOLDER}/") if key.endswith(".json")]
    return [json.loads(lake.store.read(key)) for key in sorted(keys)]


def latest(lake: Lake, name: str) -> dict[str, Any]:
    """Return the newest record of a name."""
    records = registered(lake)
    named = [record for record in records if record["name"] == name]
    if not named:
        names = sorted({record["name"] for record in records})
        raise WrongUse(
            f"no cohort is named '{name}'.{did_you_mean(name, names)}",
            where=lake.root,
            next="List them: biolake cohort list",
        )
    return named[-1]
