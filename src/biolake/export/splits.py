"""Which subjects train, tune and test: a stable share of each, drawn by the subject's own hash."""

from __future__ import annotations

import hashlib

SHARES = {"train": 80, "tuning": 10, "held_out": 10}  # the names MEDS recommends, per cent


def split_of(subject_id: int) -> str:
    """Return the split of a subject: the same in every export and every lake."""
    # Another hash than that of the shards, so that no split is a set of shards.
    digest = hashlib.sha256(f"split:{subject_id}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") % 100
    for name, share in SHARES.items():
        if drawn < share:
            return name
        drawn -= share
    raise AssertionError("the shares add up to 100")
