"""The text encoder that a lake learns from its own notes, kept among its models."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.assets import TextInput
from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import DataRefused, LakeDamaged
from biolake.core.media import Note, Opened
from biolake.core.schema import MODELS
from biolake.lake.assets import AssetRow, find_assets
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake, now
from biolake.lake.locking import writer
from biolake.lake.transaction import Transaction, clear_scratch, scratch_folder
from biolake.learning.asset_opening import Failure, Progress, each_opened
from biolake.text.chunks import chunk_places
from biolake.text.latent import TextModel, fit

NAME, METHOD = "note-text", "tfidf-svd"
LEAST_SUBJECTS = 50  # with notes: of fewer, nothing is learned
_FOLDER = "model-files"
_FILES = ("card.json", "model.json", "model.npz")
_NOTES, _CHUNKS = 20_000, 40_000  # at most these are learned from

# An asset id is a hash of content: the first of them are a sample drawn by nobody.
_SAMPLE = """
SELECT asset_id, subject_id FROM assets WHERE modality = 'note' AND subject_id IS NOT NULL
ORDER BY asset_id LIMIT ?
"""
_SUBJECTS = "SELECT count(DISTINCT subject_id) FROM assets WHERE modality = 'note'"
_LATEST = """
SELECT version, folder, sha256, card FROM models WHERE model = ? AND method = ?
ORDER BY version DESC LIMIT 1
"""


@dataclass(frozen=True)
class Learned:
    """What a text encoder was learned from, and the commit that keeps it."""

    version: int
    chunks: int
    subjects: int
    dimension: int
    commit: Commit


def can_learn(view: View) -> bool:
    """Tell whether enough subjects have notes."""
    return bool(view.rows(_SUBJECTS)[0][0] >= LEAST_SUBJECTS)


def open_notes(
    catalogue: Catalogue, progress: Progress = lambda _done, _of: None
) -> Callable[[View, Sequence[str]], Iterator[tuple[str, Note | str]]]:
    """Return a function that reads notes by id: what each says, or why it cannot be read."""

    def notes(view: View, ids: Sequence[str]) -> Iterator[tuple[str, Note | str]]:
        rows = list({row.asset_id: row for row in find_assets(view, ids=ids)}.values())
        for number, found in each_opened(view, catalogue, rows, _a_note, progress):
            row = rows[number]
            said = found.reason if isinstance(found, Failure) else _told(found, row)
            yield row.asset_id, said

    return notes


def _told(note: Note, row: AssetRow) -> Note:
    """Tell a note what only its row knows."""
    return replace(
        note,
        kind=note.kind or row.kind or "",
        title=note.title or row.attributes.get("title", ""),
        language=note.language or row.attributes.get("language", ""),
    )


def _a_note(opened: Opened) -> Note:
    if not isinstance(opened, Note):
        raise DataRefused("it is listed as a note and is none")
    return opened


def learn_text_encoder(
    lake: Lake, catalogue: Catalogue, *, seed: int = 1, wait: float = 0.0
) -> Learned:
    """Learn a text encoder from a sample of the lake's notes and keep it as its next version."""
    with open_view(lake) as view:
        if not can_learn(view):
            raise DataRefused(
                f"fewer than {LEAST_SUBJECTS} subjects have notes: nothing is learned from so few",
                next="Search by words does without.",
            )
        texts, people = _sample(view, catalogue)
        learned_at = view.commit.number
    model = fit(texts, people, seed=seed)
    card = {
        "model": NAME,
        "method": METHOD,
        "modality": "note",
        "dimension": model.dimension,
        "chunks": len(texts),
        "subjects": len(set(people)),
        "commit": learned_at,
        "lake": lake.lake_id,
        "seed": seed,
        "created": now(),
    }
    return _shelve(lake, model, card, wait)


def _sample(view: View, catalogue: Catalogue) -> tuple[list[str], list[int]]:
    whose = dict(view.rows(_SAMPLE, [_NOTES]))
    texts: list[str] = []
    people: list[int] = []
    for asset_id, note in open_notes(catalogue)(view, list(whose)):
        if not isinstance(note, Note):
            continue
        chunks = [note.text[a:b] for a, b in chunk_places(note.text)]
        texts += chunks
        people += [whose[asset_id]] * len(chunks)
        if len(texts) >= _CHUNKS:
            break
    return texts[:_CHUNKS], people[:_CHUNKS]


def _shelve(lake: Lake, model: TextModel, card: dict[str, Any], wait: float) -> Learned:
    with writer(lake.store, f"store model {NAME}", wait):
        clear_scratch(lake)
        base = lake.commit()
        with scratch_folder(lake) as scratch, open_view(lake, base) as view:
            found = view.rows(_LATEST, [NAME, METHOD])
            version = found[0][0] + 1 if found else 1
            card["version"] = version
            key = f"{_FOLDER}/{NAME}/{version:04d}-{secrets.token_hex(4)}"
            digest = _upload(lake, model, card, scratch / "model", key)
            tx = Transaction(lake, base, scratch, f"model-{NAME}")
            tx.append("models", _row(card, key, digest))
            counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
            commit = tx.publish("model", f"{NAME}, version {version}", counts)
    return Learned(version, card["chunks"], card["subjects"], model.dimension, commit)


def _upload(lake: Lake, model: TextModel, card: dict[str, Any], folder: Path, key: str) -> str:
    model.save(folder)
    text = json.dumps(card, indent=1, sort_keys=True) + "\n"
    (folder / "card.json").write_text(text, encoding="utf-8")
    digest = _digest(folder)
    for file in _FILES:
        lake.store.upload(folder / file, f"{key}/{file}")
    return digest


def _digest(folder: Path) -> str:
    parts = [
        f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}" for name in _FILES
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _row(card: dict[str, Any], key: str, digest: str) -> pa.Table:
    values = {
        "model": NAME,
        "version": card["version"],
        "modality": "note",
        "method": METHOD,
        "labels": [],
        "created": datetime.fromisoformat(card["created"]),
        "trained_at": card["commit"],
        "folder": key,
        "sha256": digest,
        "card": json.dumps(card, sort_keys=True),
    }
    return pa.Table.from_pylist([values], schema=MODELS)


def text_encoder(view: View) -> Extension | None:
    """Return the newest text encoder of the view's commit, as an encoder like any other."""
    found = view.rows(_LATEST, [NAME, METHOD])
    if not found:
        return None
    version, folder, digest, card = found[0]
    lake = view.lake  # the view is closed before the encoder goes

    def encode(batch: np.ndarray) -> np.ndarray:
        return _model(lake, folder, digest).encode(list(batch))

    return Extension(
        "encoder",
        NAME,
        "Notes by the words they share, learned in this lake",
        encode,
        __name__,
        needs="note",
        extra="search",
        version=str(version),
        inputs=TextInput(),
        dimension=int(json.loads(card)["dimension"]),
        licence="none: learned in this lake",
    )


def with_text_encoder(view: View, catalogue: Catalogue) -> Catalogue:
    """Return a catalogue that has the lake's own text encoder too."""
    own = text_encoder(view)
    return Catalogue((*catalogue.extensions, own)) if own else catalogue


@lru_cache(maxsize=2)
def _model(lake: Lake, folder: str, digest: str) -> TextModel:
    """Read a stored text encoder, after its files proved to be those that were stored."""
    with tempfile.TemporaryDirectory(prefix="biolake-model-") as name:
        for file in _FILES:
            try:
                lake.store.download(f"{folder}/{file}", Path(name) / file)
            except FileNotFoundError:
                raise LakeDamaged("a file of the text encoder is missing", where=folder) from None
        if _digest(Path(name)) != digest:
            raise LakeDamaged(
                "the text encoder's files are not those that were stored",
                where=folder,
                next="Learn it again: biolake index build --learn",
            )
        return TextModel.load(Path(name))
