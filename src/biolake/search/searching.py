"""Search the index of a lake through a view of it: by words, by vectors, by both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.lake.door import View
from biolake.search.explaining import Place, Snippet, places, snippet
from biolake.search.home import BuiltPart, home_of, require_state
from biolake.search.owned import Filters, Owned, about, coded, owned
from biolake.search.parts import PARTS
from biolake.search.postings import Postings
from biolake.search.query import Query
from biolake.search.ranking import Ranked, fuse, rank
from biolake.search.rows import FIELDS
from biolake.search.tables import ROWS, StoredTerms, Table
from biolake.search.vectors import PREFIX, OpenVectors, open_vectors
from biolake.text.chunks import chunk_places

_POOL = 200  # of each list, what is fused
# Vectors always have a nearest one. Below this cosine a note is not shown for its vector alone.
LEAST_ALIKE = 0.35


@dataclass(frozen=True)
class Alike:
    """How near a vector is: its cosine, its place in the list, and the chunk it is of."""

    encoder: str
    cosine: float
    place: int
    item: int


@dataclass(frozen=True)
class Hit:
    """One thing found, and why."""

    kind: str
    id: str
    score: float
    subject: int | None = None
    time: int | None = None  # microseconds since 1970
    modality: str = ""
    title: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    words_place: int | None = None  # place in the list by words
    words_score: float | None = None
    places: tuple[Place, ...] = ()
    snippet: Snippet | None = None
    alike: Alike | None = None


@dataclass(frozen=True)
class Answer:
    """The best hits of one kind; how many rows hold any word, or all; and of how many subjects."""

    kind: str
    hits: tuple[Hit, ...]
    any_word: int
    all_words: int
    subjects: int | None  # of those that hold any word


class OpenPart:
    """One part of the index, read as it is needed."""

    def __init__(self, view: View, part: BuiltPart) -> None:
        self._view, self.built = view, part
        self._fits: tuple[Filters, np.ndarray | None] | None = None
        self._folder = home_of(view.lake) / part.folder
        self._rows = Table(self._folder, ROWS)

    @cached_property
    def _columns(self) -> pa.Table:
        return self._rows.columns(["owner", "length"]).combine_chunks()

    @property
    def owners(self) -> pa.Array:
        return self._columns["owner"].combine_chunks()

    @cached_property
    def postings(self) -> Postings:
        return Postings(StoredTerms(self._folder), self._columns["length"].to_numpy())

    @cached_property
    def owned(self) -> Owned | None:
        """What the view says of the rows' assets; None where they are nobody's."""
        named = PARTS[self.built.name].of_subjects
        return owned(self._view, self._columns["owner"]) if named else None

    def take(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """Return rows by number, in the order of `rows`."""
        order = np.argsort(rows, kind="stable")
        names = ["key", "owner", *FIELDS, "details"]
        taken = self._rows.take(rows[order].tolist(), names).sort_by("key").to_pylist()
        found: list[dict[str, Any]] = [{}] * len(rows)
        for place, row in zip(order.tolist(), taken, strict=True):
            found[place] = row
        return found

    def fitting(self, filters: Filters) -> np.ndarray | None:
        """Mark the rows that may be shown and fit; None: all."""
        if self._fits is None or self._fits[0] is not filters:
            self._fits = filters, self._fitting(filters)
        return self._fits[1]

    def _fitting(self, filters: Filters) -> np.ndarray | None:
        fits = None if self.owned is None else self.owned.fitting(filters)
        if filters.code is None:
            return fits
        if self.built.name == "notes":
            found = pc.is_in(self._columns["owner"], value_set=coded(self._view, filters))
            marked = np.asarray(found.to_numpy())
        else:
            codes = self._rows.columns(["code"])["code"]
            marked = about(codes, filters, found=self.built.name == "spans")
        return marked if fits is None else fits & marked


class Searcher:
    """The index of a lake, open for queries through one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.state = require_state(view.lake)
        self._parts: dict[str, OpenPart] = {}
        self._vectors: dict[str, tuple[OpenVectors, Owned]] = {}
        self._notes_of: dict[str, np.ndarray] = {}

    def part(self, name: str) -> OpenPart:
        if name not in self._parts:
            self._parts[name] = OpenPart(self.view, self.state.parts[name])
        return self._parts[name]

    def vectors(self, encoder: str) -> tuple[OpenVectors, Owned]:
        if encoder not in self._vectors:
            opened = open_vectors(self.view, self.state.parts[f"{PREFIX}{encoder}"])
            self._vectors[encoder] = opened, owned(self.view, opened.assets)
        return self._vectors[encoder]

    def kinds(self, filters: Filters) -> list[str]:
        """Return the kinds that are in the index and can fit the filters."""
        fitting = []
        for name, part in PARTS.items():
            coded = filters.code is None or name in ("codes", "notes", "spans")
            whose = part.of_subjects or not filters.of_subjects
            if name in self.state.parts and coded and whose:
                fitting.append(name)
        return fitting

    def search(
        self,
        query: Query,
        kind: str,
        *,
        limit: int = 10,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        vector: tuple[str, np.ndarray] | None = None,
    ) -> Answer:
        """Return the best of one kind; notes also by a vector, named with its encoder."""
        part = self.part(kind)
        fits = part.fitting(filters)
        most = _POOL if vector is not None else limit
        ranked = rank(part.postings, query, fits, max(most, limit))
        subjects = None if part.owned is None else part.owned.subjects_of(ranked.found)
        near: Mapping[int, Alike] = {}
        if vector is not None and kind == "notes":
            near = self._near(part, ranked.fits, *vector)
        hits = self._hits(part, query, ranked, near, limit)
        return Answer(kind, tuple(hits), len(ranked.found), len(ranked.whole), subjects)

    def _near(
        self, part: OpenPart, fits: np.ndarray, encoder: str, asked: np.ndarray
    ) -> dict[int, Alike]:
        """Return rows of notes whose vectors are near, the nearest first."""
        opened, _ = self.vectors(encoder)
        if encoder not in self._notes_of:
            number = pc.index_in(opened.assets, value_set=part.owners)
            self._notes_of[encoder] = pc.fill_null(number, -1).to_numpy(zero_copy_only=False)
        row_of = self._notes_of[encoder]
        fitting = (row_of >= 0) & fits[np.maximum(row_of, 0)]
        rows = None if fitting.all() else np.flatnonzero(fitting)
        found, cosine = opened.quantised.nearest(asked, 2 * _POOL, rows)
        near: dict[int, Alike] = {}
        for at, alike in zip(found.tolist(), cosine.tolist(), strict=True):
            row = int(row_of[at])
            if alike >= LEAST_ALIKE and row not in near and len(near) < _POOL:
                near[row] = Alike(encoder, alike, len(near) + 1, int(opened.items[at]))
        return near

    def _hits(
        self, part: OpenPart, query: Query, ranked: Ranked, near: Mapping[int, Alike], limit: int
    ) -> list[Hit]:
        place = {int(row): n for n, row in enumerate(ranked.rows, start=1)}
        score = dict(zip(place, ranked.scores.tolist(), strict=True))
        names = {f"{row:012d}": row for row in [*place, *near]}
        order = fuse(*[[f"{row:012d}" for row in ranking] for ranking in (place, near) if ranking])
        chosen = {names[name]: total for name, total in list(order.items())[:limit]}
        rows = part.take(np.array(list(chosen), dtype=np.int64)) if chosen else []
        return [
            self._hit(part, query, number, row, chosen[number], place, score, near)
            for number, row in zip(chosen, rows, strict=True)
        ]

    def _hit(
        self,
        part: OpenPart,
        query: Query,
        number: int,
        row: dict[str, Any],
        fused: float,
        place: Mapping[int, int],
        score: Mapping[int, float],
        near: Mapping[int, Alike],
    ) -> Hit:
        fields = {name: row[name] for name in FIELDS if row[name]}
        found, alike = places(query, fields), near.get(number)
        return Hit(
            kind=part.built.name,
            id=row["owner"],
            score=fused if near else score[number],
            title=row["title"],
            details=json.loads(row["details"]),
            words_place=place.get(number),
            words_score=score.get(number),
            places=tuple(found),
            snippet=_chunk(fields, alike) if alike and not found else snippet(fields, found),
            alike=alike,
            **_whose(part.owned, number),
        )


def _whose(known: Owned | None, row: int) -> dict[str, Any]:
    from biolake.lake.columns import NO_TIME

    if known is None:
        return {}
    time = int(known.time[row])
    return {
        "subject": int(known.subject[row]) if known.known[row] else None,
        "time": None if time == NO_TIME else time,
        "modality": str(known.modality[row]),
    }


def _chunk(fields: Mapping[str, str], alike: Alike) -> Snippet | None:
    """Return the beginning of the chunk whose vector was near."""
    text = fields.get("text", "")
    cuts = chunk_places(text)
    begin = cuts[min(max(alike.item, 0), len(cuts) - 1)][0]
    found = snippet({"text": text[begin:]}, [])
    return found and Snippet("text", begin, found.text, ())
