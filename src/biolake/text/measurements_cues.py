"""The words that name measurements, compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from biolake.text.dictionary_terms import data_rows
from biolake.text.matching import Matcher
from biolake.text.measurements_table import Measure, measures
from biolake.text.run import TextRun


@dataclass(frozen=True)
class Cues:
    """The cues of all measures in one matcher, and the measure of each by how it is written.

    Cues that are compared as one (`TA`, `Tª`) are told apart by their letters; one that the table
    has in small letters counts in any.
    """

    measures: tuple[Measure, ...]
    matcher: Matcher
    written: tuple[Mapping[str, int], ...]
    anyhow: tuple[int, ...]

    def find(self, run: TextRun) -> Iterator[tuple[int, int, int, int]]:
        """Yield item, start, end and measure of each cue in the texts."""
        hits = self.matcher.find(run)
        columns = (hits.item, hits.start, hits.end, hits.phrase)
        for item, start, end, phrase in zip(*(c.tolist() for c in columns), strict=True):
            written = run.texts[item][start:end]
            measure = self.written[phrase].get(written, self.anyhow[phrase])
            if measure >= 0:
                yield item, start, end, measure


@cache
def cues() -> Cues:
    """Return the cues, compiled."""
    rows = [row["cues"].split(";") for row in data_rows("measurements.csv")]
    phrases = [(cue, number) for number, row in enumerate(rows) for cue in row]
    matcher = Matcher([cue for cue, _ in phrases])
    written: list[dict[str, int]] = [{} for _ in phrases]
    anyhow = [-1] * len(phrases)
    for (cue, number), first in zip(phrases, matcher.number.tolist(), strict=True):
        written[first].setdefault(cue, number)
        if cue == cue.lower() and anyhow[first] < 0:
            anyhow[first] = number
    return Cues(measures(), matcher, tuple(written), tuple(anyhow))
