"""Why a row was found: which words stand where, and the stretch of text that holds most of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from biolake.search.query import Query
from biolake.text.terms import Term, located

_WIDE = 200  # characters of a snippet
_MOST = 50  # places told
_EDGE = 24  # characters by which a snippet may grow to end with a word


class Place(NamedTuple):
    """What was asked for, and where it stands in a field."""

    field: str
    asked: str
    start: int
    end: int


@dataclass(frozen=True)
class Snippet:
    """A stretch of a field; `marks` are places in `text`."""

    field: str
    start: int
    text: str
    marks: tuple[tuple[int, int], ...]

    def marked(self, before: str = "«", after: str = "»") -> str:
        """Return the text with its marked places between signs."""
        parts, at = [], 0
        for start, end in self.marks:
            parts += [self.text[at:start], before, self.text[start:end], after]
            at = end
        return "".join([*parts, self.text[at:]])


def places(query: Query, fields: Mapping[str, str]) -> list[Place]:
    """Return where in the fields stands what was asked for."""
    found: list[Place] = []
    for field, text in fields.items():
        found += sorted(set(_in_field(query, field, text)), key=lambda one: (one.start, one.end))
        if len(found) >= _MOST:
            return found[:_MOST]
    return found


def _in_field(query: Query, field: str, text: str) -> Iterator[Place]:
    words, all_terms = set(query.words), list(located(text))
    for one in all_terms:
        if one.term in words:
            yield Place(field, one.term, one.start, one.end)
        for begin in query.beginnings:
            if one.term.startswith(begin):
                yield Place(field, f"{begin}*", one.start, one.end)
    for phrase in query.phrases:
        yield from _phrase(phrase, field, all_terms)


def _phrase(phrase: tuple[str, ...], field: str, found: list[Term]) -> Iterator[Place]:
    for at in range(len(found) - len(phrase) + 1):
        if all(found[at + n].term == term for n, term in enumerate(phrase)):
            last = found[at + len(phrase) - 1]
            yield Place(field, " ".join(phrase), found[at].start, last.end)


def snippet(fields: Mapping[str, str], found: list[Place], field: str = "text") -> Snippet | None:
    """Return the stretch with most of what was asked for; without any, the beginning of a field."""
    inside = [one for one in found if one.field == field] or found[:1]
    if not inside:
        text = fields.get(field, "")
        return _cut(field, text, 0, _WIDE, []) if text else None
    name = inside[0].field
    inside = [one for one in found if one.field == name]

    def held(first: Place) -> tuple[int, int]:
        near = [one for one in inside if 0 <= one.start - first.start <= _WIDE - 40]
        return len({one.asked for one in near}), len(near)

    first = max(inside, key=held)
    begin = max(0, first.start - 40)
    return _cut(name, fields[name], begin, begin + _WIDE, inside)


def _cut(field: str, text: str, begin: int, end: int, marks: list[Place]) -> Snippet:
    begin, end = _whole_word(text, begin, -1), _whole_word(text, min(end, len(text)), 1)
    shown = "".join(" " if letter.isspace() else letter for letter in text[begin:end])
    inside = [(m.start - begin, m.end - begin) for m in marks if begin <= m.start and m.end <= end]
    return Snippet(field, begin, shown, tuple(_merged(inside)))


def _whole_word(text: str, at: int, step: int) -> int:
    """Move a place out of the word that it stands in, if that word is not long."""
    moved = at
    while 0 < moved < len(text) and text[moved - 1].isalnum() and text[moved].isalnum():
        moved += step
        if abs(moved - at) > _EDGE:
            return at
    return moved


def _merged(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the places without overlaps: pairs of ideographs overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
