"""The sections of clinical notes: their headings, of what kind they are, and what stands in them.

A heading is one of the language packs' phrases at the start of a line or sentence, with a colon or
dash after it or the line to itself. Other words that look like one (in capitals before a colon, or
with a line to themselves) end a section too, as kind `other`, if they are written as that
section's own heading was: below `FAMILY HISTORY` on its own line, `MOTHER: diabetes` goes on with
it. Sections that a source marks itself (C-CDA) are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from biolake.text import _sections
from biolake.text.matching import Matcher
from biolake.text.packs import LANGUAGES, pack
from biolake.text.run import LONGEST, TextRun

# Of what stands in a section unless its own words say otherwise. Historical is what was known
# before the present illness: chronic disease and habits too.
DEFAULTS: dict[str, dict[str, str]] = {
    "past_medical_history": {"temporality": "historical"},
    "past_surgical_history": {"temporality": "historical"},
    "social_history": {"temporality": "historical"},
    "allergies": {"temporality": "historical"},
    "immunizations": {"temporality": "historical"},
    "family_history": {"temporality": "historical", "experiencer": "family"},
    "instructions": {"assertion": "hypothetical"},
}
NONE = "none"  # before the first heading
OTHER = "other"


@dataclass(frozen=True)
class Sections:
    """Sections in order of text and place; arrays of one length.

    `kind` numbers `kinds()`. All offsets are characters of the text `item`: the heading's (without
    its colon; empty where a source marks the section without one), and the body's.
    """

    item: np.ndarray  # int32
    kind: np.ndarray  # int16
    heading_start: np.ndarray  # int32
    heading_end: np.ndarray  # int32
    start: np.ndarray  # int32
    end: np.ndarray  # int32

    def __len__(self) -> int:
        return len(self.item)

    def at(self, run: TextRun, item: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the number of the section that each place lies in, heading or body; or -1."""
        if not len(self):
            return np.full(len(item), -1, np.int32)
        begins = run.place(self.item, np.minimum(self.heading_start, self.start))
        place = run.place(item, start)
        found = np.searchsorted(begins, place, side="right") - 1
        inside = (found >= 0) & (self.item[found] == item) & (start < self.end[found])
        return np.where(inside, found, -1).astype(np.int32)

    def kind_at(self, run: TextRun, item: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the kind of section each place lies in, numbering `kinds()` (int16)."""
        found = self.at(run, item, start)
        return np.where(found >= 0, self.kind[found] if len(self) else 0, 0).astype(np.int16)


@cache
def kinds() -> tuple[str, ...]:
    """Name the kinds of sections: none, other, then those the language packs have headings of."""
    known = dict.fromkeys(kind for language in LANGUAGES for kind in pack(language).sections)
    return (NONE, OTHER, *known)


def sections(run: TextRun) -> Sections:
    """Find the sections of all texts of a run."""
    matcher, kind_of = _headings()
    found = matcher.find(run)
    tokens = run.tokens
    kept = np.empty((5, len(tokens) + 1), np.int32)
    count = _sections.headings(
        tokens.start, tokens.end, tokens.digest, tokens.kind, tokens.flags,
        found.first, found.last, kind_of[found.phrase], _signs(), _kin(),
        kinds().index("family_history"), kept,
    )  # fmt: skip
    first, last, body, after, kind = kept[:, :count]
    item = run.item_of(tokens.start[first])
    begins = tokens.start[first]
    # A section ends where the next begins, with its text, or earlier with its part of it.
    edges = np.append(tokens.start, run.offsets[-1])
    following = np.append(begins[1:], run.offsets[-1])[: len(begins)]
    ends = np.minimum.reduce([following, run.offsets[item + 1] - 1, edges[after]])
    starts = np.minimum(edges[np.minimum(body, len(tokens))], ends)
    guessed = Sections(
        item,
        kind.astype(np.int16),
        run.within(item, begins),
        run.within(item, tokens.end[last]),
        run.within(item, starts),
        run.within(item, ends),
    )
    return _with_marked(run, guessed) if any(run.sections) else guessed


def _with_marked(run: TextRun, guessed: Sections) -> Sections:
    """Take the sections that sources mark in place of those found in the same texts."""
    numbers = {kind: number for number, kind in enumerate(kinds())}
    marked = [
        (item, numbers.get(kind, 1), start, start, start, min(end, len(run.texts[item])))
        for item, said in enumerate(run.sections)
        for kind, start, end in flat(said)
    ]
    own = np.array([bool(said) for said in run.sections])
    kept = ~own[guessed.item]
    had = (
        guessed.item, guessed.kind, guessed.heading_start, guessed.heading_end, guessed.start,
        guessed.end,
    )  # fmt: skip
    more = np.array(marked, np.int64).reshape(-1, len(had)).T
    joined = [
        np.concatenate([column[kept], extra]).astype(column.dtype)
        for column, extra in zip(had, more, strict=True)
    ]
    order = np.lexsort((joined[4], joined[0]))
    return Sections(*(column[order] for column in joined))


def flat(said: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Cut sections that may lie in one another into pieces side by side, the innermost's kind."""
    within: list[tuple[str, int]] = []
    at = 0
    ordered = sorted(said, key=lambda one: (one[1], -one[2]))
    for kind, start, end in [*ordered, ("", LONGEST, LONGEST)]:
        while within and at < start:
            inner, until = within[-1]
            stop = min(until, start)
            if stop > at:
                yield inner, at, stop
                at = stop
            if until > at:
                break
            within.pop()
        at = start
        within.append((kind, end))


@cache
def _headings() -> tuple[Matcher, np.ndarray]:
    """Return a matcher of all languages' headings, and each one's kind."""
    known = [
        (heading, kinds().index(kind))
        for language in LANGUAGES
        for kind, headings in pack(language).sections.items()
        for heading in headings
    ]
    return Matcher([heading for heading, _ in known]), np.array([k for _, k in known], np.int32)


@cache
def _signs() -> np.ndarray:
    return TextRun.of([_sections.SIGNS]).tokens.digest[:-1].copy()


@cache
def _kin() -> np.ndarray:
    """Return the digests of words for relatives: below a family history they head no section."""
    words = {
        word
        for language in LANGUAGES
        for trigger in pack(language).triggers
        if trigger.effect == "family"
        for word in [trigger.phrase]
        if " " not in word
    }
    run = TextRun.of(sorted(words))
    return np.unique(run.tokens.digest)
