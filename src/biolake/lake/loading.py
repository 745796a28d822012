"""Take a load into the lake: spill, merge, sort, write, count, commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.keys import SHARDS
from biolake.core.reading import Chunk, Clock, SubjectSystem
from biolake.lake import derived, ledger
from biolake.lake.asset_intake import AssetIntake
from biolake.lake.asset_linking import AssetTables
from biolake.lake.asset_report import AssetOptions, AssetReport
from biolake.lake.building import GroupFiles, Numbering
from biolake.lake.columns import Block, concat
from biolake.lake.commits import Commit
from biolake.lake.derived_rows import DerivedRows
from biolake.lake.door import View, open_view
from biolake.lake.intake import Intake
from biolake.lake.lake import Lake
from biolake.lake.linkage import ID_SYSTEM
from biolake.lake.measures import Measures
from biolake.lake.merging import Outcome, Previous, compare, settle
from biolake.lake.ordering import among
from biolake.lake.sample_times import write_moved_samples, write_sample_times
from biolake.lake.stored import to_block
from biolake.lake.transaction import Transaction

_MOVED_ROWS = 8_000_000

Stage = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LoadRequest:
    """What is loaded, from where, and how its times and subjects are to be understood."""

    site: str
    layout: str
    subjects: SubjectSystem
    clock: Clock
    expected_rows: int
    zone: str | None = None
    message: str = ""
    contents: frozenset[str] = frozenset()  # content hashes of the files
    assets: AssetOptions = field(default_factory=AssetOptions)


@dataclass
class LoadReport:
    """What a load did: the commit it made (or none) and where every row went."""

    commit: Commit | None
    lines: list[ledger.Line] = field(default_factory=list)
    added: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    conflicts: int = 0
    moved_samples: int = 0  # a corrected sheet says that they are another subject's
    assets: AssetReport = field(default_factory=AssetReport)


class Loading:
    """One load under way; the caller holds the write lock."""

    def __init__(
        self,
        lake: Lake,
        base: Commit,
        request: LoadRequest,
        scratch: Path,
        progress: Progress = lambda *_: None,
        stage: Stage = lambda _: None,
    ) -> None:
        self.lake, self.base, self.request = lake, base, request
        self.load_id = f"L{base.number + 1:010d}"
        self._progress, self._stage = progress, stage
        self._scratch = scratch
        self._tx = Transaction(lake, base, scratch, self.load_id)
        self._started = ledger.now_microseconds()
        self._clock: Clock = "utc" if request.zone else request.clock
        ledger.refuse_other_clock(lake, base, request.site, self._clock)
        self.intake = Intake(
            lake,
            base,
            site=request.site,
            load=self.load_id,
            subjects=request.subjects,
            scratch=scratch,
            expected_rows=request.expected_rows,
            zone=request.zone if request.clock == "local" else None,
        )
        self._derived = DerivedRows(scratch)
        self.outcome = Outcome()
        self._added: Counter[int] = Counter()

    def run(self, chunks: Iterable[Chunk]) -> LoadReport:
        """Read every chunk, build the files and publish the commit."""
        with open_view(self.lake, self.base) as view:
            self._assets = AssetIntake(
                view,
                self.intake,
                self._scratch,
                clock=self._clock,
                zone=self.request.zone,
                options=self.request.assets,
            )
            with self._assets.packs:
                self._read(chunks)
                encounters = derived.encounters(view, self.intake)
                self._shelved = AssetTables(self._assets)
                self._shelved.settle(encounters)
            self.intake.finish()
            ledger.refuse_unexplained(self.intake)
            self._stage("write")
            return self._build(view, encounters)

    def _read(self, chunks: Iterable[Chunk]) -> None:
        rows = 0
        for chunk in chunks:
            if chunk.assets:
                self._assets.add(chunk)
            else:
                self.intake.add(chunk)
                self._derived.take(chunk)
            rows += chunk.tally.rows + len(chunk.accounted) + len(chunk.parts)
            self._progress("reading", rows, self.request.expected_rows)

    def _build(self, view: View, encounters: pa.Table | None) -> LoadReport:
        previous = Previous(view, self.intake, self.request.contents)
        measures = self._measures(view, encounters)
        counts = derived.Counts()
        self._numbering = Numbering.of(self.intake)
        moved = self._moved(previous, self._numbering)
        forced = set(moved["shard_group"].to_pylist())
        forced |= previous.retracted_groups() | previous.stale_groups()
        for group in range(self.lake.shard_groups):
            self._progress("writing", group, self.lake.shard_groups)
            self._group(group, previous, moved, group in forced, measures, counts)
        self._progress("writing", self.lake.shard_groups, self.lake.shard_groups)
        lines = ledger.lines(self.intake, self.request, self.outcome, self._added, self._started)
        report = LoadReport(None, lines, sum(self._added.values()), self.outcome)
        report.conflicts = self.intake.linkage.conflicts
        report.moved_samples = len(self.intake.linkage.moved)
        report.assets = self._assets.report
        self._tables(view, encounters, measures, counts, lines)
        self._stage("before commit")
        report.commit = self._tx.publish(
            "ingest",
            self.request.message,
            derived.totals(self._tx, view, self._added, self.outcome),
            loads=[self.load_id],
            settings=self._settings(),
        )
        self._stage("after commit")
        return report

    def _settings(self) -> dict[str, str]:
        system = self.request.subjects
        if self.lake.subject_ids == "keyed" or system.direct or not system.name:
            return {}
        return {ID_SYSTEM: self.request.subjects.name}

    def _measures(self, view: View, encounters: pa.Table | None) -> Measures:
        ids = derived.encounter_ids(view, encounters)
        birth, death = derived.lives(view, self.intake)
        return Measures(birth, death, ids)

    def _moved(self, previous: Previous, numbering: Numbering) -> pa.Table:
        """Find stored rows that this load assigns to another subject, some buckets at a time."""
        found, keys, rows = [previous.moved(pa.table({"row_key": pa.array([], pa.int64())}))], [], 0
        if previous.touched:
            for bucket in range(self.intake.buckets):
                block = self.intake.bucket(bucket)
                block = block.keep(~self.intake.owners.lost(block))
                keys.append(
                    pa.table({"row_key": block.key, "subject_id": numbering.ids[block.subject]})
                )
                rows += len(block)
                if rows > _MOVED_ROWS or bucket == self.intake.buckets - 1:
                    found.append(previous.moved(pa.concat_tables(keys)))
                    keys, rows = [], 0
        return pa.concat_tables(found)

    def _group(
        self,
        group: int,
        previous: Previous,
        moved: pa.Table,
        forced: bool,
        measures: Measures,
        counts: derived.Counts,
    ) -> None:
        """Write one group: new rows as another file, or all its rows anew if any was replaced."""
        gone = moved["row_key"].to_numpy()[moved["shard_group"].to_numpy() == group]
        rewrite = forced or self._corrects(group, previous)
        retracted = self.intake.taken_back
        if rewrite:
            counts.rewritten.add(group)
        files = GroupFiles(self.lake, self._scratch, group, self.load_id)
        for bucket in self._buckets(group):
            new, corrected, seen = self._new_rows(group, bucket, previous, self.outcome)
            old = concat([])
            if rewrite:
                old = previous.all_rows(group, self._shards(bucket))
                ours = previous.of_site(old)
                taken_back = ours & (among(old.key, retracted) | previous.stale(old, seen))
                moved_on = np.isin(old.key, gone) & ~np.isin(old.key, seen)
                replaced = ours & (np.isin(old.key, corrected) | moved_on) & ~taken_back
                self.outcome.replaced += int(replaced.sum())
                self.outcome.removed += int(taken_back.sum())
                old = counts.without(old, replaced | taken_back)
            self._write(files, old, new, measures, counts)
        self._exchange(group, files, rewrite)

    def _exchange(self, group: int, files: GroupFiles, rewrite: bool) -> None:
        for table, added in zip(("events", "events_by_code"), files.finish(), strict=True):
            if rewrite:
                self._tx.remove(table, self.base.tables[table].in_groups([group]))
            self._tx.add(table, added)

    def _write(
        self,
        files: GroupFiles,
        old: Block,
        new: Block,
        measures: Measures,
        counts: derived.Counts,
    ) -> None:
        if not len(old) and not len(new):
            return
        numbering = self._numbering = self._numbering.fresh(self.intake)
        block = concat([old, new]) if len(old) else new
        hashes = files.write(block, numbering)
        counts.note_lives(block, self.intake)
        measures.learn(block, counts.births, counts.deaths, anew=len(old) > 0)
        measures.take(new, hashes[len(old) :], numbering)
        counts.add(new)
        counted: list[int] = np.bincount(new.origin).tolist() if len(new) else []
        self._added.update({n: c for n, c in enumerate(counted) if c})

    def _corrects(self, group: int, previous: Previous) -> bool:
        """Tell whether this load corrects any stored row of a group."""
        trial = Outcome()
        return previous.touched and any(
            len(self._new_rows(group, bucket, previous, trial)[1])
            for bucket in self._buckets(group)
        )

    def _new_rows(
        self, group: int, bucket: int, previous: Previous, outcome: Outcome
    ) -> tuple[Block, np.ndarray, np.ndarray]:
        """Return a bucket's new rows, the stored keys they correct, and every key it holds."""
        block = settle(self.intake.bucket(bucket), self.intake, self._numbering, outcome)
        if not previous.touched or not len(block):
            return block, _NO_KEYS, block.key
        stored = to_block(previous.same_source(group, self._shards(bucket), block.key), self.intake)
        self._numbering = self._numbering.fresh(self.intake)
        new, corrected = compare(block, stored, self._numbering, outcome)
        return new, corrected, block.key

    def _buckets(self, group: int) -> range:
        each = self.intake.buckets // self.lake.shard_groups
        return range(group * each, (group + 1) * each)

    def _shards(self, bucket: int) -> range:
        each = SHARDS // self.intake.buckets
        return range(bucket * each, (bucket + 1) * each)

    def _tables(
        self,
        view: View,
        encounters: pa.Table | None,
        measures: Measures,
        counts: derived.Counts,
        lines: list[ledger.Line],
    ) -> None:
        """Write every table but the events."""
        tx, intake, request = self._tx, self.intake, self.request
        tx.append("loads", ledger.table(lines))
        tx.append("quarantine", ledger.quarantine(intake, self.load_id))
        rows = measures.table_rows(intake) + derived.encounter_rows(encounters, intake)
        tx.append("quality", ledger.quality(rows, intake, self.load_id, lines))
        tx.replace("codes", derived.codes(view, intake, counts))
        tx.replace("subjects", derived.subjects(view, intake, counts, self.lake))
        if encounters is not None:
            tx.replace("encounters", derived.with_groups(encounters, self.lake, self.load_id))
        write_moved_samples(tx, intake.linkage.moved)
        if intake.linkage.new_rows:
            tx.append("linkage", intake.linkage.new_table())
        self._shelved.write(tx)
        write_sample_times(tx, view, intake)
        self._derived.write(tx, view, self._assets.gone, self._assets.moved)
        sites = ledger.sites(view, request.site, self._clock, request.zone)
        if sites is not None:
            tx.replace("sites", sites)


_NO_KEYS = np.empty(0, dtype=np.int64)
