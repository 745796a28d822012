"""Intervals against statsmodels, and the bootstrap's promises."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.intervals import Resampling, bootstrap, bootstrap_weights, wilson


def test_wilson_equals_statsmodels() -> None:
    # statsmodels 0.15.0: proportion_confint(successes, trials, method="wilson")
    for successes, trials, low, high in (
        (81, 263, 0.2552885199, 0.366209577), (15, 148, 0.0623863995, 0.1604872417),
        (0, 20, 0.0, 0.1611251581), (1, 29, 0.0061132143, 0.1717552188),
        (29, 29, 0.8830302015, 1.0),
    ):  # fmt: skip
        found = wilson(successes, trials)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_a_bootstrap_is_seeded_and_near_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ values / weights.sum(axis=1)

    found = bootstrap(mean, 400, Resampling(4000, seed=1))
    error = values.std() / 20.0
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.02)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.02)
    assert found == bootstrap(mean, 400, Resampling(4000, seed=1))
    assert found != bootstrap(mean, 400, Resampling(4000, seed=2))


def test_clusters_are_drawn_whole_and_strata_keep_their_size() -> None:
    clusters, strata = np.repeat(np.arange(30), 4), np.repeat([0, 1, 2], 40)
    (weights,) = bootstrap_weights(120, Resampling(50, 3, clusters, strata))
    by_cluster = weights.reshape(50, 30, 4)
    assert (by_cluster == by_cluster[:, :, :1]).all()
    assert (weights.reshape(50, 3, 40).sum(axis=2) == 40).all()
    with pytest.raises(WrongUse, match="inside one stratum"):
        next(bootstrap_weights(4, Resampling(1, 0, [0, 0, 1, 1], [0, 1, 0, 0])))


def test_a_statistic_that_often_fails_is_refused() -> None:
    with pytest.raises(DataRefused, match="in twenty"):
        bootstrap(lambda w: np.where(w[:, 0] > 0, 1.0, np.nan), 20, Resampling(200))
