"""Texts that a later row of the same load replaced: neither listed nor left in the load's packs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.store import Store

_PLACE = ("pack", "offset", "length")
_BLOCK = 1 << 20


def standing(files: pa.Table, stale: pa.Array, kept: pa.Array) -> tuple[pa.Table, pa.Table]:
    """Return the files of assets that stand, each once, and those of the stale ones that do not."""
    out = pc.is_in(files["asset_id"], value_set=stale)
    gone = pc.and_(out, pc.invert(pc.is_in(files["asset_id"], value_set=kept)))
    left = files.filter(pc.invert(gone))
    numbered = left.append_column("at", pa.array(range(len(left)), pa.int64()))
    first = numbered.group_by(["asset_id", "number"]).aggregate([("at", "min")])
    return left.take(first["at_min"].sort()), files.filter(gone)


def blank(
    store: Store, gone: pa.Table, kept: pa.Table, packs: Collection[str], scratch: Path
) -> None:
    """Overwrite with zeros what was stored for texts that do not stand, in packs of this load.

    No commit ever lists them, so nobody who forgets their subject would find them. A place that a
    text which stands lies in too is left.
    """
    shared = set(zip(*(kept[name].to_pylist() for name in _PLACE), strict=True))
    places = set(zip(*(gone[name].to_pylist() for name in _PLACE), strict=True)) - shared
    for pack in sorted({pack for pack, _, _ in places if pack in packs}):
        copy = scratch / "blank.tar"
        store.download(pack, copy)
        with copy.open("r+b") as stream:
            for _, offset, length in (place for place in places if place[0] == pack):
                stream.seek(offset)
                for start in range(0, length, _BLOCK):
                    stream.write(bytes(min(_BLOCK, length - start)))
        store.upload(copy, pack)
        copy.unlink(missing_ok=True)
