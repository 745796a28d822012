"""Judge a stored model on other assets: another lake, another site, later data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.learning.asset_examples import gather
from biolake.learning.asset_selection import (
    file_facts,
    group_values,
    label_table,
    only_judged,
    select_assets,
)
from biolake.learning.diagnosis import Diagnosis
from biolake.learning.judging import as_json, group_figures, label_figures
from biolake.learning.shelf import Shelved, seen_in_training
from biolake.learning.shortcuts import audit_shortcuts
from biolake.learning.spec_reading import parse_spec
from biolake.learning.validation import stratified_folds

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
        labels = label_table(view, spec, chosen)
        groups = group_values(view, spec.groups, chosen)
        facts = file_facts(chosen)
        commit = view.commit.number
    risk = diagnosis.risk(examples)
    sets = diagnosis.sets(risk)
    names = diagnosis.labels
    fold = stratified_folds(labels, chosen.subjects, 5, 0)
    audit = audit_shortcuts(names, labels, risk, facts, fold, chosen.subjects)
    seen = sum(seen_in_training(one, lake, row) for row in chosen.rows)
    return {
        "model": one.model,
        "version": one.version,
        "lake": lake.lake_id,
        "commit": commit,
        "site": site,
        "assets": len(labels),
        "subjects": len(np.unique(chosen.subjects)),
        "left_out": chosen.left_out,
        "seen_in_training": seen,
        "figures": as_json(label_figures(names, labels, risk, chosen.subjects, sets)),
        "trained": one.card["figures"],
        "groups": as_json(group_figures(names, labels, risk, chosen.subjects, groups)),
        "shortcuts": as_json(audit),
        "warnings": [said for said in (_seen_warning(seen), *(a.warning for a in audit)) if said],
    }


def _seen_warning(seen: int) -> str:
    if not seen:
        return ""
    return (
        f"{seen} of these assets were in the lake when the model was trained: it may have seen"
        " them, and its figures here are too good. Judge it on others (--unseen, or another lake"
        " with --on); the figures of its card are of assets it had not seen."
    )
