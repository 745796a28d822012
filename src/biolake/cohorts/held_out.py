"""The lock on a held-out set: fixed once, opened by an evaluation only, every opening on record.

`studies/locks/<name>.json` names the held-out subjects by a keyed hash, so they can be recognised
but not read. Openings lie beside it as `<name>/opened/0000000001.json` and on, put only where none
is yet: a record can be added and not replaced.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.cohorts import splits as subject_splits
from biolake.cohorts.splits import HELD_OUT, of_split
from biolake.core.errors import LakeDamaged, NotPermitted, SetupMissing, WrongUse
from biolake.lake.lake import Lake, actor, now

FOLDER = "studies/locks"
EVALUATION = "study evaluate"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class HeldOut:
    """A held-out set as it was fixed: how many subjects, and a keyed hash of who they are."""

    name: str
    subjects: int
    hash: str
    locked: str
    actor: str


@dataclass(frozen=True)
class Opening:
    """One attempt to read held-out labels."""

    name: str
    purpose: str
    allowed: bool
    actor: str
    time: str
    id: str  # makes every record differ: a store may take equal bytes for a repeated request


def lock(lake: Lake, name: str, splits: pa.Table) -> HeldOut:
    """Fix who is held out under a name; the same subjects again change nothing."""
    count, digest = _digest(lake, splits)
    if not count:
        raise WrongUse(f"the splits of '{name}' hold nobody out: there is nothing to lock")
    made = HeldOut(name, count, digest, now(), actor())
    lake.store.put_if_absent(_key(name), _json(made))
    held = locked(lake, name)
    _expect(held, digest)
    return held


def locked(lake: Lake, name: str) -> HeldOut:
    """Return the lock of a name."""
    key = _key(name)
    if not lake.store.exists(key):
        raise SetupMissing(f"no held-out set is locked as '{name}'", next="Lock its splits first.")
    try:
        return HeldOut(**json.loads(lake.store.read(key)))
    except (ValueError, TypeError):
        raise LakeDamaged("the lock is not readable", where=lake.store.uri(key)) from None


def labels_for(
    lake: Lake, name: str, split: str, purpose: str, *, labels: pa.Table, splits: pa.Table
) -> pa.Table:
    """Return the labels of one split; held-out ones only for the purpose `study evaluate`.

    The splits must hold out the subjects that were locked, whichever split is asked for: other
    splits could hand held-out subjects out as training ones.
    """
    held = locked(lake, name)
    if split == HELD_OUT:
        _record(lake, Opening(name, purpose, purpose == EVALUATION, actor(), now(), token_hex(8)))
        if purpose != EVALUATION:
            raise NotPermitted(
                f"the held-out labels of '{name}' are opened by an evaluation only;"
                " this attempt is on record",
                next="Work on the train and tuning splits: biolake study evaluate opens the rest.",
            )
    _expect(held, _digest(lake, splits)[1])
    return of_split(labels, splits, split)


def openings(lake: Lake, name: str) -> list[Opening]:
    """Return every attempt to read the held-out labels, oldest first."""
    found: list[Opening] = []
    while lake.store.exists(key := _opened(name, len(found) + 1)):
        found.append(Opening(**json.loads(lake.store.read(key))))
    return found


def _record(lake: Lake, opening: Opening) -> None:
    number = 1
    while lake.store.exists(_opened(opening.name, number)):
        number += 1
    while not lake.store.put_if_absent(_opened(opening.name, number), _json(opening)):
        number += 1


def _digest(lake: Lake, splits: pa.Table) -> tuple[int, str]:
    """Return how many subjects are held out, and a keyed hash of them."""
    valid = subject_splits.validate(splits)
    held = valid.filter(pc.equal(valid["split"], HELD_OUT))["subject_id"].to_numpy()
    data = b"held out\n" + np.sort(held).astype("<i8").tobytes()
    return len(held), hmac.digest(lake.secret(), data, "sha256").hex()


def _expect(held: HeldOut, digest: str) -> None:
    if not hmac.compare_digest(held.hash, digest):
        raise NotPermitted(
            f"these splits do not hold out the {held.subjects} subjects locked as '{held.name}'",
            next="Use the splits that were locked; a new question needs a lock of its own.",
        )


def _key(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise WrongUse(f"'{name}' cannot name a lock", next="Use a-z, 0-9, - and _.")
    return f"{FOLDER}/{name}.json"


def _opened(name: str, number: int) -> str:
    return f"{_key(name).removesuffix('.json')}/opened/{number:010d}.json"


def _json(record: Any) -> bytes:
    return (json.dumps(asdict(record), indent=1) + "\n").encode()
