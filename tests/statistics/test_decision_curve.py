"""Decision curves against dcurves on its tutorial data, and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics import real_data

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.decision_curve import (
    decision_curve,
    decision_curve_survival,
    net_benefit_interval,
)
from biolake.statistics.intervals import Resampling

# dcurves 1.1.7: dca(frame, "cancer", ["cancerpredmarker", "famhistory"], thresholds=THRESHOLDS)
# and, for SURVIVAL, with time=1.5, time_to_outcome_col="ttcancer": net_benefit, then
# net_intervention_avoided.
THRESHOLDS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5]
BINARY = {
    "cancerpredmarker": (
        [0.105543859649, 0.087407407407, 0.079215686275, 0.067333333333, 0.064, 0.054666666667,
         0.050153846154, 0.038666666667, 0.021333333333],
        [0.205333333333, 0.386666666667, 0.515555555556, 0.569333333333, 0.632, 0.660888888889,
         0.693142857143, 0.708, 0.741333333333],
    ),
    "famhistory": (
        [0.025614035088, 0.018518518519, 0.010588235294, 0.001666666667, -0.008444444444, -0.02,
         -0.033333333333, -0.048888888889, -0.089333333333],
        [-1.313333333333, -0.233333333333, 0.126666666667, 0.306666666667, 0.414666666667,
         0.486666666667, 0.538095238095, 0.576666666667, 0.630666666667],
    ),
}  # fmt: skip
TREAT_ALL = [0.094736842105, 0.044444444444, -0.011764705882, -0.075, -0.146666666667,
             -0.228571428571, -0.323076923077, -0.433333333333, -0.72]  # fmt: skip
SURVIVAL = (
    [0.18768577472, 0.161054378981, 0.143646799041, 0.123606185187, 0.109196714609, 0.09404439148,
     0.090692199227, 0.072628079792, 0.057832018674],
    [0.163774625764, 0.248361863874, 0.346580163261, 0.393860967271, 0.447139125044,
     0.485727731135, 0.539534785148, 0.558660232949, 0.617606509283],
)  # fmt: skip
SURVIVAL_ALL = [0.179066057574, 0.133458616328, 0.08248559376, 0.02514094337, -0.039849660406,
                -0.114124636149, -0.199826531237, -0.299812075507, -0.559774490609]  # fmt: skip


def tutorial(*names: str) -> list[np.ndarray]:
    data = real_data.columns("decision_curve_dca/dca.csv")
    return [real_data.numbers(data[name]) for name in names]


@pytest.mark.parametrize("model", list(BINARY))
def test_a_yes_no_outcome_equals_dcurves(model: str) -> None:
    cancer, risk = tutorial("cancer", model)
    found = decision_curve(cancer, risk, THRESHOLDS)
    assert np.allclose(found.net_benefit, BINARY[model][0], atol=1e-11)
    assert np.allclose(found.interventions_avoided, BINARY[model][1], atol=1e-11)
    assert np.allclose(found.treat_all, TREAT_ALL, atol=1e-11)


def test_a_censored_outcome_equals_dcurves() -> None:
    cancer, risk, time = tutorial("cancer", "cancerpredmarker", "ttcancer")
    found = decision_curve_survival(time, cancer, risk, THRESHOLDS, horizon=1.5)
    assert np.allclose(found.net_benefit, SURVIVAL[0], atol=1e-11)
    assert np.allclose(found.interventions_avoided, SURVIVAL[1], atol=1e-11)
    assert np.allclose(found.treat_all, SURVIVAL_ALL, atol=1e-11)


def simulated(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    risk = rng.beta(1.0, 4.0, rows)
    return rng.random(rows) < risk, np.round(risk, 2)


def test_net_benefit_is_true_positives_less_weighted_false_ones() -> None:
    outcome, risk = simulated()
    found = decision_curve(outcome, risk, [0.0, 0.2], harm=0.01)
    chosen = risk >= 0.2
    wanted = ((chosen & outcome).sum() - 0.25 * (chosen & ~outcome).sum()) / 600 - 0.01
    assert found.net_benefit[1] == pytest.approx(wanted)
    assert found.net_benefit[0] == pytest.approx(outcome.mean() - 0.01)
    assert np.isnan(found.interventions_avoided[0])
    assert found.positive_rate[1] == pytest.approx(chosen.mean())


def test_without_censoring_both_outcomes_agree_and_a_competing_event_is_no_event() -> None:
    outcome, risk = simulated()
    time = np.where(outcome, 1.0, 5.0)
    plain = decision_curve(outcome, risk, THRESHOLDS)
    timed = decision_curve_survival(time, outcome.astype(int), risk, THRESHOLDS, horizon=3.0)
    assert np.allclose(plain.net_benefit, timed.net_benefit)
    others = np.where(outcome, 1, 2)
    competing = decision_curve_survival(time - others * 0.1, others, risk, [0.1, 0.2], horizon=4.8)
    wanted = decision_curve(outcome, risk, [0.1, 0.2])
    assert np.allclose(wanted.net_benefit, competing.net_benefit)


def test_a_case_control_study_is_weighted_to_the_population() -> None:
    outcome, risk = simulated()
    found = decision_curve(outcome, risk, [0.2], prevalence=0.05)
    sensitivity, false = (risk[outcome] >= 0.2).mean(), (risk[~outcome] >= 0.2).mean()
    assert found.net_benefit[0] == pytest.approx(sensitivity * 0.05 - 0.25 * false * 0.95)
    assert found.treat_all[0] == pytest.approx(0.05 - 0.25 * 0.95)


def test_the_interval_holds_the_estimate_and_is_seeded() -> None:
    outcome, risk = simulated()
    plan = Resampling(500, 2)
    found = net_benefit_interval(outcome, risk, 0.2, plan=plan)
    assert found.value == pytest.approx(decision_curve(outcome, risk, [0.2]).net_benefit[0])
    assert found.low < found.value < found.high
    assert found == net_benefit_interval(outcome, risk, 0.2, plan=plan)


def test_misuse_is_refused() -> None:
    with pytest.raises(WrongUse, match="Thresholds"):
        decision_curve([0, 1], [0.1, 0.2], [1.0])
    with pytest.raises(DataRefused, match="between 0 and 1"):
        decision_curve([0, 1], [0.1, 2.0], [0.5])
    with pytest.raises(DataRefused, match="followed"):
        decision_curve_survival([1.0, 2.0], [0, 1], [0.1, 0.2], [0.1], horizon=3.0)
    unfollowed = decision_curve_survival(
        [5.0, 1.0, 1.5], [0, 1, 0], [0.1, 0.8, 0.9], [0.5], horizon=3.0
    )
    assert np.isnan(unfollowed.net_benefit[0])
