"""Calibration measures against statsmodels, the definition, and risks known to be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused
from biolake.statistics.calibration import (
    brier,
    calibration,
    recalibrate,
    risk_groups,
    scaled_brier,
    smooth_calibration,
    spline,
)
from biolake.statistics.logistic import expit


def sample(rows: int = 2000, slope: float = 1.5, shift: float = -0.4) -> tuple:
    """Return outcomes, and risks whose calibration line is known."""
    rng = np.random.default_rng(0)
    linear = rng.normal(-1.0, 1.2, rows)
    return rng.random(rows) < expit(shift + slope * linear), expit(linear)


def test_intercept_and_slope_equal_statsmodels() -> None:
    # statsmodels 0.15.0: Logit(outcome, [1, logit(risk)]).fit(); GLM(outcome, 1, Binomial,
    # offset=logit(risk)).fit(); params, bse
    found = calibration(*sample())
    slope, slope_error, intercept, intercept_error = (
        1.434225386840,
        0.076245146651,
        -0.591775889067,
        0.060002682815,
    )
    assert found.slope.value == pytest.approx(slope, abs=1e-8)
    assert found.slope.high - found.slope.value == pytest.approx(1.95996398 * slope_error)
    assert found.intercept.value == pytest.approx(intercept, abs=1e-8)
    assert found.intercept.high - found.intercept.value == pytest.approx(
        1.95996398 * intercept_error
    )


def test_observed_over_expected_and_brier_are_as_defined() -> None:
    outcome, risk = sample(500)
    found = calibration(outcome, risk)
    assert found.observed_expected.value == pytest.approx(outcome.sum() / risk.sum())
    assert found.observed_expected.low < found.observed_expected.value
    assert found.brier == pytest.approx(np.mean((risk - outcome) ** 2))
    assert scaled_brier(outcome, np.full(500, outcome.mean())) == pytest.approx(0.0)
    assert scaled_brier(outcome, outcome.astype(float)) == 1.0
    weight = np.arange(500) % 3
    copies = np.repeat(np.arange(500), weight)
    assert brier(outcome, risk, weights=weight) == pytest.approx(
        brier(outcome[copies], risk[copies])
    )


def test_the_smooth_curve_finds_the_true_one_within_its_band() -> None:
    outcome, risk = sample(20_000)
    found = smooth_calibration(outcome, risk)
    truth = expit(-0.4 + 1.5 * np.log(found.predicted / (1.0 - found.predicted)))
    inside = (found.low <= truth) & (truth <= found.high)
    assert inside.mean() > 0.9
    gap = np.abs(expit(-0.4 + 1.5 * np.log(risk / (1.0 - risk))) - risk)
    assert found.ici == pytest.approx(gap.mean(), abs=0.01)
    assert found.e50 == pytest.approx(np.quantile(gap, 0.5), abs=0.01)
    assert found.e90 == pytest.approx(np.quantile(gap, 0.9), abs=0.02)
    assert found.emax >= found.e90


def test_recalibrated_risks_are_calibrated() -> None:
    outcome, risk = sample(20_000)
    repair = recalibrate(outcome, risk)
    assert (repair.intercept, repair.slope) == pytest.approx((-0.4, 1.5), abs=0.1)
    again = calibration(outcome, repair.apply(risk))
    assert again.slope.value == pytest.approx(1.0)
    assert again.observed_expected.value == pytest.approx(1.0)
    moved = recalibrate(outcome, risk, slope=False)
    assert moved.slope == 1.0
    assert calibration(outcome, moved.apply(risk)).observed_expected.value == pytest.approx(1.0)


def test_a_spline_is_linear_beyond_its_outer_knots() -> None:
    knots = np.array([-1.0, 0.0, 0.5, 2.0])
    for side in (np.linspace(-5.0, -1.0, 9), np.linspace(2.0, 9.0, 9)):
        basis = spline(side, knots)
        assert np.abs(np.diff(basis, n=2, axis=0)).max() < 1e-10
    assert spline(side, knots).shape == (9, 3)


def test_risk_groups_hold_everyone_once_and_equal_risks_together() -> None:
    outcome, risk = sample(1000)
    groups = risk_groups(outcome, np.round(risk, 1))
    assert sum(group.subjects for group in groups) == 1000
    assert [g.predicted for g in groups] == sorted(g.predicted for g in groups)
    assert sum(g.observed.value * g.subjects for g in groups) == pytest.approx(outcome.sum())
    assert len(risk_groups(outcome, risk)) == 10


def test_certain_risks_are_taken_and_impossible_ones_refused() -> None:
    outcome, risk = sample(300)
    certain = np.where(risk > 0.8, 1.0, risk)
    assert np.isfinite(calibration(outcome, certain).slope.value)
    with pytest.raises(DataRefused, match="between 0 and 1"):
        calibration(outcome, risk * 2.0)
    with pytest.raises(DataRefused, match="too few distinct"):
        smooth_calibration(outcome, np.where(risk > 0.5, 0.6, 0.3))
