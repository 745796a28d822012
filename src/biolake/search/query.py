"""What is asked for, in words: `chest pain`, `"chest pain"`, `infarct*`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biolake.core.errors import WrongUse
from biolake.text.terms import is_ideograph, terms

LONGEST, MOST = 4000, 64  # characters, and terms, of a query
_PIECES = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class Query:
    """Words of which any may be held; beginnings of words; phrases, which must be held."""

    text: str
    words: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()

    @property
    def asked(self) -> int:
        """How many things are asked for."""
        return len(self.words) + len(self.beginnings) + len(self.phrases)


def parse(text: str) -> Query:
    """Read a query; `WrongUse` when there is no word in it, or too many."""
    if len(text) > LONGEST:
        raise WrongUse(
            f"the query has {len(text):,} characters, more than {LONGEST:,}",
            next="Ask for what matters most in it.",
        )
    words: dict[str, None] = {}
    beginnings: dict[str, None] = {}
    phrases: dict[tuple[str, ...], None] = {}
    for match in _PIECES.finditer(text):
        quoted, piece = match[1], match[2]
        if quoted is not None and len(found := _asked(quoted)) > 1:
            phrases[tuple(found)] = None
            continue
        found = _asked(quoted if quoted is not None else piece)
        begins = quoted is None and piece.endswith("*")
        for number, term in enumerate(found):
            last = number == len(found) - 1
            lone = is_ideograph(term) and len(term) == 1
            (beginnings if lone or (begins and last) else words)[term] = None
    query = Query(text, tuple(words), tuple(beginnings), tuple(phrases))
    if not query.asked:
        raise WrongUse("there is no word to search for", next='As in: biolake search "chest pain"')
    if query.asked + sum(map(len, query.phrases)) > MOST:
        raise WrongUse(f"the query asks for more than {MOST} words", next="Ask for fewer.")
    return query


def _asked(text: str) -> list[str]:
    """Return the terms asked for; a run's last letter only where it is all of the run."""
    found = terms(text)
    kept = []
    for number, term in enumerate(found):
        before = found[number - 1] if number else ""
        ends = is_ideograph(term) and len(term) == 1 and len(before) == 2 and before[1] == term
        if not (ends and is_ideograph(before)):
            kept.append(term)
    return kept
