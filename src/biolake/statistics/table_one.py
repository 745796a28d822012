"""Table 1: who the subjects are, by group, and how far the groups lie apart.

Differences are standardised, not tested: a p-value mixes imbalance with sample size (Austin, Stat
Med 2009;28:3083).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import Flags, Floats, Indices, labelled, weights_of

Kind = Literal["continuous", "categorical"]


@dataclass(frozen=True)
class Spread:
    """A continuous variable in one group; NaN where no value is known."""

    mean: float
    deviation: float
    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float


@dataclass(frozen=True)
class Share:
    """One level of a categorical variable in one group; the share is of known values."""

    level: object
    count: int
    share: float


@dataclass(frozen=True)
class GroupSummary:
    """A variable in one group."""

    group: object
    subjects: int
    missing: int
    spread: Spread | None
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class VariableSummary:
    """A row of Table 1. `difference` is the largest standardised one between any two groups."""

    name: str
    kind: Kind
    overall: GroupSummary
    groups: tuple[GroupSummary, ...]
    difference: float | None


def table_one(
    variables: Mapping[str, ArrayLike],
    group: ArrayLike | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    weights: ArrayLike | None = None,
) -> list[VariableSummary]:
    """Summarise each variable overall and by group, with standardised differences.

    Missing is NaN or None. Numbers are continuous unless `kinds` says otherwise or they are all
    0 and 1; everything else is categorical. `weights` (of inverse probability, say) enter the
    differences only: counts stay counts of subjects.
    """
    if not variables:
        raise WrongUse("There are no variables to summarise.")
    unknown = set(kinds or {}) - set(variables)
    if unknown:
        raise WrongUse(f"No such variable: {', '.join(sorted(unknown))}.")
    first: ArrayLike = next(iter(variables.values()))
    rows = len(np.asarray(first))
    weight = weights_of(weights, rows)
    labels, codes = labelled("group", group, rows)
    return [
        _summary(name, values, (kinds or {}).get(name), labels, codes, weight)
        for name, values in variables.items()
    ]


def standardised_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_weights: ArrayLike | None = None,
    second_weights: ArrayLike | None = None,
) -> float:
    """Return (mean − mean) / √((variance + variance)/2), signed; for 0/1 columns as well.

    Austin 2009: sample variances for numbers, p(1 − p) for 0/1.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    wa, wb = weights_of(first_weights, len(a)), weights_of(second_weights, len(b))
    binary = bool(np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all())
    (mean_a, var_a), (mean_b, var_b) = _moments(a, wa, binary), _moments(b, wb, binary)
    return _ratio(mean_a - mean_b, (var_a + var_b) / 2.0)


def categorical_difference(first: ArrayLike, second: ArrayLike) -> float:
    """Return the multi-category difference from two groups' shares of the same levels, ≥ 0.

    A Mahalanobis distance over all levels but the first (Yang & Dalton, SAS Global Forum 2012,
    paper 335).
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    used = (a + b) > 0.0
    a, b = a[used][1:], b[used][1:]
    if not len(a):
        return 0.0
    covariance = -0.5 * (np.outer(a, a) + np.outer(b, b))
    np.fill_diagonal(covariance, 0.5 * (a * (1.0 - a) + b * (1.0 - b)))
    gap = a - b
    solved, *_ = np.linalg.lstsq(covariance, gap, rcond=1e-10)
    if not np.allclose(covariance @ solved, gap, atol=1e-8):
        return float("inf")  # the groups share no level
    return float(np.sqrt(max(float(gap @ solved), 0.0)))


def _summary(
    name: str,
    values: ArrayLike,
    kind: Kind | None,
    labels: Sequence[object],
    codes: Indices,
    weight: Floats,
) -> VariableSummary:
    column, known = _column(name, values, len(codes))
    decided = kind or _kind(column, known)
    if decided == "continuous" and column.dtype == object:
        raise DataRefused(f"{name} is not numeric.", next="Declare it categorical.")
    levels = _levels(column, known) if decided == "categorical" else []
    whole = _group("all", column, known, np.ones(len(codes), dtype=np.bool_), levels)
    if len(labels) < 2:
        return VariableSummary(name, decided, whole, (), None)
    members = [codes == number for number in range(len(labels))]
    groups = tuple(
        _group(label, column, known, mine, levels)
        for label, mine in zip(labels, members, strict=True)
    )
    pairs = [
        _difference(column, known & a, known & b, weight, levels)
        for a, b in combinations(members, 2)
    ]
    return VariableSummary(name, decided, whole, groups, _largest(pairs))


def _column(name: str, values: ArrayLike, rows: int) -> tuple[np.ndarray, Flags]:
    """Return the values as float64 or objects, and which are known."""
    column = np.asarray(values)
    if column.shape != (rows,):
        raise WrongUse(f"{name} has {len(column)} rows where {rows} were expected.")
    if column.dtype == object:
        known = np.array([_is_known(value) for value in column], dtype=np.bool_)
        try:
            return np.where(known, column, np.nan).astype(np.float64), known
        except (TypeError, ValueError):
            return column, known
    if column.dtype.kind in "biuf":
        numbers = column.astype(np.float64)
        return numbers, ~np.isnan(numbers)
    return column.astype(object), np.ones(rows, dtype=np.bool_)


def _is_known(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and np.isnan(value))


def _kind(column: np.ndarray, known: Flags) -> Kind:
    if column.dtype == object or bool(np.isin(column[known], (0.0, 1.0)).all()):
        return "categorical"
    return "continuous"


def _levels(column: np.ndarray, known: Flags) -> list[object]:
    found = set(column[known].tolist())
    text = [level for level in found if isinstance(level, str)]
    return [*sorted(found - set(text)), *sorted(text)]


def _group(
    label: object, column: np.ndarray, known: Flags, mine: Flags, levels: list[object]
) -> GroupSummary:
    subjects, values = int(mine.sum()), column[mine & known]
    missing = subjects - len(values)
    if not levels and column.dtype != object:
        return GroupSummary(label, subjects, missing, _spread(values), ())
    counts = [int((values == level).sum()) for level in levels]
    shares = tuple(
        Share(level, count, count / len(values) if len(values) else float("nan"))
        for level, count in zip(levels, counts, strict=True)
    )
    return GroupSummary(label, subjects, missing, None, shares)


def _spread(values: Floats) -> Spread:
    if not len(values):
        return Spread(*([float("nan")] * 7))
    quartiles = np.quantile(values, (0.25, 0.5, 0.75))
    deviation = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Spread(
        float(values.mean()),
        deviation,
        float(quartiles[1]),
        float(quartiles[0]),
        float(quartiles[2]),
        float(values.min()),
        float(values.max()),
    )


def _difference(
    column: np.ndarray, first: Flags, second: Flags, weight: Floats, levels: list[object]
) -> float | None:
    if not weight[first].sum() or not weight[second].sum():
        return None
    if levels:
        a = np.array(
            [np.average(column[first] == level, weights=weight[first]) for level in levels]
        )
        b = np.array(
            [np.average(column[second] == level, weights=weight[second]) for level in levels]
        )
        return categorical_difference(a, b)
    return abs(
        standardised_difference(
            column[first],
            column[second],
            first_weights=weight[first],
            second_weights=weight[second],
        )
    )


def _moments(values: Floats, weights: Floats, binary: bool) -> tuple[float, float]:
    """Return the weighted mean and variance (Austin & Stuart, Stat Med 2015;34:3661)."""
    total = weights.sum()
    mean = float(weights @ values / total)
    if binary:
        return mean, mean * (1.0 - mean)
    freedom = total - (weights**2).sum() / total
    if freedom <= 0.0:
        return mean, 0.0
    return mean, float(weights @ (values - mean) ** 2 / freedom)


def _ratio(gap: float, variance: float) -> float:
    if variance > 0.0:
        return gap / float(np.sqrt(variance))
    return 0.0 if gap == 0.0 else float(np.copysign(np.inf, gap))


def _largest(differences: Sequence[float | None]) -> float | None:
    known = [value for value in differences if value is not None]
    return max(known) if known else None
