"""Ingest one source: plan → read → map → check → commit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import DataRefused, SourceUnreadable, WrongUse
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem, Tally
from biolake.ingest.asset_links import AssetLinks
from biolake.ingest.assets import (
    LAYOUT,
    AssetFiles,
    Finding,
    find_asset_files,
    plan_assets,
    site_clock,
)
from biolake.ingest.mapping import (
    MappedReading,
    Mapping,
    detect_mapping,
    load_mapping,
    local_mapping,
    open_mapping,
    shipped_mappings,
)
from biolake.ingest.source import hashed, open_source
from biolake.lake.asset_report import NEW_SYSTEM, AssetOptions, AssetReport
from biolake.lake.door import open_view
from biolake.lake.intake import known_site, known_zone
from biolake.lake.lake import Lake
from biolake.lake.linkage import ID_SYSTEM
from biolake.lake.loading import Loading, LoadReport, LoadRequest
from biolake.lake.locking import writer
from biolake.lake.sample_times import Whose
from biolake.lake.transaction import clear_scratch, scratch_folder

# Bytes a source row takes in a typical file of its kind; only sizes the buckets.
_ROW_BYTES = {".gz": 12, ".parquet": 15, ".json": 1500, ".ndjson": 800}

Progress = Callable[[str, int, int], None]
Stage = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """A source as it will be read: which files are new, which the lake has already."""

    reading: Reading
    new: tuple[SourceFile, ...]
    known: tuple[SourceFile, ...]
    assets: AssetFiles | None = None  # the files besides the records, if any reader takes some

    @property
    def nothing_new(self) -> bool:
        assets = self.assets
        return not self.new and (assets is None or not (assets.new or assets.waiting))


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. `load.commit` is None when the lake held everything already."""

    plan: Plan
    site: str
    load: LoadReport

    @property
    def assets(self) -> AssetReport:
        """What became of the source's assets."""
        return self.load.assets


def ingest(
    lake: Lake,
    source: str,
    catalogue: Catalogue,
    *,
    mapping: str | None = None,
    site: str = "main",
    zone: str | None = None,
    wait: float = 0.0,
    progress: Progress = lambda *_: None,
    stage: Stage = lambda _: None,
    new_subjects: bool = False,
    subject_system: str | None = None,
) -> IngestReport:
    """Read a source into the lake as one load and one commit; the same files again add nothing.

    Asset files whose identifier nobody here has wait for it, or with `new_subjects` make a subject;
    `subject_system` names the one system their identifiers are of. `stage` is told each stage as it
    begins: plan, read, write, before commit, after commit.
    """
    site, zone = known_site(site), known_zone(zone) if zone is not None else None
    with writer(lake.store, f"ingest of {Path(source).name}", wait):
        clear_scratch(lake)
        with scratch_folder(lake) as scratch:
            stage("plan")
            context = ReadContext(site, scratch, whose=Whose(lake, site))
            path = open_source(source, scratch)
            plan = _plan(lake, path, catalogue, context, mapping, _Told(zone, subject_system))
            if plan.nothing_new:
                return IngestReport(plan, site, LoadReport(None))
            stage("read")
            links = AssetLinks(utc=plan.reading.clock == "utc")
            finding = Finding(plan.assets, links) if plan.assets else None
            plan = replace(plan, reading=_timed(plan.reading, finding, lake, site))
            options = AssetOptions(new_subjects, subject_system)
            request = _request(plan, site, zone, source, options)
            loading = Loading(lake, lake.commit(), request, scratch, progress, stage)
            load = loading.run(_all_chunks(plan, links, finding))
            notes = (*_notes(plan), *_told(load, finding), *_dropped(loading), *_moved(load))
            plan = replace(plan, reading=replace(plan.reading, notes=notes))
            return IngestReport(plan, site, load)


@dataclass(frozen=True)
class _Told:
    """What the person says of a source: its clock's zone, whose numbers its asset files bear."""

    zone: str | None
    system: str | None


def _plan(
    lake: Lake,
    path: Path,
    catalogue: Catalogue,
    context: ReadContext,
    mapping: str | None,
    told: _Told,
) -> Plan:
    """Open a source's records, find the asset files beside them, and tell what is new."""
    site = context.site
    try:
        if mapping == LAYOUT:
            raise _no_layout(path, catalogue)
        reading = open_reading(path, catalogue, context, mapping)
    except NoLayout:
        found = find_asset_files(path, catalogue)
        if found is None:
            raise
        reading = _no_records(lake)
        return Plan(reading, (), (), plan_assets(lake, found, site, told.zone, told.system))
    plan = make_plan(lake, reading, site, told.zone)
    depends = (file for files in reading.depends.values() for file in files)
    records = {file.name: file for file in (*depends, *plan.new, *plan.known)}
    found = find_asset_files(path, catalogue, records.values())
    if found is None:
        return plan
    return replace(plan, assets=plan_assets(lake, found, site, told.zone, told.system))


def _no_records(lake: Lake) -> Reading:
    """Return the reading of a source that holds asset files only."""
    if lake.subject_ids == "source":
        subjects = SubjectSystem(lake.commit().settings.get(ID_SYSTEM, ""), integer=True)
    else:
        subjects = SubjectSystem(NEW_SYSTEM)
    return Reading(LAYOUT, LAYOUT, subjects, "local", (), lambda _: iter(()))


def _timed(reading: Reading, finding: Finding | None, lake: Lake, site: str) -> Reading:
    """Where there are no records, keep the site's clock, or take that of the first asset."""
    if reading.layout != LAYOUT or finding is None:
        return reading
    return replace(reading, clock=site_clock(lake, site) or finding.clock())


def _all_chunks(plan: Plan, links: AssetLinks, finding: Finding | None) -> Iterator[Chunk]:
    """Yield the records first, then the assets: who they name is known by then."""
    yield from links.pass_on(_every_file(plan.reading.chunks(plan.new), plan.new))
    assets = plan.assets
    if assets and assets.new:
        _list_again(plan, links)
    if finding is not None and assets and (assets.new or assets.waiting or len(links)):
        yield from finding.chunks(alone=not plan.new)


def _list_again(plan: Plan, links: AssetLinks) -> None:
    """Let the lists that the lake knows say whose the new asset files are; all else of them stays.

    A file that waited for an extra comes later than the list that names it.
    """
    reading = plan.reading
    if isinstance(reading, MappedReading):
        lists = tuple(file for file in plan.known if file.name in reading.lists)
        for chunk in reading.chunks(lists) if lists else ():
            if chunk.asset_links is not None:
                links.take(chunk.asset_links)


def open_reading(
    path: Path, catalogue: Catalogue, context: ReadContext, mapping: str | None
) -> Reading:
    """Open a source by the mapping or reader named, or by the one that recognises it."""
    readers = {extension.name: extension for extension in catalogue.of("reader")}
    if mapping in readers:
        return _open_with(readers[mapping], path, context)
    if mapping is not None:
        return open_mapping(load_mapping(mapping, readers), path, context)
    found, own = detect_mapping(path), local_mapping(path)
    fitting = (e for e in readers.values() if e.detect is not None and e.detect(path))
    reader = None if found else next(fitting, None)
    if own is not None:
        _refuse_two(own, found.name if found else reader.name if reader else None, path)
        reading = open_mapping(own, path, context)
        note = f"read by the mapping {own.path.name} of the source: its `detect` fits"
        return replace(reading, notes=(note, *reading.notes))
    if found is not None:
        return open_mapping(found, path, context)
    if reader is not None:
        return _open_with(reader, path, context)
    raise _no_layout(path, catalogue)


class NoLayout(DataRefused):
    """No reader or mapping of records fits a source."""


def _no_layout(path: Path, catalogue: Catalogue) -> NoLayout:
    readers = [extension.name for extension in catalogue.of("reader")]
    known = ", ".join(sorted([*readers, *shipped_mappings()]))
    formats = ", ".join(sorted(reader.name for reader in catalogue.of("asset-reader")))
    assets = f"; none of its files is an asset of a known format ({formats})" if formats else ""
    return NoLayout(
        f"no known layout fits this source (known: {known}){assets}",
        where=path.name,
        next="Name one with --mapping, or write a mapping: biolake mapping draft SOURCE",
    )


def _refuse_two(own: Mapping, other: str | None, source: Path) -> None:
    if other is not None:
        raise WrongUse(
            f"two layouts fit this source: {other} and its own mapping {own.path.name}",
            where=source.name,
            next=f"Name the one that is meant: --mapping {other}, or --mapping and the file.",
        )


def _open_with(reader: Extension, path: Path, context: ReadContext) -> Reading:
    reading: Reading = reader.call(path, context)
    return reading


def make_plan(lake: Lake, reading: Reading, site: str, zone: str | None = None) -> Plan:
    """Hash every file and tell the new ones from those that this site loaded in the same way."""
    _refuse_odd_names(reading.files)
    files = hashed(reading.files)
    depends = {name: hashed(others) for name, others in reading.depends.items()}
    how = {f.name: _reading_hash(reading, depends.get(f.name, ()), zone) for f in files}
    files = tuple(replace(file, reading_hash=how[file.name]) for file in files)
    with open_view(lake) as view:
        # The latest reading counts: a file is read again when a mapping is changed back.
        seen = view.rows(
            "SELECT content_hash, arg_max(layout_hash, load_id) FROM loads"
            " WHERE site_id = ? GROUP BY content_hash",
            [site],
        )
    known = tuple(f for f in files if (f.content_hash, f.reading_hash) in seen)
    return Plan(reading, tuple(file for file in files if file not in known), known)


def _refuse_odd_names(files: tuple[SourceFile, ...]) -> None:
    """Refuse a file whose name is no text: the ledger could not name it."""
    for file in files:
        try:
            file.name.encode()
        except UnicodeEncodeError:
            raise SourceUnreadable(
                "the file's name is not UTF-8",
                where=file.name.encode("utf-8", "backslashreplace").decode(),
                next="Rename it and try again.",
            ) from None


def _reading_hash(reading: Reading, others: tuple[SourceFile, ...], zone: str | None) -> str:
    """Fold the look-up tables a file is read with, and its zone, into its layout's hash."""
    depends = sorted(other.content_hash for other in others)
    if zone is not None and reading.clock == "local":
        depends.append(f"zone {zone}")
    if not depends:
        return reading.layout_hash
    text = "\n".join([reading.layout_hash, *depends])
    return hashlib.sha256(text.encode()).hexdigest()


def _request(
    plan: Plan, site: str, zone: str | None, source: str, options: AssetOptions
) -> LoadRequest:
    reading, assets = plan.reading, plan.assets.new if plan.assets else ()
    return LoadRequest(
        site=site,
        layout=reading.layout,
        subjects=reading.subjects,
        clock=reading.clock,
        expected_rows=sum(_expected_rows(file) for file in plan.new) + len(assets),
        zone=zone,
        message=f"{reading.layout}: {Path(source).name} at site {site}",
        contents=frozenset(file.content_hash for file in (*plan.new, *assets)),
        assets=options,
    )


def _expected_rows(file: SourceFile) -> int:
    suffix = "".join(file.path.suffixes[-2:]).lower()
    each = next((n for end, n in _ROW_BYTES.items() if suffix.endswith(end)), 60)
    return file.size // each


def _notes(plan: Plan) -> list[str]:
    """Return what the reading of the records noted, less what the assets account for."""
    mine = {f"not read: {file.name}" for file in plan.assets.files} if plan.assets else set()
    return [note for note in plan.reading.notes if note not in mine]


def _told(load: LoadReport, finding: Finding | None) -> list[str]:
    """Return what readers and lists had to say of assets, with how many it concerns."""
    told = load.assets.notes + (finding.notes if finding else Counter())
    waiting = [each.note for each in finding.waiting] if finding else []
    return waiting + [f"{text} ({count:,})" for text, count in told.most_common()]


def _dropped(loading: Loading) -> list[str]:
    """Say which events were not made though their rows gave others."""
    found: Counter[tuple[str, str]] = Counter()
    for part in loading.intake.parts:
        for rule, count in part.tally.dropped.items():
            found[part.table, rule] += count
    return [f"events dropped: {table}/{rule} ({count:,})" for (table, rule), count in found.items()]


def _moved(load: LoadReport) -> list[str]:
    """Say what must be done again where samples are another subject's now."""
    if not load.moved_samples:
        return []
    return [
        f"samples that are another subject's now: {load.moved_samples:,}. Run extract again, keep"
        " again the variants you keep, and load again the tables of what was measured in them"
    ]


def _every_file(chunks: Iterator[Chunk], files: tuple[SourceFile, ...]) -> Iterator[Chunk]:
    """Pass chunks on; a file that gave none still gets its ledger line, so it counts as read."""
    seen = set()
    for chunk in chunks:
        seen.add(chunk.file.name)
        yield chunk
    for file in files:
        if file.name not in seen:
            yield Chunk(file, file.name, Tally())
