"""The variables of samples by name: plain ones, groups, and columns of the features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biolake.core.context import Samples
from biolake.core.errors import DataRefused, WrongUse, did_you_mean

OUTCOMES = {0.0: "without outcome", 1.0: "with outcome"}


def columns_of(samples: Samples, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return variables by name; without names, all plain variables and groups."""
    wanted = names or [
        *samples.variables,
        *(n for n in samples.groups if n not in samples.variables),
    ]
    return {name: column_of(samples, name) for name in wanted}


def column_of(samples: Samples, name: str) -> np.ndarray:
    """Return one variable. Raises WrongUse with the nearest name when there is none."""
    if name in samples.variables:
        return samples.variables[name]
    if name in samples.groups:
        return samples.groups[name]
    if name in samples.columns:
        return np.asarray(samples.values[:, list(samples.columns).index(name)])
    known = [*samples.variables, *samples.groups, *samples.columns]
    raise WrongUse(
        f"the samples have no variable '{name}'.{did_you_mean(name, known)}",
        next=f"Plain variables: {', '.join([*samples.variables, *samples.groups])};"
        " and every column of the features.",
    )


def grouping(samples: Samples, by: str) -> np.ndarray | None:
    """Return the group of every sample, or None for no grouping."""
    if not by:
        return None
    if by == "outcome":
        if samples.outcome is None:
            raise DataRefused("this study has no outcome to group by")
        labels = [OUTCOMES.get(float(value), "outcome unknown") for value in samples.outcome]
        return np.array(labels, dtype=object)
    if by == "split":
        if samples.split is None:
            raise DataRefused("this study has no split to group by")
        return samples.split
    if by not in samples.groups:
        raise WrongUse(
            f"the samples have no group '{by}'.{did_you_mean(by, samples.groups)}",
            next=f"Known: {', '.join(['outcome', 'split', *samples.groups])}.",
        )
    return samples.groups[by]


def follow_up(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Return durations in days and how they ended (0 censored, 1 event, 2 and more competing)."""
    if samples.duration is None or samples.observed is None:
        raise DataRefused(
            "this analysis needs durations, and the study's outcome is yes or no",
            next="Give the outcome codes and a horizon, or the task a `biolake: outcome:`.",
        )
    return samples.duration, samples.observed
