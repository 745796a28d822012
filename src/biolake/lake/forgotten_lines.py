"""Ledger lines that name a forgotten subject's assets: renamed, their counts kept.

A file's name and the hash of its content lead to whoever has the file; the lines stay, so that
every load still adds up.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from biolake.lake.lake import Lake
from biolake.lake.linkage import read_parquet

NAMING = ("load_id", "table", "file", "content_hash")
Key = tuple[str, str, str]  # load, table, file
_NAME = "forgotten"


@dataclass(frozen=True)
class Lines:
    """The lines that name a subject's assets: what each is named from now on."""

    names: dict[Key, str] = field(default_factory=dict)

    @staticmethod
    def is_ledger(key: str) -> bool:
        """Say whether a stored file is of the ledger or of the quarantine."""
        return key.startswith(("loads/", "quarantine/"))

    def rows(self, table: pa.Table) -> np.ndarray:
        """Mark the lines, or the quarantined rows, that name one of the assets."""
        return np.array([key in self.names for key in _keys(table)], dtype=bool)

    def renamed(self, table: pa.Table, secret: bytes) -> pa.Table:
        """Return lines, or quarantined rows, that name none of the assets any more."""
        gone = self.rows(table)
        if not gone.any():
            return table
        new = [self.names.get(key, key[2]) for key in _keys(table)]
        table = _with(table, "file", new)
        if "content_hash" not in table.column_names:
            return table
        hashes = table["content_hash"].to_pylist()
        hidden = [
            hmac.digest(secret, f"forgotten line\0{text}".encode(), "sha256").hex()
            if is_gone
            else text
            for text, is_gone in zip(hashes, gone, strict=True)
        ]
        return _with(table, "content_hash", hidden)


def lines_of(
    lake: Lake, stored: Iterable[str], assets: Collection[str], hashes: Collection[str]
) -> Lines:
    """Find every line that names an asset, or a file by its content, and choose its new name.

    Not those of files whose rows became events: they may hold others' rows too, and a later reading
    of the same file must find its line.
    """
    found: set[Key] = set()
    taken: Counter[tuple[str, str]] = Counter()
    if not assets:
        return Lines()
    for stored_key in stored:
        table = read_parquet(lake, stored_key, [*NAMING, "event_rows"])
        columns = (table[name].to_pylist() for name in ("content_hash", "event_rows"))
        for key, text, events in zip(_keys(table), *columns, strict=True):
            asset, extracted, _ = text.partition("/")
            if (text in hashes and not events) or (extracted and asset in assets):
                found.add(key)
            elif (number := key[2].removeprefix(f"{_NAME} ")).isdecimal():
                taken[key[:2]] = max(taken[key[:2]], int(number))
    names = {}
    for key in sorted(found):
        taken[key[:2]] += 1
        names[key] = f"{_NAME} {taken[key[:2]]}"
    return Lines(names)


def _keys(table: pa.Table) -> list[Key]:
    columns = (table[name].to_pylist() for name in NAMING[:3])
    return list(zip(*columns, strict=True))


def _with(table: pa.Table, name: str, values: list[str]) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, pa.string()))
