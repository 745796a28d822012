"""A terminology as read: its terms, how they map to others, where it is from, under which licence.

Whatever its file looks like, it becomes rows of `schema.TERMS` and `schema.TERM_MAPS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from biolake.core.errors import DataRefused
from biolake.core.schema import TERM_MAPS, TERMS

RELATIONS = ("exact", "broad", "narrow", "related")


@dataclass(frozen=True)
class Term:
    """One term: its code with the vocabulary before it, its names, what it is a kind of."""

    code: str
    name: str = ""
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class TermMap:
    """One term said in another vocabulary: the same, broader, narrower, or only related."""

    code: str
    to_code: str
    relation: str = "related"


@dataclass(frozen=True)
class Terminology:
    """A terminology as read from its file, before it is in a lake."""

    name: str
    version: str
    source: str
    licence: str
    terms: tuple[Term, ...] = ()
    maps: tuple[TermMap, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def term_rows(self) -> pa.Table:
        return pa.Table.from_pydict(
            {
                "code": [term.code for term in self.terms],
                "terminology": [self.name] * len(self.terms),
                "name": [term.name or None for term in self.terms],
                "synonyms": [list(term.synonyms) for term in self.terms],
                "parents": [list(term.parents) for term in self.terms],
            },
            TERMS,
        )

    def map_rows(self) -> pa.Table:
        return pa.Table.from_pydict(
            {
                "code": [each.code for each in self.maps],
                "to_code": [each.to_code for each in self.maps],
                "relation": [each.relation for each in self.maps],
                "terminology": [self.name] * len(self.maps),
            },
            TERM_MAPS,
        )


def refuse_double(codes: Iterable[tuple[str, int]], where: str) -> None:
    """Refuse a file that gives one code twice; `codes` come with their line."""
    seen: dict[str, int] = {}
    for code, line in codes:
        if code in seen:
            raise DataRefused(
                f"line {line} gives the code '{code}' again; line {seen[code]} gave it first",
                where=where,
                next="One line a code: several parents stand in one field, parted by |.",
            )
        seen[code] = line
