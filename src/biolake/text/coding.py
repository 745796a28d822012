"""Code diagnoses in notes with what coded cases have taught: codes, where they stand, how sure.

coder = fit(cases)                       # biolake.learning.mention_coding
coded = coder.code(["Varón con fiebre …"])
coded.code[0], coded.probability[0], coded.certain[0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from biolake.text.coding_evidence import (
    LISTED,
    SCATTERED,
    Candidates,
    Known,
    Links,
    candidates,
    pairs,
)
from biolake.text.coding_mentions import Scattered, Seen, whole
from biolake.text.coding_words import StemmedRun
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

AT_ONCE = 2_000_000  # characters looked at together


@dataclass(frozen=True)
class Weights:
    """A logistic model of the features, and the probabilities from which codes are given.

    From `accept` on a code is given, from `certain` on it may be taken without anybody's look.
    """

    mean: np.ndarray
    scale: np.ndarray
    slopes: np.ndarray
    intercept: float
    accept: float = 0.5
    certain: float = 1.0

    def probability(self, features: np.ndarray) -> np.ndarray:
        score = self.intercept + ((features - self.mean) / self.scale) @ self.slopes
        return np.asarray(1.0 / (1.0 + np.exp(-score)))


@dataclass(frozen=True)
class Dictionary:
    """Mentions of coded cases, as stems, and listed terms; with the counts of each (`Links`)."""

    codes: tuple[str, ...]
    cases: np.ndarray  # of each code
    mentions: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]  # of words, the rarest first
    terms: tuple[str, ...]
    whole: Links
    scattered: Links
    listed: Links

    @cached_property
    def _matchers(self) -> tuple[Matcher, Scattered, Matcher]:
        return Matcher(self.mentions), Scattered(self.sets), Matcher(self.terms)

    def see(self, run: TextRun) -> tuple[Seen, Seen, Seen]:
        """Find mentions word for word, scattered mentions, and listed terms."""
        stemmed = StemmedRun.over(run)
        mentions, scattered, terms = self._matchers
        return whole(mentions, stemmed), scattered.find(stemmed), whole(terms, stemmed)

    def candidates(
        self, seen: tuple[Seen, Seen, Seen], known: Known | None = None
    ) -> Candidates | None:
        """Return the codes that what was seen may mean; None where nothing was."""
        tables = (self.whole, self.scattered, self.listed)
        kinds = (None, SCATTERED, LISTED)
        found = [
            pairs(links, one, kind, known, len(self.codes))
            for links, one, kind in zip(tables, seen, kinds, strict=True)
        ]
        if not any(len(one.item) for one in found):
            return None
        return candidates(found, self.cases, known)


@dataclass(frozen=True)
class Coded:
    """Codes given to texts: arrays of one length, in order of text and then probability.

    `start` and `end` are characters of the text `item`, where the code's best mention stands.
    """

    item: np.ndarray  # int32
    code: np.ndarray  # of str
    probability: np.ndarray
    certain: np.ndarray  # bool
    start: np.ndarray  # int32
    end: np.ndarray  # int32

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Coder:
    """A learned coder: its dictionary, its weights and what is to be said of its training."""

    dictionary: Dictionary
    weights: Weights
    card: dict[str, object] = field(default_factory=dict)

    def code(self, texts: Sequence[str], *, least: float | None = None) -> Coded:
        """Give each text its codes of probability `least` (the coder's own threshold) and more."""
        parts, begin, size = [], 0, 0
        for end, text in enumerate(texts, 1):
            size += len(text)
            if size >= AT_ONCE or end == len(texts):
                parts.append(self._coded(TextRun.of(texts[begin:end]), begin, least))
                begin, size = end, 0
        parts = parts or [_nothing()]
        names = Coded.__dataclass_fields__
        return Coded(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))

    def _coded(self, run: TextRun, begin: int, least: float | None) -> Coded:
        found = self.dictionary.candidates(self.dictionary.see(run))
        if found is None:
            return _nothing()
        probability = self.weights.probability(found.features)
        least = self.weights.accept if least is None else least
        kept = np.flatnonzero(probability >= least)
        kept = kept[np.lexsort((found.code[kept], -probability[kept], found.item[kept]))]
        item = found.item[kept].astype(np.int32)
        tokens = run.tokens
        return Coded(
            item + np.int32(begin),
            np.asarray(self.dictionary.codes, object)[found.code[kept]],
            probability[kept],
            probability[kept] >= self.weights.certain,
            run.within(item, tokens.start[found.first[kept]]),
            run.within(item, tokens.end[found.last[kept]]),
        )


def _nothing() -> Coded:
    none = np.empty(0, np.int32)
    return Coded(none, np.empty(0, object), np.empty(0), np.empty(0, bool), none, none)
