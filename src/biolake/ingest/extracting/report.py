"""What an extraction did: extractor by extractor, every asset with one fate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from biolake.core.reading import Chunk
from biolake.ingest.extracting.answers import Answer
from biolake.lake.loading import LoadReport


@dataclass
class Extracted:
    """What one extractor did.

    assets = those with findings + skipped + quarantined; `waiting` come on top: they are looked at
    when they can be.
    """

    extractor: str
    version: str
    assets: int = 0
    measured: int = 0  # assets that gave findings, or rows of derived tables
    findings: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)  # findings that became no event
    rows: Counter[str] = field(default_factory=Counter)  # of derived tables
    seconds: float = 0.0  # CPU time of the extractor alone

    def count(self, answer: Answer, chunk: Chunk | None) -> None:
        """Count what was said of some assets, and the fate of each."""
        self.seconds += answer.seconds
        self.waiting.update(str(missing) for missing in answer.missing.values())
        if chunk is None:
            return
        self.findings += 0 if chunk.events is None else len(chunk.events)
        self.rows.update({name: len(rows) for name, rows in (chunk.derived or {}).items()})
        for _, tally in chunk.parts:
            self.assets += 1
            self.measured += tally.event_rows + tally.part_rows
            self.skipped.update(tally.skipped)
            self.quarantined.update(reject.reason for reject in tally.rejects)
            self.dropped.update(tally.dropped)


@dataclass
class ExtractionReport:
    """What an extraction did, all sites together; `loads` holds one report a site that changed."""

    extractors: dict[str, Extracted]
    loads: dict[str, LoadReport] = field(default_factory=dict)
    assets: int = 0  # opened, or found to be without a time
    opening: float = 0.0  # CPU time, seconds
    more: int = 0  # assets left for another run by a limit
    unread: Counter[str] = field(default_factory=Counter)  # assets no extractor reads, by modality

    @property
    def added(self) -> int:
        """Events added."""
        return sum(load.added for load in self.loads.values())
