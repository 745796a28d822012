"""Logistic regression against statsmodels, and internal-external validation on GUSTO-I."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics import real_data

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.calibration import calibration
from biolake.statistics.discrimination import auroc
from biolake.statistics.logistic import expit, fit_logistic


def sample(rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 3)) * [1.0, 100.0, 0.01] + [0.0, 5000.0, 1.0]
    return x, rng.random(rows) < expit(x[:, 0] + 0.01 * (x[:, 1] - 5000.0) - 0.5)


def test_estimates_and_errors_equal_statsmodels() -> None:
    # statsmodels 0.15.0: Logit(y, add_constant(x)).fit(tol=1e-12); params, bse, llf of sample()
    x, y = sample()
    fit = fit_logistic(x, y)
    estimates, errors, likelihood = (
        [-60.40662429, 1.100221598, 0.01112795496, 4.407830153],
        [12.47284367, 0.1343315603, 0.001358678167, 10.34281943],
        -258.138140285473,
    )
    assert np.allclose(fit.estimates, estimates, rtol=1e-6)
    assert np.allclose(fit.standard_errors, errors, rtol=1e-6)
    assert fit.log_likelihood == pytest.approx(likelihood, abs=1e-8)


def test_weights_equal_copied_rows_and_an_offset_moves_the_intercept() -> None:
    x, y = sample(200)
    weight = np.arange(200) % 3
    copies = np.repeat(np.arange(200), weight)
    weighted, copied = fit_logistic(x, y, weights=weight), fit_logistic(x[copies], y[copies])
    assert np.allclose(weighted.estimates, copied.estimates)
    assert np.allclose(weighted.covariance, copied.covariance)
    moved = fit_logistic(x, y, offset=np.full(200, 0.7))
    assert moved.intercept == pytest.approx(fit_logistic(x, y).intercept - 0.7)


def test_what_cannot_be_estimated_is_refused() -> None:
    x, y = sample(100)
    with pytest.raises(DataRefused, match="separate"):
        fit_logistic(np.column_stack([x, y]), y)
    with pytest.raises(DataRefused, match="collinear"):
        fit_logistic(np.column_stack([x, x[:, 0]]), y)
    with pytest.raises(DataRefused, match="x2 is the same"):
        fit_logistic(np.column_stack([x[:, 0], np.ones(100)]), y)
    with pytest.raises(DataRefused, match="column 1 has 1 missing"):
        fit_logistic([[np.nan], [1.0]], [0, 1])
    with pytest.raises(WrongUse, match="2 covariates"):
        fit_logistic(x, y).predict([[1.0, 2.0]])


def gusto() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the eight predictors of the data's note, 30-day death, and region."""
    data = real_data.columns("predict_gusto1/gusto.csv.gz")

    def dummies(name: str) -> list[np.ndarray]:
        return [
            np.array([v == level for v in data[name]], float)
            for level in sorted(set(data[name]))[1:]
        ]

    x = [real_data.numbers(data[name]) for name in ("age", "sysbp", "pulse", "htn")]
    for name in ("Killip", "miloc", "pmi", "sex"):
        x += dummies(name)
    death, region = real_data.numbers(data["day30"]), np.array(data["regl"])
    return np.column_stack(x), death == 1.0, region


def test_gusto_regions_validate_each_other() -> None:
    x, death, region = gusto()
    risk = np.empty(len(death))
    for name in sorted(set(region), key=int):
        out = region == name
        risk[out] = fit_logistic(x[~out], death[~out]).predict(x[out])
        found = calibration(death[out], risk[out])
        oe, slope = found.observed_expected, found.slope
        print(  # noqa: T201 the figures are the point; shown by pytest -s
            f"region {name:>2}: n {out.sum():5d}, AUC {auroc(death[out], risk[out]):.3f}, "
            f"slope {slope.value:.2f} ({slope.low:.2f}-{slope.high:.2f}), "
            f"O/E {oe.value:.2f} ({oe.low:.2f}-{oe.high:.2f})"
        )
        assert 0.7 < slope.value < 1.4
        assert 0.6 < oe.value < 1.6
    assert auroc(death, risk) >= 0.815
