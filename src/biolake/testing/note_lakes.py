"""Lakes of notes and vectors that are written straight into the tables: what a search is tested on.

They have what an ingest leaves (packs, assets, their files, subjects), without a source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolake.core.keys import shard_of
from biolake.core.schema import ASSET_FILES, ASSETS, EMBEDDINGS, SPANS, SUBJECTS
from biolake.lake.asset_rows import asset_id
from biolake.lake.commits import Commit
from biolake.lake.lake import Lake
from biolake.lake.packs import PackWriter, member_name
from biolake.lake.transaction import Transaction, scratch_folder

_BLOCK = 20_000


@dataclass(frozen=True)
class MadeNote:
    """A note, whose it is, and where its source has it: what stands there later replaces it."""

    text: str
    subject: int | None = 1
    time: datetime | None = None
    key: str = ""
    kind: str = ""

    @property
    def asset_id(self) -> str:
        return asset_id([hashlib.sha256(self.text.encode()).hexdigest()], self.key or "note")


@dataclass(frozen=True)
class MadeSpan:
    """Something found in a note: the first place where the note says `quoted`."""

    note: MadeNote
    quoted: str
    label: str
    code: str | None = None
    assertion: str | None = "affirmed"

    def row(self) -> dict[str, Any]:
        start = self.note.text.index(self.quoted)
        told = dict.fromkeys(SPANS.names)
        return told | {
            "asset_id": self.note.asset_id,
            "annotator": "made",
            "version": "1",
            "subject_id": self.note.subject,
            "start": start,
            "end": start + len(self.quoted),
            "label": self.label,
            "code": self.code,
            "assertion": self.assertion,
            "confidence": 1.0,
        }


@dataclass
class Change:
    """One commit under construction."""

    lake: Lake
    tx: Transaction
    packs: PackWriter

    def notes(self, notes: Iterable[MadeNote], encoding: str = "utf-8") -> None:
        """Add notes, in blocks of bounded size; subjects that the lake lacks are added too."""
        left = iter(notes)
        while block := list(islice(left, _BLOCK)):
            self.tx.append("asset_files", _table(self._file_rows(block, encoding), ASSET_FILES))
            self.tx.append("assets", _table(map(_asset_row, block), ASSETS))

    def _file_rows(self, notes: Sequence[MadeNote], encoding: str) -> Iterator[dict[str, Any]]:
        for note in notes:
            data = note.text.encode(encoding)

            def copy(out: BinaryIO, data: bytes = data) -> int:
                return out.write(data)

            name = member_name(note.asset_id, 0, "note.txt")
            place = self.packs.add_part(name, len(data), copy)
            yield {
                "asset_id": note.asset_id,
                "number": 0,
                "name": "note.txt",
                "sha256": hashlib.sha256(data).hexdigest(),
                "pack": place.pack,
                "offset": place.offset,
                "length": place.length,
                "file_key": None,
            }

    def subjects(self, ids: Iterable[int]) -> None:
        rows = [_subject_row(self.lake, one) for one in sorted(set(ids))]
        rows.sort(key=lambda row: (row["shard_group"], row["shard"], row["subject_id"]))
        self.tx.append("subjects", _table(rows, SUBJECTS))

    def spans(self, spans: Iterable[MadeSpan]) -> None:
        self.tx.append("spans", _table((span.row() for span in spans), SPANS))

    def rows(self, table: str, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
        self.tx.append(table, _table(rows, schema))

    def vectors(self, ids: Sequence[str], vectors: np.ndarray, encoder: str) -> None:
        """Add one vector an asset."""
        edges = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
        flat = pa.array(vectors.ravel().astype(np.float32))
        count = len(ids)
        columns = [
            pa.array(ids),
            pa.array([encoder] * count),
            pa.array(["1"] * count),
            pa.array([1] * count, pa.int32()),
            pa.array([vectors.shape[1]] * count, pa.int32()),
            pa.ListArray.from_arrays(pa.array(edges), flat),
        ]
        self.tx.append("embeddings", pa.table(columns, schema=EMBEDDINGS))

    def remove_notes(self, notes: Iterable[MadeNote]) -> None:
        """Take notes back, as a correction does that brings others in their place."""
        gone = {note.asset_id for note in notes}
        for name in ("assets", "asset_files"):
            files = self.tx.base.tables[name].files
            held = [pq.read_table(self.lake.store.uri(file.path)) for file in files]
            self.tx.remove(name, files)
            for table in held:
                kept = [one not in gone for one in table["asset_id"].to_pylist()]
                self.tx.append(name, table.filter(pa.array(kept)))


def change(lake: Lake, made: Callable[[Change], None]) -> Commit:
    """Publish one commit that `made(change)` fills."""
    base = lake.commit()
    with scratch_folder(lake) as scratch, PackWriter(lake.store, scratch, "made") as packs:
        tx = Transaction(lake, base, scratch, "made")
        made(Change(lake, tx, packs))
        packs.close()
        return tx.publish("test", "made", {**base.counts, "added": 0, "replaced": 0, "removed": 0})


def _table(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema)


def _asset_row(note: MadeNote) -> dict[str, Any]:
    return dict.fromkeys(ASSETS.names) | {
        "asset_id": note.asset_id,
        "subject_id": note.subject,
        "time": note.time,
        "modality": "note",
        "format": "note",
        "kind": note.kind or None,
        "attributes": "{}",
        "files": 1,
        "bytes": len(note.text.encode()),
        "site_id": "main",
        "load_id": "L0000000001",
        "source_key": note.key or note.asset_id,
    }


def _subject_row(lake: Lake, subject: int) -> dict[str, Any]:
    shard = shard_of(subject)
    return {
        "shard_group": lake.group_of(shard),
        "subject_id": subject,
        "shard": shard,
        "birth": None,
        "death": None,
        "events": 0,
    }
