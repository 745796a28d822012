"""Penalised logistic regression: ridge, lasso and what lies between, along a path of penalties.

Minimises (1/W) Σ w·loss + λ[(1 − α)/2 ‖β‖² + α‖β‖₁] with covariates standardised (Friedman,
Hastie & Tibshirani, J Stat Softw 2010;33(1)), by proximal Newton steps whose quadratic
is kept while it serves: neighbouring penalties share their curvature (Lee, Sun & Saunders, SIAM J
Optim 2014;24:1420).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.columns import (
    Flags,
    Floats,
    both_outcomes,
    flags,
    groups_of,
    matrix,
    names_of,
    weights_of,
)
from biolake.statistics.logistic import expit, gram, log_likelihood, standardised

_SETTLED = 1e-8  # largest violation of the optimality conditions, of a gradient of order one
_MOST_STEPS = 200
_MOST_SWEEPS = 2000
_KEEP_CURVATURE = 3  # steps before the quadratic is renewed


@dataclass(frozen=True)
class PenalisedPath:
    """Coefficients in the covariates' own units for each penalty, from strong to weak."""

    names: tuple[str, ...]
    mixing: float
    penalties: Floats
    intercepts: Floats
    coefficients: Floats  # penalties × covariates

    def predict(self, covariates: ArrayLike) -> Floats:
        """Return each row's risk under each penalty (rows × penalties)."""
        table = matrix("covariates", covariates)
        if table.shape[1] != len(self.names):
            raise WrongUse(f"{table.shape[1]} covariates where {len(self.names)} were fitted.")
        return expit(table @ self.coefficients.T + self.intercepts)


@dataclass(frozen=True)
class CrossValidated:
    """A path with its cross-validated deviance, and the penalties it recommends."""

    path: PenalisedPath
    deviance: Floats  # mean per subject, at each penalty
    deviance_error: Floats
    best: int  # place of the lowest deviance
    sparsest: int  # strongest penalty within one standard error of it


def fit_path(
    covariates: ArrayLike,
    outcome: ArrayLike,
    *,
    mixing: float = 1.0,
    penalties: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    standardise: bool = True,
) -> PenalisedPath:
    """Fit the whole path with warm starts; `mixing` 1 is the lasso, 0 is ridge.

    Without `penalties`, 50 from the least that leaves no covariate in, down to 1/1000 of it.
    """
    if not 0.0 <= mixing <= 1.0:
        raise WrongUse("mixing must lie between 0 (ridge) and 1 (lasso).")
    seen = flags("outcome", outcome)
    both_outcomes(seen)
    table = matrix("covariates", covariates, len(seen))
    weight = weights_of(weights, len(seen))
    columns, center, scale = standardised(table, weight)
    if not standardise:
        columns *= scale[:, None]
        scale = np.ones(len(scale))
    state = _start(columns, seen.astype(np.float64), weight / weight.sum(), mixing)
    asked = _penalties(state, mixing) if penalties is None else _falling(penalties)
    betas = np.stack([_solve(state, float(penalty)) for penalty in asked])
    usable = np.where(scale > 0.0, scale, 1.0)
    coefficients = betas[:, 1:] / usable
    intercepts = betas[:, 0] - coefficients @ center
    return PenalisedPath(names_of(names, table.shape[1]), mixing, asked, intercepts, coefficients)


def cross_validate(
    covariates: ArrayLike,
    outcome: ArrayLike,
    *,
    mixing: float = 1.0,
    folds: int = 5,
    seed: int = 0,
    clusters: ArrayLike | None = None,
    penalties: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
) -> CrossValidated:
    """Choose the penalty by cross-validated deviance; `clusters` are never split.

    Without clusters the folds keep the outcome's share. Every fold uses the penalties of the
    path through all subjects.
    """
    seen = flags("outcome", outcome)
    table = matrix("covariates", covariates, len(seen))
    path = fit_path(table, seen, mixing=mixing, penalties=penalties, names=names)
    fold = _folds(seen, clusters, folds, seed)
    risk = np.empty((len(seen), len(path.penalties)))
    for number in range(folds):
        out = fold == number
        inner = fit_path(table[~out], seen[~out], mixing=mixing, penalties=path.penalties.tolist())
        risk[out] = inner.predict(table[out])
    kept = np.clip(np.where(seen[:, None], risk, 1.0 - risk), 1e-300, 1.0)
    loss = -2.0 * np.log(kept)
    by_fold = np.stack([loss[fold == number].mean(axis=0) for number in range(folds)])
    deviance = loss.mean(axis=0)
    error = by_fold.std(axis=0, ddof=1) / np.sqrt(folds)
    best = int(np.argmin(deviance))
    near = np.flatnonzero(deviance <= deviance[best] + error[best])
    return CrossValidated(path, deviance, error, best, int(near[0]))


class _State:
    """Where the solver stands: coefficients (intercept first), fit, and the quadratic kept."""

    def __init__(self, columns: Floats, outcome: Floats, weight: Floats, mixing: float) -> None:
        self.columns, self.outcome, self.weight, self.mixing = columns, outcome, weight, mixing
        self.beta = np.zeros(len(columns) + 1)
        share = float(weight @ outcome)
        self.beta[0] = np.log(share / (1.0 - share))
        self.linear = np.full(len(outcome), self.beta[0])
        self.loss = -log_likelihood(self.linear, outcome, weight)
        self.curvature: Floats | None = None

    def gradient(self) -> Floats:
        residual = self.weight * (expit(self.linear) - self.outcome)
        return np.concatenate([[residual.sum()], self.columns @ residual])

    def renew(self) -> Floats:
        risk = expit(self.linear)
        spread = self.weight * risk * (1.0 - risk)
        side = self.columns @ spread
        curvature = np.empty((len(self.beta), len(self.beta)))
        curvature[0, 0] = spread.sum()
        curvature[0, 1:] = curvature[1:, 0] = side
        curvature[1:, 1:] = gram(self.columns, spread)
        # A hair of ridge gives constant covariates, and fully separated fits, a curvature.
        curvature.flat[:: len(self.beta) + 1] += 1e-10
        self.curvature = curvature
        return curvature


def _start(columns: Floats, outcome: Floats, weight: Floats, mixing: float) -> _State:
    return _State(columns, outcome, weight, mixing)


def _penalties(state: _State, mixing: float, count: int = 50, ratio: float = 1e-3) -> Floats:
    steepest = float(np.abs(state.gradient()[1:]).max())
    if steepest <= 0.0:
        raise DataRefused("No covariate varies.")
    # Ridge never leaves a covariate out; start where glmnet does, at α = 0.001.
    return np.geomspace(1.0, ratio, count) * steepest / max(mixing, 1e-3)


def _falling(penalties: Sequence[float]) -> Floats:
    asked = np.asarray(penalties, dtype=np.float64)
    if asked.ndim != 1 or not len(asked) or (asked < 0.0).any() or (np.diff(asked) > 0.0).any():
        raise WrongUse("Penalties must be given from strong to weak, and not be negative.")
    return asked


def _solve(state: _State, penalty: float) -> Floats:
    """Bring the coefficients to the optimum of one penalty, from wherever they stand."""
    lasso, ridge = penalty * state.mixing, penalty * (1.0 - state.mixing)
    for step in range(_MOST_STEPS):
        gradient = state.gradient()
        if _violation(state.beta, gradient, lasso, ridge) < _SETTLED:
            return state.beta.copy()
        curvature = state.curvature
        if curvature is None or step >= _KEEP_CURVATURE:
            curvature = state.renew()
        target = _quadratic(state.beta, gradient, curvature, lasso, ridge)
        if not _move(state, target - state.beta, gradient, lasso, ridge):
            if step >= _KEEP_CURVATURE:
                return state.beta.copy()
            state.curvature = None
    raise DataRefused("The penalised model did not settle.", next="Ask for stronger penalties.")


def _violation(beta: Floats, gradient: Floats, lasso: float, ridge: float) -> float:
    """Return the largest distance of the gradient from the subdifferential's."""
    slope = gradient[1:] + ridge * beta[1:]
    active = beta[1:] != 0.0
    inside = np.maximum(np.abs(slope) - lasso, 0.0)
    wrong = np.where(active, np.abs(slope + lasso * np.sign(beta[1:])), inside)
    return float(max(abs(gradient[0]), wrong.max()))


def _quadratic(
    beta: Floats, gradient: Floats, curvature: Floats, lasso: float, ridge: float
) -> Floats:
    """Minimise the penalised quadratic around `beta`: in one solve for ridge, else by descent."""
    if lasso == 0.0:
        penalised = curvature.copy()
        penalised.flat[len(beta) + 1 :: len(beta) + 1] += ridge
        pull = gradient + ridge * np.concatenate([[0.0], beta[1:]])
        return np.asarray(beta - np.linalg.solve(penalised, pull))
    found, slope = beta.copy(), gradient.copy()
    everyone = np.arange(1, len(beta))
    active = everyone[found[1:] != 0.0]
    for _ in range(_MOST_SWEEPS):
        _settle(found, slope, curvature, active, lasso, ridge)
        moved = np.abs(_steps(found, slope, curvature, lasso, ridge))
        wanted = everyone[moved > 0.1 * _SETTLED]
        grown = np.union1d(active, wanted)
        if len(grown) == len(active):
            return found
        active = grown
    return found


def _steps(found: Floats, slope: Floats, curvature: Floats, lasso: float, ridge: float) -> Floats:
    """Return how far each penalised coordinate alone would move."""
    diagonal = np.diag(curvature)[1:]
    pull = diagonal * found[1:] - slope[1:]
    best = np.sign(pull) * np.maximum(np.abs(pull) - lasso, 0.0) / (diagonal + ridge)
    return np.asarray(best - found[1:])


def _settle(
    found: Floats, slope: Floats, curvature: Floats, active: np.ndarray, lasso: float, ridge: float
) -> None:
    """Descend over the active coordinates and the intercept until they stand still, in place."""
    diagonal = np.diag(curvature).tolist()
    places = active.tolist()
    for _ in range(_MOST_SWEEPS):
        largest = abs(step := -float(slope[0]) / diagonal[0])
        found[0] += step
        slope += step * curvature[0]
        for place in places:
            now, own = float(found[place]), diagonal[place]
            pull = own * now - float(slope[place])
            best = max(abs(pull) - lasso, 0.0) / (own + ridge)
            step = (best if pull > 0.0 else -best) - now
            if step != 0.0:
                found[place] = now + step
                slope += step * curvature[place]
                largest = max(largest, abs(step) * own)
        if largest < 0.1 * _SETTLED:
            return


def _move(state: _State, direction: Floats, gradient: Floats, lasso: float, ridge: float) -> bool:
    """Step along the direction until the penalised loss falls enough (Armijo); False if never."""
    moved = direction[0] + direction[1:] @ state.columns

    def penalty(beta: Floats) -> float:
        return float(lasso * np.abs(beta[1:]).sum() + 0.5 * ridge * (beta[1:] @ beta[1:]))

    before = state.loss + penalty(state.beta)
    promised = float(gradient @ direction) + penalty(state.beta + direction) - penalty(state.beta)
    size = 1.0
    while size > 1e-6:
        trial = state.beta + size * direction
        linear = state.linear + size * moved
        loss = -log_likelihood(linear, state.outcome, state.weight)
        if loss + penalty(trial) <= before + 1e-4 * size * promised + 1e-14:
            state.beta, state.linear, state.loss = trial, linear, loss
            return True
        size *= 0.5
    return False


def _folds(seen: Flags, clusters: ArrayLike | None, folds: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    fold = np.empty(len(seen), dtype=np.intp)
    if clusters is None:
        for value in (False, True):
            members = np.flatnonzero(seen == value)
            if len(members) < folds:
                raise DataRefused(f"{folds} folds need {folds} subjects of each outcome.")
            fold[members] = rng.permutation(np.arange(len(members)) % folds)
        return fold
    cluster = groups_of("clusters", clusters, len(seen))
    count = int(cluster.max()) + 1
    if count < folds:
        raise DataRefused(f"{folds} folds need at least {folds} clusters.")
    return np.asarray(rng.permutation(np.arange(count) % folds)[cluster])
