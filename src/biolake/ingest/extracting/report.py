"""What an extraction did: extractor by extractor, every asset with one fate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from biolake.core.reading import Tally
from biolake.ingest.extracting.measuring import Answer
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
    measured: int = 0  # assets that gave findings
    findings: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # CPU time of the extractor alone

    def count(self, answer: Answer, tally: Tally) -> None:
        """Count one answer and the fate of its row."""
        self.assets += 1
        self.seconds += answer.seconds
        self.measured += tally.event_rows
        self.findings += len(answer.findings) if tally.event_rows else 0
        self.skipped.update(tally.skipped)
        self.quarantined.update(reject.reason for reject in tally.rejects)


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
