"""The assets of a load: whose each is, whether the lake has it, its bytes into a pack, its event.

Assets come after the source's records, so that identifiers those bring are known. They are taken
some thousand at a time: each batch asks the lake once which of its assets and bytes are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.assets import MODALITIES, FoundAsset
from biolake.core.bounds import is_sayable
from biolake.core.reading import Chunk, Clock, Reject, SourceFile
from biolake.core.schema import ASSET_FILES, ASSETS, MICROSECONDS
from biolake.lake.asset_report import NEW_SYSTEM, OTHER_CLOCK, AssetOptions, AssetReport, asset_key
from biolake.lake.asset_rows import (
    DESCRIBED,
    SPILL,
    Row,
    Spill,
    asset_id,
    described,
    times_as_numbers,
)
from biolake.lake.door import View
from biolake.lake.intake import Intake, as_utc
from biolake.lake.linkage import FORGOTTEN, NO_ENCOUNTER
from biolake.lake.packs import PackWriter, Place, member_name

BATCH = 2000
LINKS = ("subject_id", "encounter_id", "subject_key")


@dataclass
class Found:
    """One asset of a batch: what was found, and whose it is."""

    asset: FoundAsset
    reader: str
    files: tuple[SourceFile, ...]  # distinct by content
    id: str
    source_key: str
    lines: list[int]  # ledger lines of its files
    subject: int | None = None
    key: str | None = None  # under which it waits for its subject
    encounter: int | None = None
    ambiguous: bool = False
    clockless: bool = False  # its time is on another clock than the site's
    described: Row = field(default_factory=dict)


class AssetIntake:
    """Takes found assets in; `rows` and `files` then hold what the load adds to the lake."""

    def __init__(
        self,
        view: View,
        intake: Intake,
        scratch: Path,
        *,
        clock: Clock,
        zone: str | None = None,
        options: AssetOptions | None = None,
    ) -> None:
        self.view, self.intake, self.options = view, intake, options or AssetOptions()
        self.report = AssetReport()
        self.rows = Spill(scratch / "assets.arrow", SPILL)
        self.files = Spill(scratch / "asset-files.arrow", ASSET_FILES)
        self.replaced: set[str] = set()  # stored assets of which the row is written anew or goes
        self.gone: set[str] = set()  # those that are no more: they grew into another
        self.late: dict[str, int] = {}  # assets linked after their row was made → subject
        self.waiting: dict[str, set[int]] = {}  # waiting key → subjects that came to be known
        self._clock, self._zone = clock, zone
        self.packs = PackWriter(view.lake.store, scratch, intake.load)
        self._places: dict[str, Place] = {}
        self._taken: dict[str, int | None] = {}
        self._keys: dict[str, str] = {}  # source key → asset id, within this load
        self._batch: list[Found] = []
        if _some_wait(view, intake.site):
            intake.linkage.watch = self._watch

    def add(self, chunk: Chunk) -> None:
        """Take the assets of one chunk, and the ledger lines of the files it accounts for."""
        self.intake.linkage.watch = self._watch
        for found in chunk.assets:
            names = {file.name for file in found.files}
            mine = [file for file in chunk.accounted if file.name in names]
            lines = [self.intake.line(file, chunk.table) for file in mine]
            for number in lines:
                tally = self.intake.parts[number].tally
                tally.rows, tally.part_rows = 1, 1
            self._take(found, chunk.table, lines)
        if len(self._batch) >= BATCH:
            self.flush()

    def _watch(self, system: str, value: str, subject: int) -> None:
        """Note under which keys an asset may have waited for this identifier."""
        for name in ("", system) if subject != FORGOTTEN else ():
            key = self.intake.linkage.waiting_key(self.intake.site, value, name)
            self.waiting.setdefault(key, set()).add(subject)

    def _take(self, found: FoundAsset, reader: str, lines: list[int]) -> None:
        reason = self._fault(found)
        distinct = tuple({file.content_hash: file for file in found.files}.values())
        row: Row = {}
        if not reason:
            try:
                row = described(found, len(distinct))
            except (TypeError, ValueError):
                reason = "the reader gave facts that cannot be stored"
        if reason:
            self._reject(lines, reason)
            return
        name = asset_id(file.content_hash for file in distinct)
        key = self.intake.linkage.source_key(found.source_key) if found.source_key else ""
        one = Found(found, reader, distinct, name, key, lines, described=row)
        if self._other_clock(found):
            self.report.notes[OTHER_CLOCK[found.utc]] += 1
            one.asset, one.clockless = replace(found, start=None, end=None), True
        self.report.notes.update(found.notes)
        if self._resolve(one):
            self._batch.append(one)
        else:
            self.report.forgotten += 1
            self._skip(lines, "its subject was forgotten")

    def _fault(self, found: FoundAsset) -> str:
        """Return why an asset cannot be taken as it is, or nothing."""
        if found.modality not in MODALITIES:
            return "the reader gave an unknown kind of data"
        if not (is_sayable(found.start) and is_sayable(found.end)):
            return "its time lies outside the years 1 to 9999"
        return ""

    def _other_clock(self, found: FoundAsset) -> bool:
        """Say whether an asset's time is on another clock than the site's: it is then left out."""
        if found.start is None or found.utc == (self._clock == "utc"):
            return False
        return found.utc or self._zone is None

    def _resolve(self, one: Found) -> bool:
        """Find out whose an asset is; False: a forgotten subject's."""
        found, linkage = one.asset, self.intake.linkage
        value = (found.subject or "").strip()
        own = found.system or linkage.system.name
        if not value:
            return True
        if found.listed and own not in ("", NEW_SYSTEM):
            return self._register(one, value, own)
        system = self.options.subject_system or found.system
        known = linkage.known_as(value, system)
        if FORGOTTEN in known:
            return False
        if len(known) == 1:
            (one.subject,) = known
        elif known:
            one.ambiguous = True
        elif found.listed or self.options.new_subjects:
            return self._register(one, value, system or NEW_SYSTEM)
        else:
            one.key = linkage.waiting_key(self.intake.site, value, system)
        return True

    def _register(self, one: Found, value: str, system: str) -> bool:
        """Link an asset to the subject its identifier names, made new where unknown."""
        linkage = self.intake.linkage
        number = linkage.number_of(value, system)
        if number == -1:
            return False
        if number is None:
            one.key = linkage.waiting_key(self.intake.site, value, one.asset.system)
            return True
        one.subject = linkage.registry.ids[number]
        if one.asset.listed and one.asset.encounter:
            stay = int(linkage.encounters(pa.array([one.asset.encounter]))[0])
            one.encounter = None if stay == NO_ENCOUNTER else stay
        return True

    def _reject(self, lines: list[int], reason: str) -> None:
        for number in lines:
            part = self.intake.parts[number]
            part.tally.part_rows = 0
            part.tally.rejects.append(Reject(1, "", reason))

    def _skip(self, lines: list[int], reason: str) -> None:
        for number in lines:
            tally = self.intake.parts[number].tally
            tally.part_rows = 0
            tally.skipped[reason] += 1

    def flush(self) -> None:
        """Decide on the batch: what is new goes into packs, what is known may be linked or grow."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        by_id = self._stored("asset_id", {one.id for one in batch})
        by_key = self._stored("source_key", {one.source_key for one in batch} - {""})
        self._find_places({f.content_hash for one in batch for f in one.files})
        for one in batch:
            old = by_id.get(one.id) or (by_key.get(one.source_key) if one.source_key else None)
            if one.id in self._taken:
                self._again(one)
            elif one.source_key and self._keys.get(one.source_key, one.id) != one.id:
                self._reject(one.lines, "the source's own name of it is that of another asset here")
            elif old is None:
                self._new(one)
            else:
                self._known(one, old)

    def _stored(self, column: str, values: set[str]) -> dict[str, Row]:
        """Return the lake's rows of the assets with these values, by value."""
        if not values or "assets" not in self.view.commit.tables:
            return {}
        self.view.con.register("wanted", pa.table({column: sorted(values)}))
        rows = self.view.table(f"SELECT * FROM assets SEMI JOIN wanted USING ({column})")  # noqa: S608
        self.view.con.unregister("wanted")
        found = times_as_numbers(rows.select(ASSETS.names).cast(ASSETS)).to_pylist()
        return {row[column]: row for row in found if row["asset_id"] not in self.replaced}

    def _find_places(self, hashes: set[str]) -> None:
        """Look up where bytes of the batch are stored already."""
        unknown = sorted(hashes - self._places.keys())
        if not unknown or "asset_files" not in self.view.commit.tables:
            return
        self.view.con.register("wanted", pa.table({"sha256": unknown}))
        rows = self.view.rows(
            'SELECT DISTINCT ON (sha256) sha256, pack, "offset", length FROM asset_files'
            " SEMI JOIN wanted USING (sha256)"
        )
        self.view.con.unregister("wanted")
        self._places |= {sha: Place(*place) for sha, *place in rows}

    def _again(self, one: Found) -> None:
        """Take content that came before in this load: it may tell whose it is, once."""
        self.report.known += 1
        first = self._taken[one.id]
        if one.subject is None or one.subject == first:
            return
        if first is None:
            self.late[one.id] = self._taken[one.id] = one.subject
            self.report.linked_later += 1
        else:
            self.report.conflicts += 1

    def _new(self, one: Found) -> None:
        report = self.report
        report.added += 1
        report.modalities[one.asset.modality] += 1
        report.linked += one.subject is not None
        report.unlinked += one.subject is None
        report.ambiguous += one.ambiguous
        self._store(one, [(f.name, f.content_hash) for f in one.files])
        self._spill(one, self._row(one))

    def _known(self, one: Found, old: Row) -> None:
        """Take an asset the lake has: it may have grown, be told otherwise, or be linked now."""
        if old["site_id"] != self.intake.site and old["subject_id"] is not None:
            self.report.known += 1
            self.report.conflicts += one.subject not in (None, old["subject_id"])
            self._taken[one.id] = old["subject_id"]
            return
        union = self._union(one, old) if one.id != old["asset_id"] else []
        grown = len(union) > old["files"]
        row = self._row(one)
        self._link(one, old, row)
        if one.clockless:
            row |= {"time": old["time"], "end_time": old["end_time"]}
        if grown:
            row |= described(one.asset, len(union))
            row |= {"asset_id": asset_id(sha for _, sha in union), "files": len(union)}
            row |= {"time": _first(old["time"], row["time"], min)}
            row |= {"end_time": _first(old["end_time"], row["end_time"], max)}
            one.id = row["asset_id"]
            self._store(one, union)
            row["bytes"] = sum(self._places[sha].length for _, sha in union)
        elif union or not one.lines:  # a part of what is stored, or not read anew
            row |= {name: old[name] for name in (*DESCRIBED, "asset_id")}
            one.id = old["asset_id"]
        self.report.grown += grown
        self.report.known += not grown
        same = all(row[n] == old[n] for n in (*DESCRIBED, *LINKS))
        if same and not grown:
            self._note(one, old["subject_id"])
            return
        self._retract(old, row)
        self.replaced.add(old["asset_id"])
        if grown:
            self.gone.add(old["asset_id"])
        self._spill(one, row)

    def _union(self, one: Found, old: Row) -> list[tuple[str, str]]:
        """Return name and hash of the files of both, the new ones first."""
        rows = self.view.rows(
            'SELECT name, sha256, pack, "offset", length FROM asset_files WHERE asset_id = ?'
            " ORDER BY number",
            [old["asset_id"]],
        )
        self._places |= {sha: Place(*place) for _, sha, *place in rows}
        held = {sha: name for name, sha, *_ in rows}
        mine = {f.content_hash: f.name for f in one.files}
        return [(name, sha) for sha, name in (mine | held).items()]

    def _link(self, one: Found, old: Row, row: Row) -> None:
        """Decide whose a stored asset is: a list may correct it, anything else only tell it."""
        before = old["subject_id"]
        if before is None:
            row["subject_key"] = None if one.subject is not None else old["subject_key"] or one.key
            self.report.linked_later += one.subject is not None
            return
        if one.subject in (None, before) or not one.asset.listed:
            self.report.conflicts += one.subject not in (None, before)
            stay = old["encounter_id"] if one.subject is None else one.encounter
            stay = old["encounter_id"] if stay is None else stay
            row |= {"subject_id": before, "encounter_id": stay, "subject_key": None}
        else:
            self.report.relinked += 1

    def _retract(self, old: Row, row: Row) -> None:
        """Take an asset's event back where it has none any more."""
        if old["subject_id"] is not None and old["time"] is not None and row["time"] is None:
            key = asset_key(self.intake.site, old["source_key"], old["asset_id"])
            self.intake.retracted.append(np.array([key], dtype=np.int64))

    def _row(self, one: Found) -> Row:
        found = one.asset
        start, end = found.start, found.end
        if self._zone is not None and not found.utc:
            local = pa.array([start, end], pa.int64()).cast(MICROSECONDS)
            start, end = as_utc(local, self._zone).cast(pa.int64()).to_pylist()
        if start is not None and end is None and found.facts.seconds is not None:
            end = start + round(found.facts.seconds * 1e6)
            end = end if is_sayable(end) else None
        return one.described | {
            "asset_id": one.id,
            "subject_id": one.subject,
            "encounter_id": one.encounter if one.subject is not None else None,
            "time": start,
            "end_time": end,
            "format": one.reader,
            "files": len(one.files),
            "bytes": sum(
                self._places[f.content_hash].length if f.content_hash in self._places else f.size
                for f in one.files
            ),
            "site_id": self.intake.site,
            "load_id": self.intake.load,
            "source_key": one.source_key,
            "subject_key": one.key,
        }

    def _spill(self, one: Found, row: Row) -> None:
        self._note(one, row["subject_id"])
        self.rows.add(row | {"origin": one.lines[0] if one.lines else -1})

    def _note(self, one: Found, subject: int | None) -> None:
        self._taken[one.id] = subject
        if one.source_key:
            self._keys[one.source_key] = one.id

    def _store(self, one: Found, files: list[tuple[str, str]]) -> None:
        """Put the bytes that are not stored yet into a pack, and list every file."""
        mine = {file.content_hash: file for file in one.files}
        fresh = [sha for _, sha in files if sha not in self._places]
        self.packs.begin([mine[sha].size for sha in fresh])
        for number, (name, sha) in enumerate(files):
            place = self._places.get(sha)
            if place is None:
                place = self.packs.add(member_name(one.id, number, name), mine[sha])
                self._places[sha] = place
            values: tuple[Any, ...] = (
                one.id, number, name, sha, place.pack, place.offset, place.length,
            )  # fmt: skip
            self.files.add(dict(zip(ASSET_FILES.names, values, strict=True)))

    def close(self) -> None:
        """Decide on what is left and store the last pack."""
        self.flush()
        self.packs.close()
        self.report.bytes_stored = self.packs.bytes
        self.report.packs = len(self.packs.written)


def _first(old: int | None, new: int | None, choose: Callable[[int, int], int]) -> int | None:
    return choose(old, new) if old is not None and new is not None else old if new is None else new


def _some_wait(view: View, site: str) -> bool:
    """Say whether any asset of a site waits for its subject."""
    if "assets" not in view.commit.tables:
        return False
    found = view.rows(
        "SELECT 1 FROM assets WHERE subject_key IS NOT NULL AND site_id = ? LIMIT 1", [site]
    )
    return bool(found)
