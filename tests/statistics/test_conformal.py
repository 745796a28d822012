"""Conformal sets: coverage on fresh subjects, by class and group, and the exact limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.conformal import calibrate_conformal, coverage


def sample(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, risks that are far too sure of themselves, and a group."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, rows)
    linear = rng.normal(-1.0 + group, 1.0)
    outcome = rng.random(rows) < 1.0 / (1.0 + np.exp(-linear))
    return outcome, 1.0 / (1.0 + np.exp(-3.0 * linear)), group


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_each_class_of_each_group_is_covered_as_promised(level: float) -> None:
    outcome, risk, group = sample(0, 4000)
    learned = calibrate_conformal(outcome, risk, level=level, groups=group)
    fresh, scores, place = sample(1, 40_000)
    sets = learned.sets(scores, groups=place)
    for number in (0, 1):
        found = coverage(fresh[place == number], sets[place == number])
        assert found.among_events.value == pytest.approx(level, abs=0.025)
        assert found.among_others.value == pytest.approx(level, abs=0.025)
    whole = coverage(fresh, sets)
    assert whole.single + whole.both + whole.neither == pytest.approx(1.0)


def test_coverage_averaged_over_many_small_calibrations_is_at_least_the_level() -> None:
    held = []
    for seed in range(300):
        outcome, risk, _ = sample(seed, 120)
        learned = calibrate_conformal(outcome, risk, level=0.8)
        fresh, scores, _ = sample(1000 + seed, 200)
        held.append(coverage(fresh, learned.sets(scores)).among_events.value)
    assert np.mean(held) == pytest.approx(0.81, abs=0.015)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=19, max_size=60))
def test_the_limit_keeps_enough_of_the_calibration_scores(scores: list[int]) -> None:
    risk = np.array(scores) / 10.0
    outcome = np.concatenate([np.zeros(len(scores)), np.ones(len(scores))])
    learned = calibrate_conformal(outcome, np.concatenate([risk, risk]), level=0.9)
    kept = learned.sets(risk)[:, 0].sum()
    assert kept >= 0.9 * (len(scores) + 1) - 1e-9


def test_too_few_subjects_promise_nothing() -> None:
    outcome = np.array([1] * 8 + [0] * 50)
    with pytest.raises(DataRefused, match="8 calibration subjects; 9 are needed"):
        calibrate_conformal(outcome, np.linspace(0, 1, 58), level=0.9)
    learned = calibrate_conformal([*outcome, 1], np.linspace(0, 1, 59), level=0.9)
    assert learned.calibrated_on.tolist() == [[50, 9]]
    with pytest.raises(WrongUse, match="group"):
        learned.sets([0.5], groups=["north"])
