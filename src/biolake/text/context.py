"""What a note says of a finding: whether it is there, since when, and whose it is.

    found = diagnoses.find(run)
    context = contexts(run, found.item, found.start, found.end)
    context.words("assertion")       # affirmed, negated, possible or hypothetical, one a finding

Triggers before or after a finding in its sentence decide (NegEx: Chapman et al. 2001; ConText:
Harkema et al. 2009): *denies* negates what follows, *was ruled out* what precedes, up to a
terminator such as *but*. Longer phrases hide shorter ones in them (*no increase* is no negation).
Where no trigger speaks, the section's default holds: family history is the family's. See
docs/explain/notes.md for what must not be concluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from biolake.text import _context
from biolake.text.language import UNKNOWN, languages
from biolake.text.matching import Matcher, Matches
from biolake.text.packs import EFFECTS, LANGUAGES, pack
from biolake.text.run import TextRun
from biolake.text.sections import DEFAULTS, Sections, kinds, sections
from biolake.text.sentences import Sentences, sentences

ASSERTIONS = ("affirmed", "negated", "possible", "hypothetical")
TEMPORALITIES = ("recent", "historical")
EXPERIENCERS = ("patient", "family", "other")

NEGATED, POSSIBLE, HYPOTHETICAL, HISTORICAL, FAMILY, OTHER = (1 << i for i in range(len(EFFECTS)))


@dataclass(frozen=True)
class Contexts:
    """What is said of each target; arrays of one length, numbering the words of their names."""

    assertion: np.ndarray  # uint8: ASSERTIONS
    temporality: np.ndarray  # uint8: TEMPORALITIES
    experiencer: np.ndarray  # uint8: EXPERIENCERS
    section: np.ndarray  # int16: sections.kinds()

    def __len__(self) -> int:
        return len(self.assertion)

    def words(self, column: str) -> pa.Array:
        """Return a column as words, in a dictionary array."""
        known = {
            "assertion": ASSERTIONS,
            "temporality": TEMPORALITIES,
            "experiencer": EXPERIENCERS,
            "section": kinds(),
        }[column]
        numbers = pa.array(getattr(self, column), pa.int16())
        return pa.DictionaryArray.from_arrays(numbers, pa.array(known, pa.string()))


def contexts(
    run: TextRun,
    item: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    *,
    within: Sections | None = None,
    cut: Sentences | None = None,
) -> Contexts:
    """Decide assertion, temporality, experiencer and section of spans, in any order.

    `item`, `start` and `end` are characters of the run's texts, as `Matches` has them. `within` and
    `cut` are the run's sections and sentences, where they are known already. Texts in a language
    of no pack, or of none that can be told, are read as English.
    """
    within = sections(run) if within is None else within
    cut = sentences(run, within) if cut is None else cut
    item = np.asarray(item, np.int32)
    first = run.first_token(run.place(item, start))
    last = np.maximum(first, run.first_token(run.place(item, np.maximum(end, 1) - 1)))
    section = within.kind_at(run, item, np.asarray(start))
    return _decided(_held(run, cut, item, first, last), section)


def _held(
    run: TextRun, cut: Sentences, item: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Return the effects of triggers on targets, as bits."""
    spoken = languages(run)
    spoken[spoken == UNKNOWN] = LANGUAGES.index("en")
    held = np.zeros(len(item), np.uint8)
    depth = _context.depths(run.tokens.digest, cut.of_token, _brackets())
    sentence = cut.of_token[np.minimum(first, len(cut.of_token) - 1)]
    for number in np.unique(spoken[item]):
        table = _table(LANGUAGES[number])
        found = table.matcher.find(run)
        mine = np.flatnonzero((spoken[item] == number) & (sentence >= 0))
        low = np.searchsorted(found.first, cut.first[sentence[mine]], side="left")
        high = np.searchsorted(found.first, cut.last[sentence[mine]], side="right")
        held[mine] = _context.gather(first[mine], last[mine], low, high, depth, *table.of(found))
    return held


def _decided(held: np.ndarray, section: np.ndarray) -> Contexts:
    """Turn effects and sections into words' numbers; a trigger goes before a section's default."""
    assertion = _default("assertion", ASSERTIONS)[section]
    temporality = _default("temporality", TEMPORALITIES)[section]
    experiencer = _default("experiencer", EXPERIENCERS)[section]
    for word, effect in (("possible", POSSIBLE), ("hypothetical", HYPOTHETICAL)):
        assertion[held & effect != 0] = ASSERTIONS.index(word)
    assertion[held & NEGATED != 0] = ASSERTIONS.index("negated")
    temporality[held & HISTORICAL != 0] = TEMPORALITIES.index("historical")
    experiencer[held & OTHER != 0] = EXPERIENCERS.index("other")
    experiencer[held & FAMILY != 0] = EXPERIENCERS.index("family")
    return Contexts(assertion, temporality, experiencer, section)


@cache
def _default(what: str, words: tuple[str, ...]) -> np.ndarray:
    """Return each kind of section's default of one column."""
    said = [DEFAULTS.get(kind, {}).get(what, words[0]) for kind in kinds()]
    return np.array([words.index(one) for one in said], np.uint8)


@dataclass(frozen=True)
class _Table:
    """A language's triggers: a matcher, and what each phrase does."""

    matcher: Matcher
    effects: np.ndarray
    ends: np.ndarray
    direction: np.ndarray
    reach: np.ndarray

    def of(self, found: Matches) -> tuple[np.ndarray, ...]:
        """Return the columns of triggers found that the loop reads."""
        said = (self.effects, self.ends, self.direction, self.reach)
        return (found.first, found.last, *(column[found.phrase] for column in said))


@cache
def _table(language: str) -> _Table:
    triggers = pack(language).triggers
    return _Table(
        Matcher([trigger.phrase for trigger in triggers]),
        np.array([_bits(trigger.effect.split(",")) for trigger in triggers], np.uint8),
        np.array([_bits(trigger.ends) for trigger in triggers], np.uint8),
        np.array([_WAYS[trigger.direction] for trigger in triggers], np.uint8),
        np.array([trigger.reach or _context.FAR for trigger in triggers], np.int32),
    )


_WAYS = {
    "": 0,
    "forward": _context.FORWARD,
    "backward": _context.BACKWARD,
    "both": _context.FORWARD | _context.BACKWARD,
}


def _bits(effects: Sequence[str]) -> int:
    """Return effects as bits; `pseudo` and `stop` have none."""
    return sum(1 << EFFECTS.index(effect) for effect in effects if effect in EFFECTS)


@cache
def _brackets() -> np.ndarray:
    """Return the digests of an opening and a closing bracket."""
    return TextRun.of(["()"]).tokens.digest[:2].copy()
