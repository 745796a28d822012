from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused
from biolake.learning.platt import fit_platt
from biolake.statistics.logistic import expit, fit_logistic

rng = np.random.default_rng(3)


def test_with_many_rows_it_is_logistic_regression() -> None:
    score = rng.normal(5.0, 3.0, 20_000)
    outcome = rng.random(20_000) < expit(-2.0 + 0.4 * score)
    found, fit = fit_platt(score, outcome), fit_logistic(score[:, None], outcome)
    assert found.slope == pytest.approx(float(fit.coefficients[0]), rel=0.01)
    assert found.intercept == pytest.approx(fit.intercept, abs=0.02)


def test_scores_that_separate_give_a_finite_curve() -> None:
    found = fit_platt(np.array([-1.0, -2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert 0 < found.slope < 100


def test_scores_that_do_not_vary_give_the_share() -> None:
    found = fit_platt(np.ones(10), np.arange(10) < 3)
    assert expit(found.log_odds(np.ones(1)))[0] == pytest.approx(0.34, abs=0.03)


def test_one_outcome_alone_is_refused() -> None:
    with pytest.raises(DataRefused, match="both outcomes"):
        fit_platt(np.arange(5.0), np.ones(5, dtype=bool))
