"""What of a subject lies in a lake: encounters, assets, their bytes, and who else has them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.commits import Commit
from biolake.lake.forgotten_lines import Lines, lines_of
from biolake.lake.forgotten_samples import Lost, lost_with, sampled_with
from biolake.lake.lake import Lake
from biolake.lake.linkage import EITHER, read_parquet, tombstone
from biolake.lake.repacking import Bytes, bytes_of
from biolake.lake.sweeping import table_files


@dataclass(frozen=True)
class Trace:
    """What to look for: the subject, and the encounters that are its alone."""

    subject: int
    encounters: pa.Array
    assets: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    unsure: int = 0  # of the assets: those that may be another's, or another forgotten subject's
    lost: Lost = field(default_factory=Lost)  # what others have in the assets
    index: int = 0  # files of the search index that was dropped
    bytes: Bytes = field(default_factory=Bytes)
    lines: Lines = field(default_factory=Lines)

    def rows(self, table: pa.Table) -> np.ndarray:
        """Mark the rows of the subject itself, and of its assets."""
        found = np.zeros(len(table), dtype=bool)
        if "subject_id" in table.column_names:
            found |= pc.fill_null(pc.equal(table["subject_id"], self.subject), False).to_numpy()
        if "asset_id" in table.column_names and len(self.assets):
            found |= pc.is_in(table["asset_id"], value_set=self.assets).to_numpy()
        return found

    def in_packs(self, table: pa.Table) -> np.ndarray:
        """Mark the rows that name a pack with bytes of the subject."""
        if "pack" not in table.column_names or not len(self.bytes.packs):
            return np.zeros(len(table), dtype=bool)
        return np.asarray(pc.is_in(table["pack"], value_set=self.bytes.packs).to_numpy())

    def mentions(self, table: pa.Table) -> np.ndarray:
        """Mark the rows that name one of its encounters."""
        if "encounter_id" not in table.column_names or not len(self.encounters):
            return np.zeros(len(table), dtype=bool)
        return np.asarray(pc.is_in(table["encounter_id"], value_set=self.encounters).to_numpy())


def trace_of(lake: Lake, subject_id: int, base: Commit) -> Trace:
    """Find every encounter that any stored file gives to the subject, less those of others now."""
    mine: set[int] = set()
    others: set[int] = set()
    current = _current(base, "encounters")
    for key in table_files(lake):
        if key.startswith("encounters/") and key.endswith(".parquet"):
            table = read_parquet(lake, key, ["encounter_id", "subject_id"])
            own = pc.equal(table["subject_id"], subject_id)
            mine.update(table.filter(own)["encounter_id"].to_pylist())
            if key in current:
                others.update(table.filter(pc.invert(own))["encounter_id"].to_pylist())
    assets, unsure = _assets(lake, subject_id, base)
    stays = pa.array(sorted(mine - others), pa.int64())
    stored = _stored(lake, "asset_files")
    gone = bytes_of(lake, base, assets, stored)
    named = lines_of(lake, _stored(lake, "loads"), set(assets.to_pylist()), gone.hashes)
    lost = lost_with(lake, subject_id, assets, _current(base, "asset_samples"))
    return Trace(subject_id, stays, assets, unsure, lost, bytes=gone, lines=named)


def _current(base: Commit, table: str) -> list[str]:
    state = base.tables.get(table)
    return [file.path for file in state.files] if state else []


def _stored(lake: Lake, table: str) -> list[str]:
    found = table_files(lake)
    return [key for key in found if key.startswith(f"{table}/") and key.endswith(".parquet")]


def _assets(lake: Lake, subject_id: int, base: Commit) -> tuple[pa.Array, int]:
    """Return every asset that any stored file gives to the subject, less those of others now.

    What an asset was before it grew bears the same source key. Also told: how many only may be its.
    """
    columns = ["asset_id", "subject_id", "source_key", "subject_key"]
    current = _current(base, "assets")
    tables = {key: read_parquet(lake, key, columns) for key in _stored(lake, "assets")}
    mine: set[str] = set()
    others: set[str] = set()
    sources: set[str] = set()
    unsure: set[str] = set()
    known = _is_known(lake, base, subject_id)
    mark = _marked(lake, subject_id) if known else None
    for key, table in tables.items():
        own = pc.fill_null(pc.equal(table["subject_id"], subject_id), False)
        if mark is not None:
            either = pc.fill_null(pc.match_substring_regex(table["subject_key"], mark), False)
            unsure.update(table.filter(either)["asset_id"].to_pylist())
        mine.update(table.filter(own)["asset_id"].to_pylist())
        sources.update(table.filter(own)["source_key"].to_pylist())
        if key in current:
            theirs = pc.and_(pc.invert(own), pc.is_valid(table["subject_id"]))
            others.update(table.filter(theirs)["asset_id"].to_pylist())
    stored, now = _stored(lake, "asset_samples"), _current(base, "asset_samples")
    sampled = sampled_with(lake, subject_id, mark, stored, now)
    mine |= sampled.mine
    unsure |= sampled.unsure
    others |= sampled.others
    for table in tables.values():
        holding = pc.is_in(table["asset_id"], value_set=pa.array(sorted(sampled.mine), pa.string()))
        sources.update(table.filter(holding)["source_key"].to_pylist())
    same = pa.array(sorted(sources - {""}), pa.string())
    for table in tables.values():
        grown = pc.is_in(table["source_key"], value_set=same)
        mine.update(table.filter(grown)["asset_id"].to_pylist())
    found = sorted((mine | unsure) - others)
    return pa.array(found, pa.string()), len(unsure - mine - others)


def _marked(lake: Lake, subject_id: int) -> str:
    """Return the pattern of the marks of assets that may be of this subject, or of a forgotten."""
    return f"^{EITHER}.*(forgotten|{tombstone(lake.secret(), subject_id).hex()})"


def _is_known(lake: Lake, base: Commit, subject_id: int) -> bool:
    """Say whether the lake holds a subject, or has forgotten it."""
    state = base.tables.get("subjects")
    held = (read_parquet(lake, f.path, ["subject_id"])[0] for f in (state.files if state else ()))
    wanted = pa.scalar(subject_id, pa.int64())
    return any(pc.any(pc.equal(ids, wanted)).as_py() for ids in held) or was_forgotten(
        lake, base, subject_id
    )


def was_forgotten(lake: Lake, base: Commit, subject_id: int) -> bool:
    state = base.tables.get("linkage")
    mark = tombstone(lake.secret(), subject_id)
    tables = (read_parquet(lake, f.path, ["identifier"]) for f in (state.files if state else ()))
    return any(mark in table["identifier"].to_pylist() for table in tables)
