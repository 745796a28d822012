"""Split conformal prediction of a yes/no outcome: sets that hold the truth as often as promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Flags, Floats, flags, labelled, risks
from biolake.statistics.intervals import Estimate, wilson


@dataclass(frozen=True)
class Conformal:
    """Thresholds learned from calibration subjects, per group and class.

    `limits[g, y]` is the largest 1 − P(y) that keeps class y in the set of a subject of group g.
    """

    level: float
    groups: tuple[object, ...]
    limits: Floats
    calibrated_on: np.ndarray  # subjects per group and class

    def sets(self, risk: ArrayLike, *, groups: ArrayLike | None = None) -> Flags:
        """Return whether each set holds "no" and "yes" (rows × 2); both means: cannot say."""
        p = risks("risk", risk)
        labels, codes = labelled("groups", groups, len(p))
        place = {group: number for number, group in enumerate(self.groups)}
        if any(label not in place for label in labels):
            raise WrongUse("A group is not among those calibrated.")
        limit = self.limits[np.array([place[label] for label in labels], dtype=np.intp)[codes]]
        return np.asarray(np.column_stack([p, 1.0 - p]) <= limit)


@dataclass(frozen=True)
class Coverage:
    """How often sets held the truth, by class, and how large they were."""

    overall: Estimate
    among_events: Estimate
    among_others: Estimate
    single: float  # share of sets that name one class
    both: float
    neither: float


def calibrate_conformal(
    outcome: ArrayLike, risk: ArrayLike, *, level: float = 0.9, groups: ArrayLike | None = None
) -> Conformal:
    """Learn sets that hold the truth with chance ≥ `level` in each class (and group).

    Split conformal with the finite-sample correction, the ⌈(n + 1)·level⌉-th smallest score
    (Vovk, Gammerman & Shafer 2005: Mondrian predictors; Angelopoulos & Bates 2023). The
    subjects must not be those the model was fitted to. Raises DataRefused where a class of a
    group has too few subjects to promise anything.
    """
    if not 0.0 < level < 1.0:
        raise WrongUse("level must lie between 0 and 1.")
    seen = flags("outcome", outcome)
    p = risks("risk", risk, len(seen))
    labels, codes = labelled("groups", groups, len(seen))
    limits, counts = np.empty((len(labels), 2)), np.empty((len(labels), 2), dtype=np.intp)
    for group in range(len(labels)):
        for kind, score in ((0, p), (1, 1.0 - p)):
            mine = score[(codes == group) & (seen == bool(kind))]
            limits[group, kind], counts[group, kind] = _limit(mine, level), len(mine)
    return Conformal(level, tuple(labels), limits, counts)


def coverage(outcome: ArrayLike, sets: Flags, *, confidence: float = 0.95) -> Coverage:
    """Return how often the sets held what came, and their sizes."""
    seen = flags("outcome", outcome, len(sets))
    held = np.where(seen, sets[:, 1], sets[:, 0])
    size = sets.sum(axis=1)

    def share(mine: Flags) -> Estimate:
        if not mine.any():
            return Estimate(float("nan"), 0.0, 1.0, confidence)
        return wilson(int(held[mine].sum()), int(mine.sum()), confidence)

    return Coverage(
        overall=share(np.ones(len(seen), dtype=np.bool_)),
        among_events=share(seen),
        among_others=share(~seen),
        single=float((size == 1).mean()),
        both=float((size == 2).mean()),
        neither=float((size == 0).mean()),
    )


def _limit(scores: Floats, level: float) -> float:
    # A hair less before rounding up, so that (n + 1)·level meant as whole stays whole.
    place = int(np.ceil((len(scores) + 1) * level - 1e-9))
    if place > len(scores):
        raise DataRefused(
            f"A class has {len(scores)} calibration subjects; "
            f"{int(np.ceil(level / (1.0 - level) - 1e-9))} are needed.",
            next="Lower the level, join groups, or calibrate on more subjects.",
        )
    return float(np.partition(scores, place - 1)[place - 1])
