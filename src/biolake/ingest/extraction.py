"""Let extractors look at the lake's assets: what they find becomes events of the asset's subject.

Each pair of extractor and asset is looked at once, and again when the extractor's version, the
asset's reader, or the asset's subject, encounter or time has changed. The ledger (`loads`, layout
`extraction`) has one line for each; its `content_hash` is the asset's id and the extractor's name.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import WrongUse, did_you_mean
from biolake.core.reading import Chunk, Clock, SubjectSystem
from biolake.ingest.extracting.due import LAYOUT, MIXED, DueAssets
from biolake.ingest.extracting.findings import FindingEvents
from biolake.ingest.extracting.measuring import SAMPLED, Looked, Measuring
from biolake.ingest.extracting.report import Extracted, ExtractionReport
from biolake.lake.commits import Commit
from biolake.lake.door import Access, open_view
from biolake.lake.lake import Lake, actor
from biolake.lake.loading import Loading, LoadReport, LoadRequest
from biolake.lake.locking import writer
from biolake.lake.transaction import clear_scratch, scratch_folder

OWN_IDS = SubjectSystem("lake", integer=True, direct=True)
_FINDINGS_AN_ASSET = 30  # only sizes the buckets

Progress = Callable[[str, int, int], None]


def extract(
    lake: Lake,
    catalogue: Catalogue,
    names: Sequence[str] = (),
    *,
    modality: str | None = None,
    subject: int | None = None,
    limit: int | None = None,
    wait: float = 0.0,
    threads: int = 2,
    progress: Progress = lambda *_: None,
) -> ExtractionReport:
    """Run the extractors named, or all, on every linked asset they have not seen; one load a site.

    An asset that cannot be opened or measured is quarantined and the load goes on. What is not
    installed stops an extractor that was named (`SetupMissing`); of all, it is left for later.
    The lake is locked while this runs: with `limit` (assets) a long run is cut into parts.
    """
    chosen = choose(catalogue, names, modality)
    report = ExtractionReport({e.name: Extracted(e.name, e.version) for e in chosen})
    asked = _Asked(tuple(chosen), bool(names), modality, subject, threads)
    with writer(lake.store, "extraction", wait):
        clear_scratch(lake)
        for site in _sites(lake):
            left = None if limit is None else limit - report.assets
            load = _site(lake, catalogue, asked, site, left, report, progress)
            if load is not None:
                report.loads[site.name] = load
    return report


@dataclass(frozen=True)
class _Asked:
    """Which extractors are to look at which assets."""

    extractors: tuple[Extension, ...]
    named: bool
    modality: str | None
    subject: int | None
    threads: int

    @property
    def everything(self) -> bool:
        return not self.named and self.modality is None and self.subject is None


@dataclass(frozen=True)
class _Site:
    """A site that has assets, its clock, and its zone where that is known."""

    name: str
    clock: Clock
    zone: str | None


def _site(
    lake: Lake,
    catalogue: Catalogue,
    asked: _Asked,
    site: _Site,
    limit: int | None,
    report: ExtractionReport,
    progress: Progress,
) -> LoadReport | None:
    """Measure what is due at one site and load the findings."""
    base, which = lake.commit(), {e.name: e for e in asked.extractors}
    with open_view(lake, base, access=Access(actor(), "extract")) as view:
        due = DueAssets(
            view,
            catalogue,
            asked.extractors,
            site.name,
            modality=asked.modality,
            subject=asked.subject,
            limit=limit,
        )
        if asked.everything:
            report.unread.update(due.unread())
        with Measuring(
            view, catalogue, which, asked.threads, asked.named, site.clock, site.zone
        ) as measuring:
            run = _Run(due, measuring, site.name, report, progress)
            request = _request(due, site.name, site.clock)
            return _load(lake, base, request, run.chunks(), progress)


def choose(
    catalogue: Catalogue, names: Sequence[str] = (), modality: str | None = None
) -> list[Extension]:
    """Return the extractors named, by name; without names, all that may read the modality."""
    known = sorted(catalogue.of("extractor"), key=lambda extractor: extractor.name)
    if names:
        return [catalogue.get("extractor", name) for name in sorted(set(names))]
    fitting = [e for e in known if modality in (None, *MIXED, e.needs)]
    if not fitting:
        read = sorted({extractor.needs for extractor in known})
        raise WrongUse(
            f"no extractor reads '{modality}'.{did_you_mean(str(modality), read)}",
            next=f"Extractors read: {', '.join(read)}.",
        )
    return fitting


class _Run:
    """One site's extraction: assets in, ledger lines out, everything counted."""

    def __init__(
        self,
        due: DueAssets,
        measuring: Measuring,
        site: str,
        report: ExtractionReport,
        progress: Progress,
    ) -> None:
        self._due, self._measuring, self._report = due, measuring, report
        self._progress = progress
        self._events = {
            name: FindingEvents(measuring.view, extractor, site)
            for name, extractor in measuring.extractors.items()
        }
        for name, reason, count in due.waiting():
            report.extractors[name].waiting[reason] += count
        report.more += due.left

    def chunks(self) -> Generator[Chunk]:
        """Yield one chunk for each run and extractor, assets in the order of the packs.

        Before them, what was found in assets that have lost their subject since, or are gone with a
        forgotten one, is taken back.
        """
        yield from self._orphans()
        for lost in self._due.unlinked():
            chunk = self._events[lost.extractor].taken_back(lost)
            if chunk is not None:
                yield chunk
        with closing(self._measuring.each(self._due)) as looks:
            done = 0
            for looked in looks:
                done += len(looked.assets)
                self._report.assets += len(looked.assets)
                self._report.opening += looked.seconds
                yield from self._of(looked)
                self._progress("extracting", done, len(self._due))

    def _orphans(self) -> Iterator[Chunk]:
        known = self._measuring.extractors
        names = [n for n in self._due.bereft() if n in known and known[n].needs in SAMPLED]
        identities = self._due.identities() if names else []
        for name in names:
            chunk = self._events[name].orphaned(identities)
            if chunk is not None:
                yield chunk

    def _of(self, looked: Looked) -> Iterator[Chunk]:
        for name, answer in looked.answers.items():
            chunk = self._events[name].chunk(looked.assets, answer, looked.lengths)
            self._report.extractors[name].count(answer, chunk)
            if chunk is not None:
                yield chunk


def _sites(lake: Lake) -> list[_Site]:
    """Return the sites that have assets, or had some that extractors looked at."""
    with open_view(lake) as view:
        found = view.rows(
            "SELECT site_id, coalesce(clock, 'local'), zone FROM"
            " (SELECT site_id FROM assets UNION SELECT site_id FROM loads WHERE layout = ?)"
            " LEFT JOIN sites USING (site_id) ORDER BY site_id",
            [LAYOUT],
        )
    return [_Site(*row) for row in found]


def _request(due: DueAssets, site: str, clock: Clock) -> LoadRequest:
    return LoadRequest(
        site=site,
        layout=LAYOUT,
        subjects=OWN_IDS,
        clock=clock,
        expected_rows=len(due) * _FINDINGS_AN_ASSET,
        message=f"{LAYOUT}: {', '.join(due.extractors())} at site {site}",
    )


def _load(
    lake: Lake, base: Commit, request: LoadRequest, chunks: Generator[Chunk], progress: Progress
) -> LoadReport | None:
    """Take the chunks into the lake as one commit; without any, none is made."""
    with closing(chunks):
        first = next(chunks, None)
        if first is None:
            return None
        with scratch_folder(lake) as scratch:
            loading = Loading(lake, base, request, scratch, _written(progress))
            return loading.run(chain([first], chunks))


def _written(progress: Progress) -> Progress:
    """Pass on how far the writing is: reading tells its own progress, in assets."""
    return lambda what, done, total: progress(what, done, total) if what == "writing" else None
