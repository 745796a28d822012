"""Penalised logistic regression against scikit-learn and its own optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.elastic_net import cross_validate, fit_path
from biolake.statistics.logistic import expit, fit_logistic

# scikit-learn 1.9.1: LogisticRegression(solver="saga", l1_ratio=mixing, C=1/(rows*penalty),
# tol=1e-12, max_iter=50_000).fit(*sample()): coef_[0], intercept_[0]
SKLEARN = {
    (0.0, 0.05): (
        [0.4913661565, 0.1855786087, -0.3423399286, 0.0720731492, 0.024002956, -0.1492559156],
        -1.0003291488,
    ),
    (0.0, 0.005): (
        [0.7044283021, 0.1186311755, -0.4346535766, 0.0824382339, 0.0148999511, -0.180921414],
        -1.0303271380,
    ),
    (0.5, 0.05): (
        [0.4724477589, 0.1214311981, -0.2696483205, 0.0, 0.0, -0.0494036578],
        -0.9644646393,
    ),
    (0.5, 0.005): (
        [0.7111907057, 0.1048690512, -0.4274980035, 0.0679081024, 0.0, -0.1686489136],
        -1.0251643813,
    ),
    (1.0, 0.05): ([0.4508180183, 0.0620697707, -0.1796029626, 0.0, 0.0, 0.0], -0.9326070032),
    (1.0, 0.005): (
        [0.7168067649, 0.0917214522, -0.419730982, 0.0534686539, 0.0, -0.1565235175],
        -1.0202982216,
    ),
}


def sample(rows: int = 400, covariates: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, covariates))
    x[:, 1] += x[:, 0]
    return x, rng.random(rows) < expit(x[:, 0] - 0.5 * x[:, 2] - 1.0)


@pytest.mark.parametrize(("mixing", "penalty"), list(SKLEARN))
def test_coefficients_equal_scikit_learn(mixing: float, penalty: float) -> None:
    x, y = sample()
    path = fit_path(x, y, mixing=mixing, penalties=[penalty], standardise=False)
    coefficients, intercept = SKLEARN[mixing, penalty]
    assert np.abs(path.coefficients[0] - coefficients).max() < 1e-5
    assert path.intercepts[0] == pytest.approx(intercept, abs=1e-5)


@pytest.mark.parametrize("mixing", [0.0, 0.4, 1.0])
def test_every_point_of_a_path_meets_the_optimality_conditions(mixing: float) -> None:
    x, y = sample(300, 30)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    path = fit_path(x, y, mixing=mixing)
    for penalty, beta, risk in zip(
        path.penalties, path.coefficients, path.predict(x).T, strict=True
    ):
        slope = x.T @ (risk - y) / 300.0 + penalty * (1.0 - mixing) * beta
        active = beta != 0.0
        bound = penalty * mixing
        assert np.abs(slope[active] + bound * np.sign(beta[active])).max(initial=0.0) < 1e-7
        assert np.abs(slope[~active]).max(initial=0.0) <= bound + 1e-7
    if mixing:
        assert not path.coefficients[0].any()


def test_a_vanishing_penalty_gives_maximum_likelihood_in_the_covariates_units() -> None:
    x, y = sample()
    x = x * [1.0, 10.0, 0.1, 1.0, 100.0, 1.0] + 5.0
    path = fit_path(x, y, penalties=[0.01, 1e-10])
    wanted = fit_logistic(x, y)
    assert np.allclose(path.coefficients[-1], wanted.coefficients, rtol=1e-3, atol=1e-6)
    assert path.intercepts[-1] == pytest.approx(wanted.intercept, abs=1e-3)


def test_weights_equal_copied_rows_and_a_constant_covariate_gets_no_weight() -> None:
    x, y = sample()
    x = np.column_stack([x, np.ones(400)])
    weight = np.arange(400) % 3
    copies = np.repeat(np.arange(400), weight)
    weighted = fit_path(x, y, weights=weight, penalties=[0.02, 0.005])
    copied = fit_path(x[copies], y[copies], penalties=[0.02, 0.005])
    assert np.allclose(weighted.coefficients, copied.coefficients, atol=1e-6)
    assert not weighted.coefficients[:, -1].any()


def test_cross_validation_finds_the_covariates_that_matter() -> None:
    x, y = sample(2000, 25)
    found = cross_validate(x, y, seed=1)
    assert found.deviance[found.best] < found.deviance[0]
    assert found.sparsest <= found.best
    chosen = np.flatnonzero(found.path.coefficients[found.sparsest])
    assert {0, 2} <= set(chosen.tolist())
    assert len(chosen) < 12
    again = cross_validate(x, y, seed=1)
    assert again.deviance.tobytes() == found.deviance.tobytes()


def test_clusters_are_not_split_and_too_few_are_refused() -> None:
    x, y = sample()
    with pytest.raises(DataRefused, match="5 clusters"):
        cross_validate(x, y, clusters=np.arange(400) % 4)
    found = cross_validate(x, y, clusters=np.arange(400) // 10, penalties=[0.1, 0.01])
    assert len(found.deviance) == 2
    with pytest.raises(WrongUse, match="strong to weak"):
        fit_path(x, y, penalties=[0.01, 0.1])
    with pytest.raises(WrongUse, match="mixing"):
        fit_path(x, y, mixing=1.5)
