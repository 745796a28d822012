"""The assets of a load: whose each is, whether the lake has it, its bytes into a pack, its event.

Assets come after the source's records, so that identifiers those bring are known. They are taken
some thousand at a time: each batch asks the lake once which of its assets and bytes are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.assets import MODALITIES, FoundAsset
from biolake.core.bounds import is_sayable
from biolake.core.reading import Chunk, Clock, SourceFile
from biolake.core.schema import ASSET_FILES
from biolake.lake import asset_samples
from biolake.lake.asset_clock import CLOCKLESS, SiteTime, end_of
from biolake.lake.asset_fates import Fates
from biolake.lake.asset_found import OTHERS, Found, is_of_another
from biolake.lake.asset_growth import DOUBLE, Member, after, told_apart
from biolake.lake.asset_owners import Owners
from biolake.lake.asset_report import CHANGED, AssetOptions, AssetReport, asset_key
from biolake.lake.asset_rows import (
    DESCRIBED,
    SPILL,
    Row,
    Spill,
    asset_id,
    described,
    is_text,
)
from biolake.lake.asset_samples import SampleIntake
from biolake.lake.asset_stock import Stock
from biolake.lake.door import View
from biolake.lake.genotype_builds import GenotypeBuilds
from biolake.lake.intake import Intake
from biolake.lake.packs import PackWriter, member_name

BATCH = 2000
UNKNOWN_NOW = "corrected files name a subject not known here: their assets wait for it"
LINKS = ("subject_id", "encounter_id", "subject_key")


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
        self.report, self.scratch = AssetReport(), scratch
        self.rows = Spill(scratch / "assets.arrow", SPILL)
        self.files = Spill(scratch / "asset-files.arrow", ASSET_FILES)
        self.replaced: set[str] = set()  # stored assets of which the row is written anew or goes
        self.gone: set[str] = set()  # those that are no more: they grew into another
        self.outdated: set[int] = set()  # of `rows`: texts that a later row of this load replaced
        self._texts: dict[str, int] = {}  # source key of a text → its place in `rows`
        self.late: dict[str, int] = {}  # assets linked after their row was made → subject
        self.moved: dict[str, int] = {}  # stored assets → the other subject they are of now
        self.owners = Owners(intake.linkage, intake.site, self.options)
        self.samples = SampleIntake(view, intake, self.owners, self.report, scratch)
        self.fates = Fates(intake)
        self._times = SiteTime(clock, zone)
        self._stock = Stock(view, intake.site)
        self._builds = GenotypeBuilds(view)
        self.packs = PackWriter(view.lake.store, scratch, intake.load)
        self._taken: dict[str, int | None] = {}
        self._keys: dict[str, str] = {}  # source key → asset id, within this load
        self._batch: list[Found] = []
        if self._stock.waits() or self.samples.waits():
            self.owners.watch()

    def add(self, chunk: Chunk) -> None:
        """Take the assets of one chunk, and the ledger lines of the files it accounts for."""
        self.owners.watch()
        for found in chunk.assets:
            self._take(found, chunk.table, self.fates.begin(found, chunk))
        if len(self._batch) >= BATCH:
            self.flush()

    def _take(self, found: FoundAsset, reader: str, lines: dict[str, int]) -> None:
        reason, row = self._fault(found), Row()
        if not reason:
            try:
                row = described(found)
                files, doubles = told_apart(found)
            except (TypeError, ValueError):
                reason = "the reader gave facts that cannot be stored"
        if reason:
            self.fates.reject(found, lines.values(), reason)
            return
        self.fates.reject(found, [lines.pop(f.name) for f in doubles if f.name in lines], DOUBLE)
        one = self._found(found, reader, files, [*lines.values()], row)
        if self._is_forgotten(one):
            self.report.forgotten += 1
            self.fates.skip(found, lines.values(), "its subject was forgotten")
            return
        if found.samples and (opening := lines.get(found.files[0].name)) is not None:
            unknown = asset_samples.refused(one.samples)
            self.fates.samples(opening, len(one.samples), unknown)
        self._batch.append(one)

    def _is_forgotten(self, one: Found) -> bool:
        """Say whether an asset is a forgotten subject's, by its content or by whom it names.

        The words of a text may be another's too, where that other is known.
        """
        forgets = self.intake.linkage.is_forgotten_content
        hashes = [member.sha for member in one.members]
        if forgets(one.id, () if one.text_key else hashes) or not self._resolve(one):
            return True
        return bool(one.text_key) and one.subject is None and forgets(one.id, hashes)

    def _found(
        self,
        found: FoundAsset,
        reader: str,
        files: Sequence[tuple[SourceFile, str]],
        lines: list[int],
        row: Row,
    ) -> Found:
        hashed = self.intake.linkage.source_key
        key = hashed(found.source_key) if found.source_key else ""
        members = [
            Member(file.name, file.content_hash, hashed(own) if own else None)
            for file, own in files
        ]
        found, clockless = self._times.of(found)
        if clockless:
            self.report.notes[CLOCKLESS] += 1
        self.report.notes.update(found.notes)
        return Found(
            found,
            reader,
            tuple(file for file, _ in files),
            members,
            asset_id((m.sha for m in members), key if is_text(found) else ""),
            key,
            lines,
            clockless=clockless,
            described=row,
        )

    def _fault(self, found: FoundAsset) -> str:
        """Return why an asset cannot be taken as it is, or nothing."""
        if found.modality not in MODALITIES:
            return "the reader gave an unknown kind of data"
        if not (is_sayable(found.start) and is_sayable(found.end)):
            return "its time lies outside the years 1 to 9999"
        fault = asset_samples.fault_of(found) if found.samples else ""
        return fault or self._builds.fault(found)

    def _resolve(self, one: Found) -> bool:
        """Find out whose an asset, or each of its samples, is; False: a forgotten subject's."""
        found, linkage = one.asset, self.intake.linkage
        if found.samples:
            one.samples = self.samples.owners(found)
            return not any(owner.forgotten for owner in one.samples)
        owner = self.owners.of(found.subject, found.system, found.listed)
        one.subject, one.key, one.ambiguous = owner.subject, owner.key, owner.ambiguous
        if owner.subject is not None and found.listed and found.encounter:
            one.encounter = linkage.encounter(found.encounter)
        return not owner.forgotten

    def flush(self) -> None:
        """Decide on the batch: what is new goes into packs, what is known may be linked or grow."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        stock = self._stock
        by_id = stock.rows("asset_id", {one.id for one in batch}, self.replaced)
        named = {one.source_key for one in batch} - {""}
        by_key = stock.rows("source_key", named, self.replaced)
        stock.find_places({f.content_hash for one in batch for f in one.files})
        others = (one for one in batch if one.source_key in by_key and one.id not in by_id)
        told = stock.told({f.content_hash for one in others for f in one.files})
        for one in batch:
            old = by_id.get(one.id) or (by_key.get(one.source_key) if one.source_key else None)
            if one.is_row:
                self._text(one, old, told)
            elif one.id in self._taken:
                self._again(one)
            elif one.source_key and self._keys.get(one.source_key, one.id) != one.id:
                self._refuse(one, "the source's own name of it is that of another asset here")
            elif old is None:
                self._new(one)
            else:
                self._known(one, old, told)
        # Texts are many: where their bytes lie is not remembered.
        stock.forget(file.content_hash for one in batch if one.is_row for file in one.files)

    def _text(self, one: Found, old: Row | None, told: set[str]) -> None:
        """Take the text of a row: of the rows with one key the last counts, as with events."""
        report, before = self.report, self._texts.pop(one.source_key, None)
        if before is not None:
            self.outdated.add(before)
            report.outdated += 1
        if old is not None and old["asset_id"] not in self.replaced:
            self._known(one, old, told)
            return
        self._new(one)
        if before is not None:  # counted already
            report.added -= 1
            report.modalities[one.asset.modality] -= 1
            report.linked -= one.subject is not None

    def _samples_of(self, one: Found, *, new: bool) -> None:
        if one.samples and new:
            self.samples.new(one)
        elif one.samples:
            self.samples.known(one)

    def _refuse(self, one: Found, reason: str) -> None:
        self.fates.reject(one.asset, one.lines, reason)

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
        report.unlinked += one.subject is None and not one.samples
        report.ambiguous += one.ambiguous
        report.sampled += bool(one.samples)
        self._samples_of(one, new=True)
        self._store(one, one.members)
        self._spill(one, self._row(one))

    def _known(self, one: Found, old: Row, told: set[str]) -> None:
        """Take an asset the lake has: it may have grown, be corrected, told otherwise or linked."""
        linked = old["subject_id"] is not None or one.samples
        if old["site_id"] != self.intake.site and linked:
            self.report.known += 1
            self.report.conflicts += one.subject not in (None, old["subject_id"])
            self._taken[one.id] = old["subject_id"]
            return
        files = self._files(one, old, told) if one.id != old["asset_id"] else []
        changed = self._id(one, files) != old["asset_id"] if files else False
        if changed and self._mixes(one, old, files):
            self._refuse(one, OTHERS)
            return
        row = self._row(one)
        self._link(one, old, row)
        if one.clockless:
            row |= {"time": old["time"], "end_time": old["end_time"]}
        if changed:
            row |= self._grown(one, old, files)
        elif files or not one.lines:  # a part of what is stored, or not read anew
            row |= {name: old[name] for name in (*DESCRIBED, "asset_id")}
            one.id = old["asset_id"]
        self.report.grown += changed and not one.corrects
        self.report.corrected += one.corrects
        self.report.known += not changed
        self._samples_of(one, new=changed)
        same = all(row[n] == old[n] for n in (*DESCRIBED, *LINKS))
        if same and not changed:
            self._note(one, old["subject_id"])
            return
        self._retract(one, old, row)
        self.replaced.add(old["asset_id"])
        if changed:
            self.gone.add(old["asset_id"])
        self._spill(one, row)

    def _files(self, one: Found, old: Row, told: set[str]) -> list[Member]:
        """Return the files of an asset found under the name of a stored one: joined or replaced."""
        volume = "volume" in (old["kind"], one.asset.facts.kind)
        held = self._stock.files(old["asset_id"])
        files = after(one.members, held, told, volume=volume)
        kept = {member.sha for member in files}
        one.corrects = not any(member.sha in kept for member in held)
        return files

    def _mixes(self, one: Found, old: Row, files: list[Member]) -> bool:
        """Say whether an asset would hold two subjects' data; a list tells of all it names."""
        told = one.asset.listed and {m.sha for m in files} <= {m.sha for m in one.members}
        option = self.options.subject_system or ""
        free = one.corrects or told
        return not free and is_of_another(one, old, self.intake.linkage, option)

    def _id(self, one: Found, files: Sequence[Member]) -> str:
        return asset_id((member.sha for member in files), one.text_key)

    def _grown(self, one: Found, old: Row, files: list[Member]) -> Row:
        """Store what is new of a changed asset; return what its row says otherwise."""
        joined = len(files) if len(files) > len(one.files) else 0
        row = described(one.asset, joined)
        if not one.corrects:
            row |= {
                "time": _first(old["time"], one.asset.start, min),
                "end_time": _first(old["end_time"], end_of(one.asset), max),
            }
        one.id = self._id(one, files)
        self._store(one, files)
        size = sum(self._stock.places[member.sha].length for member in files)
        return row | {"asset_id": one.id, "files": len(files), "bytes": size}

    def _link(self, one: Found, old: Row, row: Row) -> None:
        """Decide whose a stored asset is: a list or a correction may change it, all else tell it.

        What a corrected file says of its subject goes before what the earlier one said, even where
        nobody is known by it yet.
        """
        before = old["subject_id"]
        if before is None:
            waits = one.key if one.ambiguous else old["subject_key"] or one.key
            row["subject_key"] = None if one.subject is not None else waits
            self.report.linked_later += one.subject is not None
        elif one.corrects and one.subject is None and one.key is not None:
            self.report.notes[UNKNOWN_NOW] += 1
        elif one.subject in (None, before) or not (one.asset.listed or one.corrects):
            self.report.conflicts += one.subject not in (None, before)
            stay = old["encounter_id"] if one.subject is None else one.encounter
            stay = old["encounter_id"] if stay is None else stay
            row |= {"subject_id": before, "encounter_id": stay, "subject_key": None}
        else:
            self.report.relinked += 1
            if one.subject is not None:
                self.moved[old["asset_id"]] = one.subject

    def _retract(self, one: Found, old: Row, row: Row) -> None:
        """Take an asset's event back where it has none any more; tell where findings stand."""
        stays = all(row[name] == old[name] for name in ("subject_id", "time"))
        if old["subject_id"] is not None and (one.corrects or not stays):
            self.report.notes[CHANGED] += 1
        told = old["subject_id"] is not None and old["time"] is not None
        if told and (row["time"] is None or row["subject_id"] is None):
            key = asset_key(self.intake.site, old["source_key"], old["asset_id"])
            self.intake.retracted.append(np.array([key], dtype=np.int64))

    def _row(self, one: Found) -> Row:
        found, places = one.asset, self._stock.places
        return one.described | {
            "asset_id": one.id,
            "subject_id": one.subject,
            "encounter_id": one.encounter if one.subject is not None else None,
            "time": found.start,
            "end_time": end_of(found),
            "format": one.reader,
            "files": len(one.files),
            "bytes": sum(
                places[f.content_hash].length if f.content_hash in places else f.size
                for f in one.files
            ),
            "site_id": self.intake.site,
            "load_id": self.intake.load,
            "source_key": one.source_key,
            "subject_key": one.key,
        }

    def _spill(self, one: Found, row: Row) -> None:
        self._note(one, row["subject_id"])
        if one.is_row:
            self._texts[one.source_key] = self.rows.rows
        self.rows.add(row | {"origin": one.lines[0] if one.lines else -1})

    def _note(self, one: Found, subject: int | None) -> None:
        if one.is_row:
            return
        self._taken[one.id] = subject
        if one.source_key:
            self._keys[one.source_key] = one.id

    def _store(self, one: Found, members: list[Member]) -> None:
        """Put the bytes that are not stored yet into a pack, and list every file."""
        places = self._stock.places
        mine = {file.content_hash: file for file in one.files}
        self.packs.begin([mine[m.sha].size for m in members if m.sha not in places])
        for number, (name, sha, key) in enumerate((m.name, m.sha, m.key) for m in members):
            place = places.get(sha)
            if place is None:
                place = self.packs.add(member_name(one.id, number, name), mine[sha])
                places[sha] = place
            values: tuple[Any, ...] = (
                one.id, number, name, sha, place.pack, place.offset, place.length, key,
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
