"""Stable hashes: the same answer in every release of every library, for as long as a lake lives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

SHARDS = 1024
_INT64 = 1 << 63
FAMILY = "//*"  # `X//*` stands for every code that begins with `X//`


def row_key(*parts: object) -> int:
    """Return a signed 64-bit key of a tuple of values: BLAKE2b over their length-prefixed text."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        text = b"\xff" if part is None else str(part).encode()
        digest.update(len(text).to_bytes(4, "little"))
        digest.update(text)
    value = int.from_bytes(digest.digest(), "little")
    return value - (1 << 64) if value >= _INT64 else value


def shard_of(subject_id: int) -> int:
    """Return the shard of a subject: first 8 bytes of SHA-256 of its decimal text, mod 1024."""
    digest = hashlib.sha256(str(subject_id).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SHARDS


def families_of(code: str) -> Iterator[str]:
    """Yield the families a code is of, the nearest first: X//Y//z is of X//Y//* and X//*."""
    parts = code.split("//")
    for length in range(len(parts) - 1, 0, -1):
        yield "//".join(parts[:length]) + FAMILY
