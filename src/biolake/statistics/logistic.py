"""Logistic regression by maximum likelihood, with its standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import (
    Floats,
    both_outcomes,
    flags,
    floats,
    matrix,
    names_of,
    weights_of,
)
from biolake.statistics.distributions import critical

_CONVERGED = 1e-13  # squared length of a Newton step, in standard errors
_MOST_STEPS = 30
_MOST_HALVINGS = 30
_SINGULAR = 1e-11
_BLOCK_ROWS = 8192


@dataclass(frozen=True)
class LogisticFit:
    """A fitted logistic regression; the intercept comes first in `estimates` and `covariance`."""

    names: tuple[str, ...]
    estimates: Floats
    covariance: Floats
    log_likelihood: float
    subjects: int
    events: int
    iterations: int

    @property
    def intercept(self) -> float:
        """The log odds where every covariate is zero."""
        return float(self.estimates[0])

    @property
    def coefficients(self) -> Floats:
        """Log odds ratios, one a covariate."""
        return self.estimates[1:]

    @property
    def standard_errors(self) -> Floats:
        """Standard errors, the intercept's first."""
        return np.sqrt(np.diag(self.covariance))

    def odds_ratios(self, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """Return odds ratios with their lower and upper limits (Wald)."""
        margin = critical(confidence) * self.standard_errors[1:]
        b = self.coefficients
        return np.exp(b), np.exp(b - margin), np.exp(b + margin)

    def predict(self, covariates: ArrayLike) -> Floats:
        """Return each row's risk."""
        table = matrix("covariates", covariates)
        if table.shape[1] != len(self.names):
            raise WrongUse(f"{table.shape[1]} covariates where {len(self.names)} were fitted.")
        return expit(self.intercept + table @ self.coefficients)


def fit_logistic(
    covariates: ArrayLike,
    outcome: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> LogisticFit:
    """Fit by Newton's method (iteratively reweighted least squares; McCullagh & Nelder 1989).

    Raises DataRefused when covariates are collinear, or separate the outcome completely.
    """
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    table = matrix("covariates", covariates, len(seen))
    weight = weights_of(weights, len(seen))
    shift = np.zeros(len(seen)) if offset is None else floats("offset", offset, len(seen))
    labels = names_of(names, table.shape[1])
    design, to_original = _design(table, weight, labels)
    estimates, information, likelihood, steps = _maximise(
        design, seen.astype(np.float64), weight, shift
    )
    return LogisticFit(
        names=labels,
        estimates=to_original @ estimates,
        covariance=to_original @ np.linalg.inv(information) @ to_original.T,
        log_likelihood=likelihood,
        subjects=len(seen),
        events=int(seen.sum()),
        iterations=steps,
    )


def expit(logits: ArrayLike) -> Floats:
    """Return 1 / (1 + exp(−x)) without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(logits, dtype=np.float64)))


def logit(risk: ArrayLike) -> Floats:
    """Return log(p / (1 − p))."""
    p = np.asarray(risk, dtype=np.float64)
    return np.asarray(np.log(p) - np.log1p(-p))


def log_likelihood(linear: Floats, outcome: Floats, weight: Floats) -> float:
    """Return Σ w·(y·η − log(1 + exp η))."""
    return float(weight @ (outcome * linear - np.logaddexp(0.0, linear)))


def gram(columns: Floats, weight: Floats) -> Floats:
    """Return columns·diag(weight)·columns', in blocks that stay in cache."""
    total = np.zeros((len(columns), len(columns)))
    root = np.sqrt(weight)
    for begin in range(0, columns.shape[1], _BLOCK_ROWS):
        part = slice(begin, begin + _BLOCK_ROWS)
        scaled = columns[:, part] * root[part]
        total += scaled @ scaled.T
    return total


def standardised(table: NDArray[np.floating], weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return covariates × rows with weighted mean 0 and variance 1, the means and the scales.

    A covariate that does not vary gets scale 0 and a column of zeros.
    """
    total = weight.sum()
    center = np.asarray(weight @ table / total, dtype=np.float64)
    columns = np.empty((table.shape[1], len(table)))
    for begin in range(0, len(table), _BLOCK_ROWS):
        part = slice(begin, begin + _BLOCK_ROWS)
        columns[:, part] = (table[part] - center).T
    scale = np.sqrt(np.array([weight @ (column * column) for column in columns]) / total)
    scale[scale <= 1e-12 * np.abs(center)] = 0.0
    columns *= np.where(scale > 0.0, 1.0 / np.where(scale > 0.0, scale, 1.0), 0.0)[:, None]
    return columns, center, scale


def _design(
    table: NDArray[np.floating], weight: Floats, names: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Return intercept and standardised covariates (× rows), and the way back to their units."""
    columns, center, scale = standardised(table, weight)
    for name, spread in zip(names, scale, strict=True):
        if spread == 0.0:
            raise DataRefused(f"{name} is the same for every subject.", next="Leave it out.")
    back = np.diag(np.concatenate([[1.0], 1.0 / scale]))
    back[0, 1:] = -center / scale
    return np.vstack([np.ones(len(table)), columns]), back


def _maximise(
    design: Floats, outcome: Floats, weight: Floats, offset: Floats
) -> tuple[Floats, Floats, float, int]:
    beta = np.zeros(len(design))
    linear = offset
    likelihood = log_likelihood(linear, outcome, weight)
    for step in range(1, _MOST_STEPS + 1):
        risk = expit(linear)
        score = design @ (weight * (outcome - risk))
        information = gram(design, weight * risk * (1.0 - risk))
        _refuse_singular(information, float(weight.sum()))
        direction = np.linalg.solve(information, score)
        if float(score @ direction) < _CONVERGED:
            return beta, information, likelihood, step
        moved = direction @ design
        for halving in range(_MOST_HALVINGS):
            size = 0.5**halving
            found = log_likelihood(linear + size * moved, outcome, weight)
            if found >= likelihood - 1e-12 * abs(likelihood):
                break
        beta, linear, likelihood = beta + size * direction, linear + size * moved, found
    raise _separated()


def _refuse_singular(information: Floats, total: float) -> None:
    if not np.isfinite(information).all():
        raise _separated()
    values = np.linalg.eigvalsh(information)
    if values[-1] < 1e-8 * total:
        raise _separated()
    if values[0] <= _SINGULAR * values[-1]:
        raise DataRefused(
            "The covariates are collinear, or separate the outcome completely.",
            next="Leave one out, join rare categories, or penalise.",
        )


def _separated() -> DataRefused:
    return DataRefused(
        "The covariates separate the outcome completely: no finite estimate exists.",
        next="Join rare categories, or penalise.",
    )
