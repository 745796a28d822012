"""The features of every sample, as of its index time, by a vocabulary learned on train alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.lake.door import View
from biolake.retrieval.definition import Definition
from biolake.retrieval.features import build_features
from biolake.retrieval.vocabulary import Vocabulary
from biolake.statistics.columns import Floats
from biolake.studies.population import Members
from biolake.studies.splitting import label_table


@dataclass(frozen=True)
class Dataset:
    """Samples × columns in the order of the members; NaN where nothing was known.

    `unseen` names the embeddings of which no sample has a vector.
    """

    columns: tuple[str, ...]
    values: Floats
    vocabulary: Vocabulary
    codes_missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # of each column: its feature group, `age`, `sex` or `static`


def build_dataset(
    view: View,
    definition: Definition,
    members: Members,
    folder: Path,
    *,
    train_subjects: np.ndarray | None = None,
    vocabulary: Vocabulary | None = None,
    threads: int = 2,
) -> Dataset:
    """Look every sample's features up and read them back dense.

    Raises DataRefused when a window reaches past the index time, or no column was learned.
    """
    refuse_future(definition)
    built = build_features(
        view,
        label_table(members).select(["subject_id", "prediction_time"]),
        definition,
        out=folder,
        vocabulary=vocabulary,
        train_subjects=_set(train_subjects),
        threads=threads,
    )
    names = tuple(column.name for column in built.columns)
    if not names:
        raise DataRefused(
            "no training subject has any of the codes that the features ask for",
            next="List codes: biolake codes search",
        )
    values = np.empty((len(members), len(names)))
    values[built.samples["row"].to_numpy()] = built.dense()
    absent = built.provenance["codes_missing"].values()
    missing = tuple(sorted({code for codes in absent for code in codes}))
    assets = built.provenance["embeddings"]
    unseen = tuple(name for name, found in assets.items() if not found["assets"])
    notes, groups = _notes(assets, len(members)), tuple(column.group for column in built.columns)
    return Dataset(names, values, built.vocabulary, missing, notes, unseen, groups)


def _notes(embeddings: Mapping[str, Mapping[str, Any]], samples: int) -> tuple[str, ...]:
    """Say of how many assets within reach nothing was seen; shares, for counts may be small."""
    notes = []
    for name, found in embeddings.items():
        for key, why in (("not_encoded", "have no vector"), ("without_time", "have no time")):
            lost = found[f"assets_{key}"]
            if lost:
                share = 100 * lost / (found["assets"] + lost)
                notes.append(
                    f"embedding '{name}': {max(1, round(share))} % of the assets that could be seen"
                    f" {why} and were left out"
                )
        if waiting := found["samples_latest_not_over"]:
            notes.append(
                f"embedding '{name}': at {max(1, round(100 * waiting / samples))} % of the"
                " prediction times the latest asset had begun but was not over, and was not seen;"
                " predict later to see it"
            )
    return tuple(notes)


def _set(subjects: np.ndarray | None) -> set[int] | None:
    return None if subjects is None else set(subjects.tolist())


def refuse_future(definition: Definition) -> None:
    """Refuse a window that reaches past the prediction time."""
    named = [(window.name, window) for group in definition.groups for window in group.windows]
    named += [(embedding.name, embedding.window) for embedding in definition.embeddings]
    for name, window in named:
        if window.cut < 0:
            raise DataRefused(
                f"window '{name}' of the features reaches past the prediction time:"
                " what it sees is not known when the prediction is made",
                next="Let every window end at the prediction time or before it.",
            )
