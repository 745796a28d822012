"""Packs written again without the bytes of a forgotten subject, and looked through for them."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.errors import LakeDamaged
from biolake.core.schema import ASSET_FILES
from biolake.lake.commits import Commit, StoredFile
from biolake.lake.inspection import local_copy
from biolake.lake.lake import Lake
from biolake.lake.linkage import read_parquet
from biolake.lake.packs import PackWriter, Place, member_name

_BLOCK = 1 << 20
Moves = dict[tuple[str, int], Place]  # (pack, offset) → where the bytes lie now


@dataclass(frozen=True)
class Bytes:
    """The bytes that are a subject's alone: their hashes and sizes, and the packs they lie in."""

    hashes: frozenset[str] = frozenset()
    sizes: frozenset[int] = frozenset()
    packs: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    shared: int = 0  # files that an asset of somebody else holds too: they stay


def files_table(lake: Lake, keys: Iterable[str], assets: pa.Array | None = None) -> pa.Table:
    """Return rows of `asset_files`, of some assets or all, with their hash and place."""
    names = ["asset_id", "number", "name", "sha256", "pack", "offset", "length"]
    parts = [read_parquet(lake, key, names) for key in keys]
    if assets is not None:
        parts = [part.filter(pc.is_in(part["asset_id"], value_set=assets)) for part in parts]
    empty = pa.schema([ASSET_FILES.field(name) for name in names]).empty_table()
    return pa.concat_tables([part.cast(empty.schema) for part in parts] or [empty])


def bytes_of(lake: Lake, base: Commit, assets: pa.Array, stored: Iterable[str]) -> Bytes:
    """Find what was ever stored for some assets and is of no other one now.

    `stored` are the keys of all files of `asset_files`: bytes that a correction replaced lie in
    their pack still, though the commit at hand lists them no more.
    """
    state = base.tables.get("asset_files")
    if state is None or not len(assets):
        return Bytes()
    rows = files_table(lake, (file.path for file in state.files))
    others = rows.filter(pc.invert(pc.is_in(rows["asset_id"], value_set=assets)))
    parts = [files_table(lake, [key], assets) for key in stored]
    mine = pa.concat_tables(parts).group_by(["sha256", "length", "pack"]).aggregate([])
    shared = pc.is_in(mine["sha256"], value_set=others["sha256"].combine_chunks())
    alone = mine.filter(pc.invert(shared))
    return Bytes(
        frozenset(alone["sha256"].to_pylist()),
        frozenset(alone["length"].to_pylist()),
        pa.array(sorted(set(alone["pack"].to_pylist())), pa.string()),
        pc.sum(shared).as_py() or 0,
    )


def rewrite_packs(lake: Lake, base: Commit, assets: pa.Array, gone: Bytes, scratch: Path) -> Moves:
    """Copy what others hold of the packs into new ones; return where each part went."""
    moves: Moves = {}
    state = base.tables.get("asset_files")
    if state is None or not len(gone.packs):
        return moves
    rows = files_table(lake, (file.path for file in state.files))
    others = pc.invert(pc.is_in(rows["asset_id"], value_set=assets))
    rows = rows.filter(pc.and_(others, pc.is_in(rows["pack"], value_set=gone.packs)))
    rows = rows.sort_by([("pack", "ascending"), ("offset", "ascending"), ("number", "ascending")])
    with PackWriter(lake.store, scratch, "forget") as writer:
        for pack in gone.packs.to_pylist():
            kept = rows.filter(pc.equal(rows["pack"], pack)).to_pylist()
            with local_copy(lake, pack, scratch) as path, path.open("rb") as old:
                for row in kept:
                    at = (pack, row["offset"])
                    if at not in moves:
                        name = member_name(row["asset_id"], row["number"], row["name"])
                        moves[at] = writer.add_part(name, row["length"], _Part(old, row, pack))
        writer.close()
    return moves


@dataclass(frozen=True)
class _Part:
    """Copies one member, and refuses bytes that are not those the index names."""

    old: BinaryIO
    row: dict[str, int | str]
    pack: str

    def __call__(self, out: BinaryIO) -> int:
        digest, left = hashlib.sha256(), int(self.row["length"])
        self.old.seek(int(self.row["offset"]))
        while left and (block := self.old.read(min(_BLOCK, left))):
            digest.update(block)
            out.write(block)
            left -= len(block)
        if left or digest.hexdigest() != self.row["sha256"]:
            raise LakeDamaged(
                "a member of a pack is not what the index says",
                where=self.pack,
                next="Nothing was changed. See what is damaged: biolake verify",
            )
        return int(self.row["length"])


def moved(table: pa.Table, moves: Moves) -> pa.Table:
    """Return rows of `asset_files` with the places their bytes have now."""
    if not moves:
        return table
    at = list(zip(table["pack"].to_pylist(), table["offset"].to_pylist(), strict=True))
    places = [moves.get(key) for key in at]
    packs = [key[0] if place is None else place.pack for key, place in zip(at, places, strict=True)]
    starts = [
        key[1] if place is None else place.offset for key, place in zip(at, places, strict=True)
    ]
    for name, values in (("pack", pa.array(packs, pa.string())), ("offset", pa.array(starts))):
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def found_in_pack(lake: Lake, key: str, assets: set[str], gone: Bytes, scratch: Path) -> int:
    """Count the members of a pack that bear the name of one of the assets, or hold their bytes.

    Only members as long as one of the files sought are read: others cannot be the same.
    """
    if not assets:
        return 0
    found = 0
    with local_copy(lake, key, scratch) as path, tarfile.open(path, "r:") as pack:
        for member in pack:
            if member.name.partition(".")[0] in assets and not gone.shared:
                found += 1
            elif member.size in gone.sizes:
                found += digest_of(path, member.offset_data, member.size) in gone.hashes
    return found


def digest_of(path: Path, offset: int, length: int) -> str:
    """Return the SHA-256 of a part of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        stream.seek(offset)
        while length and (block := stream.read(min(_BLOCK, length))):
            digest.update(block)
            length -= len(block)
    return digest.hexdigest()


def packs_named(lake: Lake, files: Iterable[StoredFile]) -> set[str]:
    """Return the packs that rows of `asset_files` name."""
    found: set[str] = set()
    for file in files:
        column = read_parquet(lake, file.path, ["pack"])[0]
        found.update(column.unique().to_pylist())
    return found
