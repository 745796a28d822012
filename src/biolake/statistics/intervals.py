"""Estimates with their intervals: Wilson's for a proportion, and the bootstrap's for anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Floats, Indices, groups_of
from biolake.statistics.distributions import critical

_CELLS = 1 << 22  # of weights held at once: 32 MiB


@dataclass(frozen=True)
class Estimate:
    """A number and its two-sided interval."""

    value: float
    low: float
    high: float
    confidence: float = 0.95

    @classmethod
    def normal(cls, value: float, error: float, confidence: float = 0.95) -> Estimate:
        """Make value ± z × standard error."""
        margin = critical(confidence) * error
        return cls(value, value - margin, value + margin, confidence)

    @classmethod
    def exponentiated(cls, log: float, error: float, confidence: float = 0.95) -> Estimate:
        """Make a ratio from its logarithm and that logarithm's standard error."""
        margin = critical(confidence) * error
        return cls(math.exp(log), math.exp(log - margin), math.exp(log + margin), confidence)


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Return a proportion and its score interval (Wilson, J Am Stat Assoc 1927;22:209)."""
    if not 0 <= successes <= trials or trials == 0:
        raise WrongUse("A proportion needs 0 ≤ successes ≤ trials, and at least one trial.")
    z = critical(confidence)
    share = successes / trials
    spread = z * math.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials))
    middle = share + z * z / (2.0 * trials)
    scale = 1.0 + z * z / trials
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == trials else (middle + spread) / scale
    return Estimate(share, low, high, confidence)


@dataclass(frozen=True)
class Resampling:
    """How to draw bootstrap samples: how many, from what seed, by whom, within what.

    `clusters` are drawn whole (a subject's rows, a site's subjects); within `strata` the number
    drawn is kept (outcome classes, sites). A cluster must lie inside one stratum.
    """

    replicates: int = 500
    seed: int = 0
    clusters: ArrayLike | None = None
    strata: ArrayLike | None = None


def bootstrap_weights(rows: int, plan: Resampling) -> Iterator[Floats]:
    """Yield blocks of replicates: each row of a block says how often each subject was drawn.

    Efron & Tibshirani 1993. Multiplicities instead of copied rows: an estimator that
    takes weights is sorted once for all replicates.
    """
    if plan.replicates < 1:
        raise WrongUse("A bootstrap needs at least one replicate.")
    unit_of_row = groups_of("clusters", plan.clusters, rows)
    if plan.clusters is None:
        unit_of_row = np.arange(rows)
    strata = _units_by_stratum(unit_of_row, groups_of("strata", plan.strata, rows))
    units = int(unit_of_row.max()) + 1
    rng = np.random.default_rng(plan.seed)
    step = max(1, _CELLS // max(rows, 1))
    for start in range(0, plan.replicates, step):
        count = min(step, plan.replicates - start)
        drawn = np.stack([_draw(rng, strata, units) for _ in range(count)])
        yield drawn if plan.clusters is None else drawn[:, unit_of_row]


def bootstrap(
    statistic: Callable[[Floats], Floats],
    rows: int,
    plan: Resampling | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the percentile interval of a statistic of weights.

    `statistic` takes a block of weights (replicates × rows) and gives one number a replicate;
    replicates it cannot be computed in (NaN) are left out, and more than 5 % of them is refused.
    """
    value = float(statistic(np.ones((1, rows)))[0])
    draws = np.concatenate([statistic(w) for w in bootstrap_weights(rows, plan or Resampling())])
    return percentile(value, draws, confidence)


def percentile(value: float, draws: Floats, confidence: float = 0.95) -> Estimate:
    """Return the percentile interval of bootstrap draws."""
    known = draws[np.isfinite(draws)]
    if len(known) < 0.95 * len(draws):
        raise DataRefused(
            "More than one bootstrap sample in twenty gives no answer.",
            next="There are too few events: resample within outcome strata, or gather more.",
        )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known, (tail, 1.0 - tail))
    return Estimate(value, float(low), float(high), confidence)


def _units_by_stratum(unit_of_row: Indices, stratum_of_row: Indices) -> list[Indices]:
    pairs = np.unique(np.column_stack([stratum_of_row, unit_of_row]), axis=0)
    if len(pairs) != int(unit_of_row.max()) + 1:
        raise WrongUse("A cluster must lie inside one stratum.")
    cuts = np.flatnonzero(np.diff(pairs[:, 0])) + 1
    return np.split(pairs[:, 1], cuts)


def _draw(rng: np.random.Generator, strata: list[Indices], units: int) -> Floats:
    chosen = [members[rng.integers(len(members), size=len(members))] for members in strata]
    return np.bincount(np.concatenate(chosen), minlength=units).astype(np.float64)
