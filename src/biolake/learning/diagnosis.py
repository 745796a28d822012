"""A diagnosis model: a fitted method, its curves to probabilities, its conformal limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.asset_examples import Reading
from biolake.learning.methods import Examples, Fitted
from biolake.learning.platt import Platt
from biolake.learning.validation import LeftOut, curves_of
from biolake.statistics.columns import Flags, Floats
from biolake.statistics.conformal import Conformal, calibrate_conformal
from biolake.statistics.logistic import expit

SETS = {(True, True): "undecided", (False, True): "yes", (True, False): "no"}


@dataclass(frozen=True)
class Diagnosis:
    """A model that answers for assets: probabilities, and sets that hold the truth as promised.

    `limits` is labels × (no, yes): the largest nonconformity that stays in the set; NaN where too
    few were seen to promise anything, and then both answers stay.
    """

    name: str
    labels: tuple[str, ...]
    reading: Reading
    fitted: Fitted
    curves: tuple[Platt, ...]
    limits: Floats
    level: float

    def risk(self, examples: Examples) -> Floats:
        """Return the probability of each label, rows × labels."""
        return calibrated(self.fitted.log_odds(examples), self.curves)

    def sets(self, risk: Floats) -> Flags:
        """Return conformal sets, rows × labels × (no, yes)."""
        score = np.stack([risk, 1.0 - risk], axis=2)
        return np.asarray((score <= self.limits) | np.isnan(self.limits))

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "labels": list(self.labels),
            "reading": self.reading.to_json(),
            "curves": [[c.intercept, c.slope] for c in self.curves],
            "limits": [[None if np.isnan(v) else float(v) for v in row] for row in self.limits],
            "level": self.level,
        }


def diagnosis_from(said: Mapping[str, Any], reading: Reading, fitted: Fitted) -> Diagnosis:
    """Put a stored model together again."""
    limits = [[np.nan if v is None else v for v in row] for row in said["limits"]]
    return Diagnosis(
        said["name"],
        tuple(said["labels"]),
        reading,
        fitted,
        tuple(Platt(a, b) for a, b in said["curves"]),
        np.array(limits, dtype=np.float64).reshape(len(said["labels"]), 2),
        said["level"],
    )


def calibrated(log_odds: Floats, curves: tuple[Platt, ...]) -> Floats:
    """Return probabilities by each label's curve."""
    columns = [expit(c.log_odds(x)) for c, x in zip(curves, log_odds.T, strict=True)]
    return np.stack(columns, axis=1)


def conclude(
    name: str,
    labels: tuple[str, ...],
    reading: Reading,
    fitted: Fitted,
    left: LeftOut,
    truth: Flags,
) -> Diagnosis:
    """Give a method fitted on all rows the curves and limits of the rows left out in turn."""
    curves = curves_of(left.log_odds, truth)
    limits = np.stack([_limits(truth[:, k], left, k) for k in range(len(labels))])
    return Diagnosis(name, labels, reading, fitted, curves, limits, left.level)


def set_name(one: Flags) -> str:
    """Name a conformal set: yes, no, undecided (both), or neither (unlike all seen)."""
    return SETS.get((bool(one[0]), bool(one[1])), "neither")


def _limits(truth: Flags, left: LeftOut, label: int) -> Floats:
    try:
        learned: Conformal = calibrate_conformal(truth, left.risk[:, label], level=left.level)
    except DataRefused:
        return np.array([np.nan, np.nan])
    return np.asarray(learned.limits[0])
