"""The asset files of a source: which reader takes each, what they hold, and what became of each."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from biolake.core.assets import FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import SetupMissing
from biolake.core.reading import Chunk, Clock, Reject, SourceFile, Tally
from biolake.ingest.asset_links import AssetLinks
from biolake.ingest.asset_walk import head_of, walk
from biolake.lake.door import open_view
from biolake.lake.lake import Lake

LAYOUT = "assets"  # of a source that holds no records
OTHER = "other files"
_BLOCK = 1 << 20
_NO_ROWS = Tally()  # of chunks that account for files, not rows
_PEEKED = 1000
_NOT_TAKEN = "no reader takes this kind of file"


@dataclass(frozen=True)
class Waiting:
    """Files left out of a load, and of its ledger, until a missing extra is there."""

    reader: str
    files: int
    missing: SetupMissing

    @property
    def note(self) -> str:
        what = "file waits" if self.files == 1 else "files wait"
        return f"{self.files:,} {self.reader} {what} for: {self.missing.next}"


@dataclass(frozen=True)
class AssetFiles:
    """The files of a source besides its records, each with the reader that claims it, if any."""

    claimed: tuple[tuple[Extension, tuple[SourceFile, ...]], ...]
    others: tuple[SourceFile, ...] = ()
    barred: tuple[tuple[SourceFile, str], ...] = ()  # files that cannot be read, and why
    records: tuple[SourceFile, ...] = ()  # files the record reading uses
    known: frozenset[str] = frozenset()  # names of files the lake has accounted for
    waiting: tuple[Waiting, ...] = ()  # what readers cannot look at without an extra

    @property
    def files(self) -> Iterator[SourceFile]:
        for _, files in self.claimed:
            yield from files
        yield from self.others
        yield from (file for file, _ in self.barred)

    @property
    def new(self) -> tuple[SourceFile, ...]:
        return tuple(file for file in self.files if file.name not in self.known)


def find_asset_files(
    root: Path, catalogue: Catalogue, records: Iterable[SourceFile] = ()
) -> AssetFiles | None:
    """Look through a source for files that asset readers claim; None where there are none.

    Links that lead out of the source are not followed, and hidden files are none of its files.
    """
    readers = sorted(catalogue.of("asset-reader"), key=lambda reader: reader.name)
    if not readers:
        return None
    records = tuple(records)
    used = {os.path.realpath(file.place) for file in records}
    claimed: dict[str, list[SourceFile]] = {reader.name: [] for reader in readers}
    others: list[SourceFile] = []
    barred: list[tuple[SourceFile, str]] = []
    lacking: dict[str, list[SetupMissing]] = {}
    for file, reason in walk(root, used):
        if reason:
            barred.append((file, reason))
            continue
        try:
            head = head_of(file.place)
        except OSError as error:
            barred.append((file, f"the file cannot be read ({type(error).__name__})"))
            continue
        try:
            name = next((r.name for r in readers if _claims(r, file.name, head)), None)
        except _Unset as unset:
            lacking.setdefault(unset.reader, []).append(unset.missing)
            continue
        (others if name is None else claimed[name]).append(file)
    waiting = tuple(Waiting(name, len(each), each[0]) for name, each in lacking.items())
    if not any(claimed.values()) and not waiting:
        return None
    taken = tuple((r, tuple(claimed[r.name])) for r in readers if claimed[r.name])
    return AssetFiles(taken, tuple(others), tuple(barred), records, waiting=waiting)


class _Unset(Exception):
    """A reader cannot say whether a file is its own: an extra is missing."""

    def __init__(self, reader: str, missing: SetupMissing) -> None:
        super().__init__(reader)
        self.reader, self.missing = reader, missing


def _claims(reader: Extension, name: str, head: bytes) -> bool:
    try:
        return reader.claims is not None and reader.claims(name, head)
    except SetupMissing as missing:
        raise _Unset(reader.name, missing) from None
    except Exception:  # a reader that fails on a file does not take it
        return False


def plan_assets(
    lake: Lake, found: AssetFiles, site: str, zone: str | None, system: str | None = None
) -> AssetFiles:
    """Hash the files and tell which of them the lake has accounted for, read in the same way.

    A file that was quarantined is tried again when another file of its folder is new, or when it
    lies elsewhere than before.
    """
    claimed = tuple(
        (reader, tuple(_hashed(f, _reading_hash(reader, zone, system)) for f in files))
        for reader, files in found.claimed
    )
    others = tuple(_hashed(file, OTHER) for file in found.others)
    barred = tuple((_unread(file, why), why) for file, why in found.barred)
    readers = sorted({OTHER, *(reader.name for reader, _ in claimed)})
    with open_view(lake) as view:
        rows = view.rows(
            "SELECT content_hash, layout_hash,"
            " CASE WHEN arg_max(quarantined_rows, load_id) > 0 THEN list(DISTINCT file) END"
            " FROM loads"
            ' WHERE site_id = ? AND list_contains(?, "table") GROUP BY content_hash, layout_hash',
            [site, readers],
        )
    # Equal bytes may be taken by two readers (an empty file of each kind): each has its line.
    seen = {(content, how): (how, names) for content, how, names in rows}
    planned = replace(found, claimed=claimed, others=others, barred=barred)
    files = list(planned.files)
    held = {f.name: seen.get((f.content_hash, f.reading_hash)) for f in files}
    fresh = {f.name for f in files if _is_fresh(f, held[f.name])}
    folders = {PurePosixPath(name).parent for name in fresh}
    retried = {
        f.name
        for f in chain(*(files for _, files in claimed))
        if f.name not in fresh
        and (told := held[f.name])
        and told[1] is not None
        and PurePosixPath(f.name).parent in folders
    }
    known = frozenset(f.name for f in files) - fresh - retried
    return replace(planned, known=known)


def _is_fresh(file: SourceFile, held: tuple[str, list[str] | None] | None) -> bool:
    how, quarantined = held or ("", None)
    return how != file.reading_hash or (quarantined is not None and file.name not in quarantined)


def _hashed(file: SourceFile, how: str) -> SourceFile:
    """Return a file with the hash and the size of its content, both of one reading."""
    digest, size = hashlib.sha256(), 0
    with open(file.place, "rb", buffering=0) as stream:
        step = min(_BLOCK, os.fstat(stream.fileno()).st_size + 1)  # no larger buffer than needed
        while block := stream.read(step):
            digest.update(block)
            size += len(block)
    return SourceFile(file.place, file.name, digest.hexdigest(), how, size)


def _part_of(whole: SourceFile, part: SourceFile) -> SourceFile:
    """Return a part of a planned file, with the hash of its own bytes."""
    digest = part.content_hash or _digest(part)
    return replace(part, content_hash=digest, reading_hash=whole.reading_hash)


def _digest(part: SourceFile) -> str:
    with open(part.place, "rb", buffering=0) as stream:
        return hashlib.sha256(os.pread(stream.fileno(), part.size, part.start)).hexdigest()


def _unread(file: SourceFile, why: str) -> SourceFile:
    """Give a file that cannot be read a hash of its own: the lake then knows it again."""
    digest = hashlib.sha256(f"{why}\0{file.name}".encode()).hexdigest()
    return replace(file, content_hash=digest, reading_hash=OTHER)


def _reading_hash(reader: Extension, zone: str | None, system: str | None) -> str:
    """Return what stands for how files are read; told whose numbers theirs are, it is another."""
    told = [] if system is None else [f"system {system}"]
    text = "\n".join(["asset", reader.name, reader.version, zone or "", *told])
    return hashlib.sha256(text.encode()).hexdigest()


class Finding:
    """One run of the asset readers over a planned source: a chunk an asset, then the rest."""

    def __init__(self, files: AssetFiles, links: AssetLinks) -> None:
        self._files, self._links = files, links
        self.waiting = list(files.waiting)
        self._all = {file.name: file for file in (*files.records, *files.files)}
        barred = {file.name for file, _ in files.barred}
        self._surroundings = Surroundings({n: f for n, f in self._all.items() if n not in barred})
        self._accounted: set[str] = set(files.known)
        self._parted: set[str] = set()  # new files that hold many assets
        self._head: list[Chunk] = []
        self.notes: Counter[str] = Counter()
        self._found = self._chunks()

    def clock(self) -> Clock:
        """Return the clock of the first assets that have a time: UTC where all say they are in it.

        Looks at some hundred at most.
        """
        offsets: set[int | None] = set()
        for chunk in self._found:
            self._head.append(chunk)
            offsets |= {found.utc_offset for found in chunk.assets if found.start is not None}
            if offsets - {0} or len(self._head) == _PEEKED:
                break
        return "utc" if offsets == {0} else "local"

    def chunks(self, alone: bool) -> Iterator[Chunk]:
        """Yield every chunk; each new file gets one ledger line in all.

        Where nothing else of the source is new (`alone`) and an extra is missing for these files
        too, the `SetupMissing` is raised.
        """
        given = False
        for chunk in chain(self._head, self._found):
            given |= bool(chunk.accounted or chunk.tally.rows)
            yield chunk
        if alone and not given and self.waiting:
            raise self.waiting[0].missing

    def _chunks(self) -> Iterator[Chunk]:
        for reader, files in self._files.claimed:
            yield from self._of(reader, files)
        for file, reason in self._files.barred:
            yield from self._rejected(file, OTHER, reason)
        for file in self._files.others:
            if file.name not in self._accounted:
                tally = Tally(rows=1)
                tally.skipped[_NOT_TAKEN] = 1
                yield Chunk(file, OTHER, tally)

    def _of(self, reader: Extension, files: Sequence[SourceFile]) -> Iterator[Chunk]:
        """Run one reader; whatever it does, every file it claimed is accounted for."""
        table, reason = reader.name, "belongs to no asset that its reader found"
        given: set[str] = set()
        try:
            for found in self._results(reader, files):
                if isinstance(found, UnreadableFile):
                    given.add(found.file.name)
                    yield from self._unreadable(found, table)
                else:
                    given.update(file.name for file in found.files)
                    yield from self._asset(found, table)
        except MemoryError:
            raise
        except SetupMissing as missing:
            left = sum(file.name not in self._accounted for file in files)
            self.waiting.append(Waiting(reader.name, left, missing))
            return
        except Exception as error:  # third-party readers may fail in any way
            reason = f"the reader failed ({type(error).__name__})"
        for file in files:
            if file.name not in given:
                yield from self._rejected(file, table, reason)

    def _results(
        self, reader: Extension, files: Sequence[SourceFile]
    ) -> Iterator[FoundAsset | UnreadableFile]:
        if reader.find is None:
            return
        for found in reader.find(files, self._surroundings):
            named = [found.file] if isinstance(found, UnreadableFile) else found.files
            if not named or any(file.name not in self._all for file in named):
                raise LookupError
            yield found

    def _begun(self, whole: SourceFile) -> bool:
        """Say whether the parts of a file are to be taken, and account for it."""
        if whole.name not in self._accounted:
            self._accounted.add(whole.name)
            self._parted.add(whole.name)
        return whole.name in self._parted

    def _unreadable(self, found: UnreadableFile, table: str) -> Iterator[Chunk]:
        if not found.file.inside:
            yield from self._rejected(found.file, table, found.reason, found.item)
            return
        whole = self._all[found.file.name]
        if self._begun(whole):
            tally = Tally(rows=1, rejects=[Reject(found.row, found.item, found.reason)])
            yield Chunk(whole, table, tally)

    def _asset(self, found: FoundAsset, table: str) -> Iterator[Chunk]:
        if found.files[0].inside:
            yield from self._part(found, table)
            return
        found = self._told(found, tuple(self._hashed(file) for file in found.files))
        files = found.files
        mine = tuple({f.name: f for f in files if f.name not in self._accounted}.values())
        self._accounted.update(file.name for file in mine)
        yield Chunk(files[0], table, _NO_ROWS, assets=(found,), accounted=mine)

    def _part(self, found: FoundAsset, table: str) -> Iterator[Chunk]:
        """Pass on an asset that is a part of a file; a file accounted for before gives no more.

        The line of such a file has as many rows as it has parts.
        """
        whole = self._all[found.files[0].name]
        if self._begun(whole):
            files = tuple(_part_of(self._all[file.name], file) for file in found.files)
            found = self._told(found, files)
            yield Chunk(whole, table, _NO_ROWS, assets=(found,), accounted=(whole,))

    def _told(self, found: FoundAsset, files: tuple[SourceFile, ...]) -> FoundAsset:
        """Return an asset of these files with what the source's lists say of them."""
        found, fault = self._links.of(replace(found, files=files))
        if fault:
            self.notes[fault] += 1
        return found

    def _hashed(self, file: SourceFile) -> SourceFile:
        """Return the file as planned; one of the records is hashed when an asset needs it."""
        planned = self._all[file.name]
        if not planned.content_hash:
            planned = self._all[file.name] = _hashed(planned, OTHER)
            self._accounted.add(planned.name)  # the records account for it
        return planned

    def _rejected(
        self, file: SourceFile, table: str, reason: str, item: str = ""
    ) -> Iterator[Chunk]:
        if file.name not in self._accounted:
            self._accounted.add(file.name)
            tally = Tally(rows=1, rejects=[Reject(1, item, reason)])
            yield Chunk(self._all[file.name], table, tally)


def site_clock(lake: Lake, site: str) -> Clock | None:
    """Return the clock a site keeps, if the lake holds anything of it."""
    with open_view(lake) as view:
        held = view.rows("SELECT clock FROM sites WHERE site_id = ?", [site])
    return held[0][0] if held else None
