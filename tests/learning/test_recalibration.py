"""Recalibration changes a model only as far as the tuning data ask for."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.learning.recalibration import Recalibration, learn_recalibration
from biolake.statistics.logistic import expit


def _drawn(intercept: float, slope: float, rows: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    score = rng.normal(-1, 1.2, rows)
    outcome = (rng.random(rows) < expit(intercept + slope * score)).astype(float)
    return expit(score), outcome


def test_a_calibrated_model_is_left_alone() -> None:
    assert learn_recalibration(*_drawn(0.0, 1.0)) == Recalibration()


def test_risks_too_high_on_the_whole_get_a_new_intercept() -> None:
    found = learn_recalibration(*_drawn(-0.7, 1.0))
    assert found.method == "intercept"
    assert found.intercept == pytest.approx(-0.7, abs=0.1)


def test_risks_too_extreme_get_a_new_slope() -> None:
    risk, outcome = _drawn(0.3, 0.5)
    found = learn_recalibration(risk, outcome)
    assert found.method == "intercept and slope"
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.apply(risk).mean() == pytest.approx(outcome.mean(), abs=1e-6)


def test_few_events_change_nothing() -> None:
    risk, outcome = _drawn(-2.0, 0.3, rows=60)
    assert learn_recalibration(risk, outcome) == Recalibration()
