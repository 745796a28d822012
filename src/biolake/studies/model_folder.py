"""The folder of a frozen model: all that another lake needs to apply it, and no training row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from biolake.learning.models import Model, load_model, read_json, save_model, write_json
from biolake.retrieval.definition import (
    CodeSelection,
    Definition,
    Embedding,
    Group,
    Static,
    Window,
)
from biolake.retrieval.vocabulary import Vocabulary
from biolake.studies.definition import Study
from biolake.studies.loading import load_study
from biolake.studies.writing import rounded

STUDY = "study"


@dataclass(frozen=True)
class Frozen:
    """A model as it was saved, with what it reads and how it did where it was made."""

    model: Model
    definition: Definition
    vocabulary: Vocabulary
    study: Study
    card: Mapping[str, Any]


def freeze(
    model: Model, vocabulary: Vocabulary, study: Study, card: Mapping[str, Any], folder: Path
) -> None:
    """Write a model's folder: model, preprocessing, features, vocabulary, study, card data."""
    save_model(model, folder)
    vocabulary.save(folder / "vocabulary.json")
    write_json(folder / "features.json", asdict(study.features))
    (folder / "features.yaml").write_text(study.features_text, encoding="utf-8")
    write_json(folder / "card.json", rounded(card))
    write_study(study, folder / STUDY)


def write_study(study: Study, folder: Path) -> None:
    """Copy the study file and the files it names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(study.text, encoding="utf-8")
    for name, text in study.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def thaw(folder: Path) -> Frozen:
    """Read a model's folder back. Raises SetupMissing when it is not one."""
    model = load_model(folder)
    definition = _definition(read_json(folder / "features.json", "feature definition"))
    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    vocabulary.expect(definition)
    study = load_study(folder / STUDY / "study.yaml")
    return Frozen(model, definition, vocabulary, study, read_json(folder / "card.json", "card"))


def _definition(said: Mapping[str, Any]) -> Definition:
    static = said["static"]
    return Definition(
        **{name: said[name] for name in ("name", "version", "age", "majority_unit", "description")},
        groups=tuple(_group(group) for group in said["groups"]),
        static=None if static is None else Static(**static | {"codes": _codes(static["codes"])}),
        sex=tuple(said["sex"]),
        embeddings=tuple(
            Embedding(**one | {"window": Window(**one["window"])})
            for one in said.get("embeddings", ())  # models of older software have none
        ),
    )


def _group(said: Mapping[str, Any]) -> Group:
    windows = tuple(Window(**window) for window in said["windows"])
    lists = {"windows": windows, "aggregations": tuple(said["aggregations"])}
    return Group(**{**said, **lists, "codes": _codes(said["codes"])})


def _codes(said: Mapping[str, Any]) -> CodeSelection:
    return CodeSelection(said["how"], tuple(said["words"]))
