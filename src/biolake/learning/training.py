"""Train a model on a lake's assets, judge it on rows it did not see, and say how it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biolake import __version__
from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake, now
from biolake.learning.asset_examples import Reading, gather, reading_of
from biolake.learning.asset_selection import (
    Selection,
    file_facts,
    fold_numbers,
    group_values,
    label_table,
    only_judged,
    select_assets,
)
from biolake.learning.cohort_labels import LabelledRows, cohort_examples, read_labelled_rows
from biolake.learning.diagnosis import Diagnosis, conclude
from biolake.learning.encoding import encode
from biolake.learning.judging import as_json, group_figures, label_figures, macro_auroc
from biolake.learning.methods import Examples, Training
from biolake.learning.shortcuts import audit_shortcuts
from biolake.learning.specification import ModelSpec
from biolake.learning.validation import (
    LeftOut,
    cross_validate,
    refuse_split_subjects,
    stratified_folds,
)
from biolake.statistics.columns import Flags, Indices

LEAST_LABELLED = 20  # assets with a label, and without, or it is not learned
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A model and the card that tells all about it."""

    diagnosis: Diagnosis
    card: dict[str, Any]


@dataclass(frozen=True)
class Material:
    """What a model is trained on and judged by."""

    examples: Examples
    chosen: Selection
    labels: Flags
    fold: Indices
    groups: dict[str, np.ndarray]
    facts: dict[str, np.ndarray]
    rules: dict[str, Any]  # label → what makes it true


def train_model(
    lake: Lake,
    spec: ModelSpec,
    catalogue: Catalogue,
    *,
    at: int | None = None,
    threads: int = 1,
    wait: float = 0.0,
    say: Say = lambda _said: None,
) -> Trained:
    """Train as specified; nothing is stored. The encoder's vectors are made first where needed."""
    reading = reading_of(spec, catalogue)
    labelled = None if spec.cohort is None else read_labelled_rows(Path(spec.cohort.file))
    if reading.encoder is not None and at is None:
        say(f"encoding by {reading.encoder.name}")
        encode(lake, catalogue, reading.encoder.name, wait=wait)
    with open_view(lake, at) as view:
        material = _material(view, spec, catalogue, reading, labelled, say)
        commit = view.commit.number
    training = Training(
        material.labels, material.chosen.subjects, spec.label_names, spec.seed, threads
    )
    left = cross_validate(
        reading.method,
        material.examples,
        training,
        material.fold,
        level=spec.level,
        progress=say,
    )
    say("fitting on all")
    fitted = reading.method.fit(material.examples, training)
    diagnosis = conclude(spec.name, training.names, reading, fitted, left, material.labels)
    say("judging")
    return Trained(diagnosis, _card(spec, material, left, commit, lake))


def _material(
    view: View,
    spec: ModelSpec,
    catalogue: Catalogue,
    reading: Reading,
    labelled: LabelledRows | None,
    say: Say,
) -> Material:
    chosen, rules = _chosen(view, spec, labelled)
    say(f"reading {len(chosen.rows)} assets")
    examples, chosen = gather(view, catalogue, reading, chosen)
    labels = label_table(view, spec, chosen)
    _refuse_rare(spec, labels)
    fold = fold_numbers(view, spec, chosen)
    if fold is None:
        fold = stratified_folds(labels, chosen.subjects, spec.folds, spec.seed)
    refuse_split_subjects(chosen.subjects, fold)
    if len(np.unique(fold)) < 2:
        raise DataRefused("the split's column gives all assets one fold: nothing is left to judge")
    facts = file_facts(chosen) | group_values(view, spec.facts, chosen)
    groups = group_values(view, spec.groups, chosen)
    return Material(examples, chosen, labels, fold, groups, facts, rules)


def _chosen(
    view: View, spec: ModelSpec, labelled: LabelledRows | None
) -> tuple[Selection, dict[str, Any]]:
    """Return the examples' assets, and for each label what makes it true."""
    chosen = only_judged(view, spec, select_assets(view, spec.assets))
    if not chosen.rows:
        raise DataRefused(
            "the lake has no asset this model is for",
            next=f"See what there is: biolake assets list --modality {spec.assets.modality}",
        )
    if spec.cohort is None or labelled is None:
        return chosen, {name: as_json(rule) for name, rule in spec.labels.items()}
    chosen, said = cohort_examples(chosen, labelled, spec.cohort)
    return chosen, {spec.cohort.name: said}


def _refuse_rare(spec: ModelSpec, labels: Flags) -> None:
    remedy = "Check its codes (biolake codes search), or widen its window."
    if spec.cohort is not None:
        remedy = "Widen the cohort or its lookback."
    for name, column in zip(spec.label_names, labels.T, strict=True):
        with_it = int(column.sum())
        if min(with_it, len(column) - with_it) < LEAST_LABELLED:
            raise DataRefused(
                f"label '{name}' has fewer than {LEAST_LABELLED} assets with it, or without",
                next=remedy,
            )


def _card(
    spec: ModelSpec, material: Material, left: LeftOut, commit: int, lake: Lake
) -> dict[str, Any]:
    names, labels, subjects = spec.label_names, material.labels, material.chosen.subjects
    shortcuts = audit_shortcuts(
        names, labels, left.risk, material.facts, material.fold, subjects, seed=spec.seed
    )
    return {
        "model": spec.name,
        "description": spec.description,
        "modality": spec.assets.modality,
        "method": spec.method,
        "encoder": spec.encoder,
        "extractor": spec.extractor,
        "labels": material.rules,
        "assets": len({row.asset_id for row in material.chosen.rows}),
        "subjects": len(np.unique(subjects)),
        "left_out": material.chosen.left_out,
        "folds": len(np.unique(material.fold)),
        "level": spec.level,
        "macro_auroc": as_json(macro_auroc(labels, left.risk, subjects)),
        "figures": as_json(label_figures(names, labels, left.risk, subjects, left.sets)),
        "groups": as_json(group_figures(names, labels, left.risk, subjects, material.groups)),
        "shortcuts": as_json(shortcuts),
        "warnings": [one.warning for one in shortcuts if one.warning],
        "specification": spec.text,
        "seed": spec.seed,
        "created": now(),
        "code": f"biolake {__version__}",
        "lake": lake.lake_id,
        "commit": commit,
    }
