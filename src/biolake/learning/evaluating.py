"""Judge a stored model on other assets: another lake, another site, later data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake
from biolake.learning.asset_examples import gather
from biolake.learning.asset_selection import (
    Selection,
    file_facts,
    group_values,
    label_table,
    only_judged,
    select_assets,
)
from biolake.learning.diagnosis import Diagnosis
from biolake.learning.judging import as_json, group_figures, label_figures
from biolake.learning.methods import Examples
from biolake.learning.shelf import Shelved, seen_in_training
from biolake.learning.shortcuts import audit_shortcuts
from biolake.learning.spec_reading import parse_spec
from biolake.learning.specification import ModelSpec
from biolake.learning.validation import stratified_folds
from biolake.statistics.columns import Flags

LEAST_ROWS = 10


def evaluate_model(
    lake: Lake,
    one: Shelved,
    diagnosis: Diagnosis,
    catalogue: Catalogue,
    *,
    site: str | None = None,
    unseen: bool = False,
    at: int | None = None,
) -> dict[str, Any]:
    """Return the model's figures on this lake's assets, as it is: nothing is fitted to them.

    Assets of the lake it was trained on may have been seen: the answer says how many, and `unseen`
    leaves them out. Beside each figure stands the one of its training (cross-validated).
    """
    spec = parse_spec(one.card["specification"])
    if site is not None:
        spec = replace(spec, assets=replace(spec.assets, sites=(site,)))
    with open_view(lake, at) as view:
        found = _material(view, lake, spec, one, diagnosis, catalogue, unseen)
        commit = view.commit.number
    figures = _figures(found, diagnosis)
    return {
        "model": one.model,
        "version": one.version,
        "lake": lake.lake_id,
        "commit": commit,
        "site": site,
        "trained": one.card["figures"],
        **figures,
        "warnings": [*_seen_warning(found.seen), *figures["warnings"]],
    }


@dataclass(frozen=True)
class _Material:
    examples: Examples
    chosen: Selection
    labels: Flags
    groups: dict[str, Any]
    seen: int


def _material(
    view: View,
    lake: Lake,
    spec: ModelSpec,
    one: Shelved,
    diagnosis: Diagnosis,
    catalogue: Catalogue,
    unseen: bool,
) -> _Material:
    chosen = only_judged(view, spec, select_assets(view, spec.assets))
    if unseen:
        fresh = ~np.array([seen_in_training(one, lake, row) for row in chosen.rows], dtype=bool)
        chosen = chosen.keep(fresh, "the model may have seen it in training")
    if len(chosen.rows) < LEAST_ROWS:
        raise DataRefused(
            f"fewer than {LEAST_ROWS} assets fit the model here",
            next=f"See what there is: biolake assets list --modality {spec.assets.modality}",
        )
    examples, chosen = gather(view, catalogue, diagnosis.reading, chosen)
    seen = sum(seen_in_training(one, lake, row) for row in chosen.rows)
    labels, groups = label_table(view, spec, chosen), group_values(view, spec.groups, chosen)
    return _Material(examples, chosen, labels, groups, seen)


def _figures(found: _Material, diagnosis: Diagnosis) -> dict[str, Any]:
    names, labels, subjects = diagnosis.labels, found.labels, found.chosen.subjects
    risk = diagnosis.risk(found.examples)
    fold = stratified_folds(labels, subjects, 5, 0)
    facts = file_facts(found.chosen)
    audit = audit_shortcuts(names, labels, risk, facts, fold, subjects)
    sets = diagnosis.sets(risk)
    return {
        "assets": len(labels),
        "subjects": len(np.unique(subjects)),
        "left_out": found.chosen.left_out,
        "seen_in_training": found.seen,
        "figures": as_json(label_figures(names, labels, risk, subjects, sets)),
        "groups": as_json(group_figures(names, labels, risk, subjects, found.groups)),
        "shortcuts": as_json(audit),
        "warnings": [one.warning for one in audit if one.warning],
    }


def _seen_warning(seen: int) -> list[str]:
    if not seen:
        return []
    return [
        f"{seen} of these assets were in the lake when the model was trained: it may have seen"
        " them, and its figures here are too good. Judge it on others (--unseen, or another lake"
        " with --on); the figures of its card are of assets it had not seen."
    ]
