"""Blocks of features beside each other: how well each tells apart alone, and together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biolake.learning.block_fitting import NAME
from biolake.studies.definition import Study

TITLE = "Discrimination of each block of features, alone and together"
_WIDTH = 1.959964  # standard errors from the estimate to the end of a 95 % interval


def compare_blocks(result: dict[str, Any], study: Study) -> None:
    """Add a table of every block's concordance to a result, if the study has blocks.

    Of folds, the mean of their own concordances: risks of two folds are of two models, and their
    pairs are not compared. Its interval takes the folds, whose subjects differ, as independent.
    """
    if not study.blocks:
        return
    rows = []
    for model in result["models"]:
        name = str(model["name"])
        if name.startswith(f"{NAME}_"):
            rows += _rows(name.removeprefix(f"{NAME}_"), model["evaluation"])
    if rows:
        entry = {"name": "blocks", "title": TITLE, "estimates": rows}
        result.setdefault("others", []).append(entry)


def _rows(block: str, evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    folds = [found.get("auroc") for place, found in evaluation.items() if place.startswith("fold:")]
    if not folds:
        return [_row("concordance", block, evaluation["held_out"].get("auroc"))]
    return [_row("concordance, mean of folds", block, mean_of(folds))]


def mean_of(folds: list[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Return the mean of estimates with intervals; None where one of them is not known."""
    known = [one for one in folds if one is not None]
    if len(known) < len(folds):
        return None
    mean = float(np.mean([one["estimate"] for one in known]))
    errors = np.array([(one["high"] - one["low"]) / (2 * _WIDTH) for one in known])
    half = _WIDTH * float(np.sqrt((errors**2).sum())) / len(known)
    return {"estimate": mean, "low": mean - half, "high": min(1.0, mean + half)}


def _row(name: str, block: str, found: Mapping[str, float] | None) -> dict[str, Any]:
    figures = {key: None if found is None else found[key] for key in ("estimate", "low", "high")}
    return {"name": name, "group": block, **figures, "unit": None}
