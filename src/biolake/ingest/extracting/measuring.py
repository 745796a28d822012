"""Open assets and let extractors look at them: some at a time, answers in the order asked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from zoneinfo import ZoneInfo

from biolake.core.assets import Finding
from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import BiolakeError, SetupMissing
from biolake.core.media import Opened, Recording
from biolake.core.reading import Clock
from biolake.ingest.extracting.due import DueAsset
from biolake.lake.assets import PackReader, StoredContent
from biolake.lake.door import View

_AHEAD = 4  # assets a thread may be ahead of what is taken
UNTIMED = "the asset has no time"


@dataclass(frozen=True)
class Answer:
    """What one extractor said of one asset: findings, or why there are none."""

    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    fault: str = ""
    missing: SetupMissing | None = None  # not looked at: something is not installed
    seconds: float = 0.0


@dataclass(frozen=True)
class Looked:
    """One asset with an answer an extractor, and the seconds of CPU time it took to open it."""

    asset: DueAsset
    answers: tuple[Answer, ...]
    seconds: float = 0.0


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
        """Yield every asset looked at, in the order given."""
        left = iter(assets)
        running: deque[Future[Looked]] = deque()
        for asset in islice(left, _AHEAD * self.threads):
            running.append(self._pool.submit(self._look, asset))
        while running:
            looked = running.popleft().result()
            for asset in islice(left, 1):
                running.append(self._pool.submit(self._look, asset))
            yield looked

    def _look(self, asset: DueAsset) -> Looked:
        if asset.start is None:
            return Looked(asset, (Answer(skipped=UNTIMED),) * len(asset.extractors))
        absent = [self._absent.get(name) for name in (asset.format, *asset.extractors)]
        if absent[0] or all(absent[1:]):
            return Looked(asset, tuple(Answer(missing=absent[0] or each) for each in absent[1:]))
        begun = time.thread_time()
        with StoredContent(
            self.view, asset.asset_id, packs=self._packs(), files=asset.files
        ) as content:
            opened = self._opened(asset, content)
            seconds = time.thread_time() - begun
            if isinstance(opened, Answer):
                return Looked(asset, (opened,) * len(asset.extractors), seconds)
            try:
                return Looked(
                    asset, tuple(self._asked(n, opened) for n in asset.extractors), seconds
                )
            finally:
                _close(opened)

    def _packs(self) -> PackReader:
        """Return this thread's own reader: its open files are shared with no other thread."""
        if not hasattr(self._local, "packs"):
            self._local.packs = PackReader(self.view.lake)
            self._readers.append(self._local.packs)
        packs: PackReader = self._local.packs
        return packs

    def _opened(self, asset: DueAsset, content: StoredContent) -> Opened | Answer:
        if not asset.files:
            return Answer(fault="the lake lists no file of this asset")
        try:
            opened: Opened = self.catalogue.get("asset-reader", asset.format).call(content)
        except SetupMissing as error:
            return self._lacking(asset.format, error)
        except BiolakeError as error:
            return Answer(fault=error.message)
        except Exception as error:  # a reader may fail in any way on a hostile file
            return Answer(fault=f"it could not be opened ({type(error).__name__})")
        if isinstance(opened, Recording):
            return replace(opened, started=local_start(asset.start, self.clock, self.zone))
        return opened

    def _asked(self, name: str, opened: Opened) -> Answer:
        if name in self._absent:
            return Answer(missing=self._absent[name])
        begun = time.thread_time()
        try:
            found = tuple(self.extractors[name].call(opened))
        except SetupMissing as error:
            return self._lacking(name, error)
        except BiolakeError as error:
            return Answer(fault=error.message, seconds=time.thread_time() - begun)
        except Exception as error:  # an extractor may fail in any way
            fault = f"the extractor failed ({type(error).__name__})"
            return Answer(fault=fault, seconds=time.thread_time() - begun)
        return Answer(found, seconds=time.thread_time() - begun)

    def _lacking(self, name: str, error: SetupMissing) -> Answer:
        if self.strict:
            raise error
        self._absent[name] = error
        return Answer(missing=error)


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
