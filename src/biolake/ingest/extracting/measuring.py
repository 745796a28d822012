"""Open assets run by run and ask extractors about them, in threads; their order stays the same.

Most of the work is in NumPy, Numba and codecs, which let other threads run; memory holds a few
opened assets and the findings, never more. Small assets make runs: one is opened after the other,
and only those that an extractor looks at many at a time (notes) stay open together.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import BiolakeError, SetupMissing
from biolake.core.media import Note, Opened, Recording
from biolake.core.reading import Clock
from biolake.ingest.extracting.answers import Answer, joined, told_by
from biolake.ingest.extracting.due import DueAsset
from biolake.lake.assets import PackReader, StoredContent
from biolake.lake.door import View

_AHEAD = 4  # runs a thread may be ahead of what is taken
_RUN_ASSETS, _RUN_BYTES = 500, 2 << 20
UNTIMED = "the asset has no time"
SAMPLED = ("genotype", "cells", "spatial")  # modalities of assets that hold many samples
# What is found in these may be true at any time, or stand in a table: they need no time.
TIMELESS = ("note", *SAMPLED)


@dataclass(frozen=True)
class Looked:
    """A run of assets with the answer of each extractor, and the CPU seconds to open them."""

    assets: tuple[DueAsset, ...]
    answers: Mapping[str, Answer]
    lengths: Mapping[int, int] = field(default_factory=dict)  # characters of the notes, by place
    seconds: float = 0.0


@dataclass
class _Run:
    """A run while it is looked at."""

    assets: tuple[DueAsset, ...]
    opened: dict[int, Opened] = field(default_factory=dict)
    unopened: dict[int, Answer] = field(default_factory=dict)  # why, as every extractor's answer
    told: dict[str, list[Answer]] = field(default_factory=dict)  # of extractors of one at a time
    lengths: dict[int, int] = field(default_factory=dict)  # characters of the notes
    seconds: float = 0.0  # to open them

    def asking(self, name: str) -> list[int]:
        """Return the places of the assets that an extractor is to look at."""
        return [n for n, asset in enumerate(self.assets) if name in asset.extractors]


@dataclass
class Measuring:
    """Threads that open assets; use it in a `with` block. Each asset is opened once."""

    view: View
    catalogue: Catalogue
    extractors: dict[str, Extension]
    threads: int = 2
    strict: bool = False  # raise when something is not installed
    clock: Clock = "utc"  # of the site; where it or the zone tells, a recording's midnight is known
    zone: str | None = None
    _absent: dict[str, SetupMissing] = field(default_factory=dict)  # by extractor or reader
    _local: threading.local = field(default_factory=threading.local)
    _readers: list[PackReader] = field(default_factory=list)

    def __enter__(self) -> Measuring:
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="extract")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for reader in self._readers:
            reader.close()

    def each(self, assets: Iterable[DueAsset]) -> Generator[Looked]:
        """Yield every run of assets looked at, in the order given."""
        left = self._runs(assets)
        running: deque[Future[Looked]] = deque()
        for run in islice(left, _AHEAD * self.threads):
            running.append(self._pool.submit(self._look, run))
        while running:
            looked = running.popleft().result()
            for run in islice(left, 1):
                running.append(self._pool.submit(self._look, run))
            yield looked

    def _runs(self, assets: Iterable[DueAsset]) -> Iterator[tuple[DueAsset, ...]]:
        """Cut the assets into runs, a large one by itself."""
        run: list[DueAsset] = []
        size = 0
        for asset in assets:
            if run and (len(run) == _RUN_ASSETS or size + asset.bytes > _RUN_BYTES):
                yield tuple(run)
                run, size = [], 0
            run.append(asset)
            size += asset.bytes
        if run:
            yield tuple(run)

    def _look(self, assets: tuple[DueAsset, ...]) -> Looked:
        run = _Run(assets)
        self._packs().ahead([f.place for a in assets if len(assets) > 1 for f in a.files])
        with ExitStack() as together:
            for place, asset in enumerate(assets):
                many = any(self.extractors[name].many for name in asset.extractors)
                with ExitStack() as alone:
                    self._one(run, place, together if many else alone)
                if not many:
                    run.opened.pop(place, None)
            names = dict.fromkeys(name for asset in assets for name in asset.extractors)
            answers = {name: self._asked(name, run) for name in names}
        return Looked(assets, answers, run.lengths, run.seconds)

    def _one(self, run: _Run, place: int, contents: ExitStack) -> None:
        """Open one asset, and ask the extractors of one at a time."""
        begun = time.thread_time()
        self._open(run, place, run.assets[place], contents)
        run.seconds += time.thread_time() - begun
        opened = run.opened.get(place)
        if isinstance(opened, Note):
            run.lengths[place] = len(opened.text)
        for name in run.assets[place].extractors if opened is not None else ():
            if not self.extractors[name].many and name not in self._absent:
                begun = time.thread_time()
                answer = self._answer(name, [place], opened)
                answer = replace(answer, seconds=time.thread_time() - begun)
                run.told.setdefault(name, []).append(answer)

    def _packs(self) -> PackReader:
        """Return this thread's own reader: its open files are shared with no other thread."""
        if not hasattr(self._local, "packs"):
            self._local.packs = PackReader(self.view.lake)
            self._readers.append(self._local.packs)
        packs: PackReader = self._local.packs
        return packs

    def _open(self, run: _Run, place: int, asset: DueAsset, contents: ExitStack) -> None:
        if asset.start is None and not self._is_timeless(asset):
            run.unopened[place] = Answer((place,), skipped={0: UNTIMED})
        elif absent := self._absent.get(asset.format):
            run.unopened[place] = Answer.lacking([place], absent)
        elif not asset.files:
            run.unopened[place] = Answer.failed([place], "the lake lists no file of this asset")
        elif not all(name in self._absent for name in asset.extractors):
            content = StoredContent(
                self.view, asset.asset_id, packs=self._packs(), files=asset.files
            )
            contents.callback(content.close)
            opened = self._opened(asset, content)
            if isinstance(opened, Answer):
                run.unopened[place] = replace(opened, places=(place,))
                return
            contents.callback(_close, opened)
            run.opened[place] = opened

    def _is_timeless(self, asset: DueAsset) -> bool:
        return asset.modality in TIMELESS or any(
            self.extractors[name].many for name in asset.extractors
        )

    def _opened(self, asset: DueAsset, content: StoredContent) -> Opened | Answer:
        try:
            opened: Opened = self.catalogue.get("asset-reader", asset.format).call(content)
        except SetupMissing as error:
            return Answer.lacking([0], self._lacking(asset.format, error))
        except BiolakeError as error:
            return Answer.failed([0], error.message)
        except Exception as error:  # a reader may fail in any way on a hostile file
            return Answer.failed([0], f"it could not be opened ({type(error).__name__})")
        return self._told(asset, opened)

    def _told(self, asset: DueAsset, opened: Opened) -> Opened:
        """Tell what is opened what only its row knows: local time, kind of note, language."""
        if isinstance(opened, Recording):
            return replace(opened, started=local_start(asset.start, self.clock, self.zone))
        if isinstance(opened, Note):
            kind, language = opened.kind or asset.kind, opened.language or asset.language
            return replace(opened, kind=kind or "", language=language or "")
        return opened

    def _asked(self, name: str, run: _Run) -> Answer:
        """Return what one extractor says of the assets of a run that it is to look at."""
        places = run.asking(name)
        there = [n for n in places if n in run.opened] if self.extractors[name].many else []
        found = list(run.told.get(name, ()))
        if there and name not in self._absent:
            begun = time.thread_time()
            found = self._asked_of_many(name, there, run)
            found[0] = replace(found[0], seconds=time.thread_time() - begun)
        found += [run.unopened[n] for n in places if n in run.unopened]
        told = {place for answer in found for place in answer.places}
        if left := [n for n in places if n not in told]:
            found.append(Answer.lacking(left, self._absent[name]))
        return joined(found)

    def _asked_of_many(self, name: str, there: Sequence[int], run: _Run) -> list[Answer]:
        """Ask about all at once; where that fails, one by one: only what is at fault is lost."""
        answer = self._answer(name, there, [run.opened[n] for n in there])
        if len(there) > 1 and len(answer.faults) == len(there):
            return [self._answer(name, [n], [run.opened[n]]) for n in there]
        return [answer]

    def _answer(self, name: str, places: Sequence[int], given: Any) -> Answer:
        try:
            return told_by(self.extractors[name].call(given), places)
        except SetupMissing as error:
            return Answer.lacking(places, self._lacking(name, error))
        except BiolakeError as error:
            return Answer.failed(places, error.message)
        except Exception as error:  # an extractor may fail in any way
            return Answer.failed(places, f"the extractor failed ({type(error).__name__})")

    def _lacking(self, name: str, error: SetupMissing) -> SetupMissing:
        if self.strict:
            raise error
        self._absent[name] = error
        return error


def local_start(start: int | None, clock: Clock, zone: str | None) -> int | None:
    """Return a start on the clocks of the place, microseconds since 1970; None: not known."""
    if start is None or clock == "local":
        return start
    if zone is None:
        return None
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start)
    try:
        offset = utc.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    except OverflowError:  # in the first or last hours that a date can say
        return None
    return start + offset // timedelta(microseconds=1)


def _close(opened: Opened) -> None:
    close = getattr(opened, "close", None)
    if close is not None:
        with suppress(Exception):  # nothing was lost: the answers are there
            close()
