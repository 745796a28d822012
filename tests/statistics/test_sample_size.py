"""Sample size against what the R package pmsampsize expects of itself."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import WrongUse
from biolake.statistics.logistic import fit_logistic
from biolake.statistics.sample_size import binary, judge, r2_from_c, time_to_event


@pytest.mark.parametrize(
    ("parameters", "r2", "prevalence", "criteria", "events_per_parameter"),
    [
        (24, 0.288, 0.174, [623, 662, 221], 4.8),
        (24, 0.55, 0.174, [255, 532, 221], 3.86),
        (36, 0.288, 0.174, [934, 992, 221], 4.79),
        (24, 0.288, 0.25, [623, 590, 289], 6.49),
    ],
)
def test_a_yes_no_outcome_equals_pmsampsize(
    parameters: int, r2: float, prevalence: float, criteria: list[int], events_per_parameter: float
) -> None:
    # JoieEnsor/pmsampsize, tests/testthat/test_bin.R at eff064c
    found = binary(parameters, prevalence, r2)
    assert [criterion.subjects for criterion in found.criteria] == criteria
    assert found.subjects == max(criteria)
    assert round(found.events_per_parameter, 2) == events_per_parameter


@pytest.mark.parametrize(
    ("parameters", "r2", "rate", "timepoint", "follow_up", "criteria", "events_per_parameter"),
    [
        (25, 0.051, 0.065, 2, 2.07, [4286, 866], 23.07),
        (25, 0.065, 0.065, 2, 2.07, [3335, 859], 17.95),
        (50, 0.051, 0.065, 2, 2.07, [8572, 1731], 23.07),
        (25, 0.051, 0.1, 2, 2.07, [4286, 731], 35.49),
        (25, 0.051, 0.065, 2, 4, [4286, 679], 44.57),
        (40, 0.06, 0.08, 3, 5, [5798, 969], 57.98),
        (10, 0.03, 0.09, 3, 3, [2950, 272], 79.65),
        (80, 0.3, 0.03, 1, 5, [1974, 2272], 4.26),
    ],
)
def test_a_time_to_event_outcome_equals_pmsampsize(
    parameters: int, r2: float, rate: float, timepoint: float, follow_up: float,
    criteria: list[int], events_per_parameter: float,
) -> None:  # fmt: skip
    # JoieEnsor/pmsampsize, tests/testthat/test_surv.R at 9b2eea7
    found = time_to_event(parameters, rate, follow_up, timepoint, r2)
    assert [criterion.subjects for criterion in found.criteria] == criteria
    assert found.subjects == max(criteria)
    assert round(found.events_per_parameter, 2) == events_per_parameter


def test_the_precision_of_the_overall_risk_is_reported() -> None:
    found = time_to_event(25, 0.065, 2.07, 2, 0.051)
    error = np.sqrt(0.065 / (found.subjects * 2.07))
    wanted = np.exp(-0.065 * 2) - np.exp(-(0.065 + 1.96 * error) * 2)
    assert found.risk_margin == pytest.approx(wanted)


def test_r2_from_c_equals_a_simulation() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.random(400_000) < 0.174
    linear = rng.normal(outcome * np.sqrt(2.0) * 0.8778962950512289)  # C = Φ(0.878) = 0.81
    fit = fit_logistic(linear[:, None], outcome)
    p = outcome.mean()
    null = len(outcome) * (p * np.log(p) + (1 - p) * np.log(1 - p))
    simulated = 1.0 - np.exp(2.0 * (null - fit.log_likelihood) / len(outcome))
    assert r2_from_c(0.81, 0.174) == pytest.approx(simulated, abs=0.003)


def test_a_verdict_says_what_the_subjects_at_hand_can_carry() -> None:
    needed = binary(24, 0.174, 0.288)
    few = judge(needed, 300)
    assert not few.enough
    assert few.shrinkage < 0.85
    assert few.most_parameters == 10
    assert "too few" in few.sentence
    assert judge(needed, 662).enough
    assert judge(needed, 623).shrinkage == pytest.approx(0.9, abs=1e-3)


def test_impossible_assumptions_are_refused() -> None:
    with pytest.raises(WrongUse, match="r2 must lie"):
        binary(10, 0.05, 0.5)
    with pytest.raises(WrongUse, match="at least one"):
        binary(0, 0.2, 0.1)
    with pytest.raises(WrongUse):
        r2_from_c(0.4, 0.1)
