"""Keep models in a lake: their files under `model-files/`, and a row each in the table `models`."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused, LakeDamaged, WrongUse, did_you_mean
from biolake.core.schema import MODELS
from biolake.lake.assets import AssetRow
from biolake.lake.commits import Commit
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake
from biolake.lake.locking import writer
from biolake.lake.transaction import Transaction, clear_scratch, scratch_folder
from biolake.learning.asset_examples import reading_from
from biolake.learning.diagnosis import Diagnosis, diagnosis_from
from biolake.learning.methods import load_fitted, save_fitted
from biolake.learning.model_card import as_html, as_markdown
from biolake.learning.models import read_json, write_json
from biolake.learning.training import Trained

FOLDER = "model-files"  # `models/` is the table, whose folder holds only what its commits name
_FILES = ("answers.json", "card.html", "card.json", "card.md", "model.json", "model.npz")


@dataclass(frozen=True)
class Shelved:
    """One model as the lake lists it."""

    model: str
    version: int
    modality: str
    method: str
    labels: tuple[str, ...]
    created: datetime
    trained_at: int
    folder: str
    sha256: str
    card: dict[str, Any]


def seen_in_training(one: Shelved, lake: Lake, row: AssetRow) -> bool:
    """Tell whether an asset was in the lake a model was trained on, when it was trained.

    Which of them it was fitted to is not kept, so all that could have been count.
    """
    return lake.lake_id == one.card["lake"] and row.load_id <= f"L{one.trained_at:010d}"


def shelve(lake: Lake, trained: Trained, *, wait: float = 0.0) -> tuple[Shelved, Commit]:
    """Store a model as the next version of its name, in one commit."""
    name, method = trained.diagnosis.name, trained.card["method"]
    with writer(lake.store, f"store model {name}", wait):
        clear_scratch(lake)
        base = lake.commit()
        with scratch_folder(lake) as scratch, open_view(lake, base) as view:
            version = max((one.version for one in _rows(view, name)), default=0) + 1
            card = {**trained.card, "version": version}
            write_model(trained.diagnosis, method, card, scratch / "model")
            folder = f"{FOLDER}/{name}/{version:04d}-{secrets.token_hex(4)}"
            digest = _upload(lake, scratch / "model", folder)
            row = _row(trained.diagnosis, card, folder, digest)
            tx = Transaction(lake, base, scratch, f"model-{name}")
            tx.append("models", row)
            counts = {**base.counts, "added": 0, "replaced": 0, "removed": 0}
            commit = tx.publish("model", f"{name}, version {version}", counts)
    return _shelved(row.to_pylist()[0]), commit


def write_model(diagnosis: Diagnosis, method: str, card: dict[str, Any], folder: Path) -> None:
    """Write a model and its card as plain files; none holds a row of any subject."""
    save_fitted(diagnosis.fitted, method, folder)
    write_json(folder / "answers.json", diagnosis.to_json())
    write_json(folder / "card.json", card)
    (folder / "card.md").write_text(as_markdown(card), encoding="utf-8")
    (folder / "card.html").write_text(as_html(card), encoding="utf-8")


def shelved_models(view: View) -> list[Shelved]:
    """Return every model of the lake, by name and version."""
    return _rows(view, None)


def shelved_model(view: View, name: str, version: int | None = None) -> Shelved:
    """Return one model: the version named, or the latest."""
    found = _rows(view, name)
    if not found:
        names = sorted({one.model for one in _rows(view, None)})
        raise WrongUse(
            f"the lake has no model '{name}'.{did_you_mean(name, names)}",
            next="List them: biolake model list",
        )
    if version is None:
        return found[-1]
    for one in found:
        if one.version == version:
            return one
    raise WrongUse(
        f"model '{name}' has no version {version}",
        next=f"It has {', '.join(str(one.version) for one in found)}.",
    )


def take_down(lake: Lake, one: Shelved, catalogue: Catalogue) -> Diagnosis:
    """Read a stored model back, after its files proved to be those that were stored."""
    with tempfile.TemporaryDirectory(prefix="biolake-model-") as name:
        folder = Path(name)
        for file in _FILES:
            try:
                lake.store.download(f"{one.folder}/{file}", folder / file)
            except FileNotFoundError:
                raise LakeDamaged("a file of the model is missing", where=one.folder) from None
        if _digest(folder) != one.sha256:
            raise LakeDamaged(
                "the model's files are not those that were stored",
                where=one.folder,
                next="Train it again: biolake model train SPEC",
            )
        return read_model(folder, catalogue)


def read_model(folder: Path, catalogue: Catalogue) -> Diagnosis:
    """Read a model from a folder of its files."""
    said = read_json(folder / "answers.json", "model")
    method = str(read_json(folder / "model.json", "model").get("method"))
    try:
        reading = reading_from(said["reading"], method, catalogue)
        return diagnosis_from(said, reading, reading.whole(load_fitted(folder)))
    except (KeyError, TypeError, ValueError):
        raise DataRefused("the model's files do not fit together", where=folder.name) from None


def _upload(lake: Lake, folder: Path, key: str) -> str:
    digest = _digest(folder)
    for file in _FILES:
        lake.store.upload(folder / file, f"{key}/{file}")
    return digest


def _digest(folder: Path) -> str:
    """Return one SHA-256 of all files, sorted by name."""
    parts = [
        f"{file} {hashlib.sha256((folder / file).read_bytes()).hexdigest()}" for file in _FILES
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _row(diagnosis: Diagnosis, card: dict[str, Any], folder: str, digest: str) -> pa.Table:
    values = {
        "model": diagnosis.name,
        "version": card["version"],
        "modality": card["modality"],
        "method": card["method"],
        "labels": list(diagnosis.labels),
        "created": datetime.fromisoformat(card["created"]),
        "trained_at": card["commit"],
        "folder": folder,
        "sha256": digest,
        "card": json.dumps(card, sort_keys=True, ensure_ascii=False),
    }
    return pa.Table.from_pylist([values], schema=MODELS)


def _rows(view: View, name: str | None) -> list[Shelved]:
    # What has no labels is an encoder (learning.text_encoder), and no diagnosis.
    where, values = " WHERE len(labels) > 0", []
    if name is not None:
        where, values = f"{where} AND model = ?", [name]
    columns = ", ".join(f'"{column}"' for column in MODELS.names)
    rows = view.rows(f"SELECT {columns} FROM models{where} ORDER BY model, version", values)  # noqa: S608
    return [_shelved(dict(zip(MODELS.names, row, strict=True))) for row in rows]


def _shelved(row: dict[str, Any]) -> Shelved:
    return Shelved(**{**row, "labels": tuple(row["labels"]), "card": json.loads(row["card"])})
