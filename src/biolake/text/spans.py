"""Spans and findings of a run of notes as the columns in which extractors give them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.assets import Measured
from biolake.core.media import Note, Opened
from biolake.core.schema import FINDINGS, SPANS
from biolake.text.context import Contexts, contexts
from biolake.text.run import TextRun
from biolake.text.sections import Sections, sections
from biolake.text.sentences import Sentences, sentences

_ENGINE = ("asset_id", "annotator", "version", "subject_id")
COLUMNS = pa.schema(
    [pa.field("item", pa.int32(), nullable=False), *(f for f in SPANS if f.name not in _ENGINE)]
)


@dataclass(frozen=True)
class Notes:
    """The notes among a run of assets, cut up once; `items` are their places in the run."""

    items: np.ndarray
    run: TextRun

    @staticmethod
    def among(opened: Sequence[Opened]) -> Notes:
        """Take the notes of a run; of the run that was asked for last, they are cut up already."""
        kept = [(item, note) for item, note in enumerate(opened) if isinstance(note, Note)]
        items = np.asarray([item for item, _ in kept], np.int32)
        run = TextRun.of_notes([note for _, note in kept])
        last: Notes | None = getattr(_asked, "notes", None)
        if last is None or not np.array_equal(last.items, items) or not _same(last.run, run):
            last = _asked.notes = Notes(items, run)
        return last

    @cached_property
    def sections(self) -> Sections:
        return sections(self.run)

    @cached_property
    def sentences(self) -> Sentences:
        return sentences(self.run, self.sections)

    def in_heading(self, item: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Tell which places lie in the heading of a section of a known kind."""
        found = self.sections.at(self.run, item, start)
        if not len(self.sections):
            return np.zeros(len(found), bool)
        known = self.sections.kind[found] > 1  # 0 and 1: none, other
        return np.asarray((found >= 0) & known & (start < self.sections.heading_end[found]))

    def contexts(self, item: Sequence[int], start: Sequence[int], end: Sequence[int]) -> Contexts:
        places = (np.asarray(one, np.int32) for one in (item, start, end))
        return contexts(self.run, *places, within=self.sections, cut=self.sentences)


# Every extractor of notes is asked about the same run in turn.
_asked = threading.local()


def _same(one: TextRun, other: TextRun) -> bool:
    if one.languages != other.languages or one.sections != other.sections:
        return False
    return all(a is b for a, b in zip(one.texts, other.texts, strict=True))


@dataclass
class Columns:
    """Columns of spans that grow row by row, all of one label; what is not told is null."""

    item: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    code: list[str | None] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    unit: list[str | None] = field(default_factory=list)
    attributes: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def table(
        self,
        notes: Notes,
        label: str,
        context: Mapping[str, Sequence[str | None]],
        confidence: float | Sequence[float] = 1.0,
    ) -> pa.Table:
        """Return the rows as spans of the run the notes are of."""
        count = len(self.item)
        sure = [confidence] * count if isinstance(confidence, float) else confidence
        said = [json.dumps(a, ensure_ascii=False, sort_keys=True) if a else None
                for a in self.attributes] or [None] * count  # fmt: skip
        columns = {
            "item": notes.items[np.asarray(self.item, np.int64)],
            "start": self.start,
            "end": self.end,
            "label": [label] * count,
            "code": self.code or [None] * count,
            "value": self.value or [None] * count,
            "unit": self.unit or [None] * count,
            "attributes": said,
            "confidence": sure,
            **{
                name: context.get(name, [None] * count)
                for name in ("assertion", "temporality", "experiencer", "section")
            },
        }
        arrays = [pa.array(columns[each.name], each.type) for each in COLUMNS]
        return pa.Table.from_arrays(arrays, schema=COLUMNS)


@dataclass
class Facts:
    """Findings that grow row by row: what becomes events, each once a note."""

    notes: Notes
    rows: dict[tuple[Any, ...], None] = field(default_factory=dict)

    def add(
        self, item: int, code: str, value: float | None, unit: str | None, text: str | None
    ) -> None:
        """Add one; the same of the same note again is the same fact."""
        self.rows.setdefault((int(self.notes.items[item]), code, value, unit, text))

    def table(self) -> pa.Table:
        columns = list(zip(*self.rows, strict=True)) or [()] * 5
        named = dict(zip(("item", "code", "value", "unit", "text"), columns, strict=True))
        count = len(self.rows)
        arrays = [
            pa.array(
                named.get(each.name, [False if each.name == "timeless" else None] * count),
                each.type,
            )
            for each in FINDINGS
        ]
        return pa.Table.from_arrays(arrays, schema=FINDINGS)


def words(context: Contexts) -> dict[str, list[str]]:
    """Return what was decided of spans, as words."""
    names = ("assertion", "temporality", "experiencer", "section")
    return {name: context.words(name).to_pylist() for name in names}


def measured(facts: Facts | None, spans: pa.Table) -> Measured:
    """Return spans and facts as an extractor's answer."""
    return Measured(facts.table() if facts else None, {"spans": spans})
