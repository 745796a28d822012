"""Assets of many samples that hold one of a forgotten subject: they go whole, bytes and all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.lake import Lake
from biolake.lake.linkage import read_parquet

_COLUMNS = ["asset_id", "number", "subject_id", "subject_key"]


@dataclass(frozen=True)
class Sampled:
    """Assets with a sample that is, or may be, the subject's; and those that hold none (now)."""

    mine: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lost:
    """What goes with a subject though it is others': assets, samples, and whose these are."""

    assets: int = 0
    samples: int = 0
    subjects: int = 0


def sampled_with(
    lake: Lake, subject_id: int, mark: str | None, stored: Iterable[str], current: Collection[str]
) -> Sampled:
    """Find them in all files ever stored of `asset_samples`; `current` are those of now."""
    mine: set[str] = set()
    unsure: set[str] = set()
    now: set[str] = set()
    still: set[str] = set()
    for key in stored:
        table = read_parquet(lake, key, _COLUMNS)
        own = set(_ids(table, pc.equal(table["subject_id"], subject_id)))
        maybe = set()
        if mark is not None:
            maybe = set(_ids(table, pc.match_substring_regex(table["subject_key"], mark)))
        mine |= own
        unsure |= maybe
        if key in current:
            now.update(table["asset_id"].to_pylist())
            still |= own | maybe
    return Sampled(frozenset(mine), frozenset(unsure - mine), frozenset(now - still))


def _ids(table: pa.Table, marked: pa.ChunkedArray) -> list[str]:
    found: list[str] = table.filter(pc.fill_null(marked, False))["asset_id"].to_pylist()
    return found


def lost_with(lake: Lake, subject_id: int, assets: pa.Array, current: Iterable[str]) -> Lost:
    """Count what others have in these assets now."""
    parts = [read_parquet(lake, key, _COLUMNS) for key in current]
    if not parts:
        return Lost()
    rows = pa.concat_tables(parts)
    rows = rows.filter(pc.is_in(rows["asset_id"], value_set=assets))
    theirs = rows.filter(pc.fill_null(pc.not_equal(rows["subject_id"], subject_id), True))
    linked = set(theirs["subject_id"].drop_null().to_pylist())
    return Lost(len(set(rows["asset_id"].to_pylist())), len(theirs), len(linked))
