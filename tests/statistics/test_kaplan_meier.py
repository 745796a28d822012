"""Survival curves against lifelines and scikit-survival, by hand, and by their invariants."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statistics import real_data
from tests.statistics.test_cox import RELAPSED, TREATED, WEEKS

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.kaplan_meier import (
    cumulative_incidence,
    kaplan_meier,
    log_rank,
    number_at_risk,
)


def test_kaplan_meier_equals_lifelines_on_the_leukaemia_trial() -> None:
    # lifelines 0.30.3: KaplanMeierFitter().fit(weeks, relapsed) of the treated
    curve = kaplan_meier(WEEKS[:21], RELAPSED[:21])
    wanted = [0.857142857142857, 0.8067226890756299, 0.7529411764705878, 0.6901960784313722,
              0.6274509803921566, 0.5378151260504199, 0.44817927170868327]  # fmt: skip
    assert np.allclose(curve.at([6, 7, 10, 13, 16, 22, 23]), wanted, atol=1e-14)
    low, high = curve.band_at([6.0, 22.0])
    assert np.allclose(low, [0.619718, 0.267779], atol=1e-6)
    assert np.allclose(high, [0.951552, 0.746791], atol=1e-6)
    assert curve.median().value == 23.0
    assert curve.median().low == 13.0
    assert curve.median().high == float("inf")
    assert np.isnan(curve.at(36.0))
    assert curve.at(0.0) == 1.0


def test_log_rank_equals_lifelines_on_the_leukaemia_trial() -> None:
    # lifelines 0.30.3: multivariate_logrank_test(weeks, arm, relapsed)
    group = [row[0] for row in TREATED]
    found = log_rank(WEEKS, RELAPSED, group)
    assert found.statistic == pytest.approx(16.792940989216547, abs=1e-10)
    assert found.p == pytest.approx(4.168809109334511e-05, rel=1e-9)
    assert found.observed.sum() == pytest.approx(found.expected.sum())


def test_a_plain_band_is_symmetric_where_it_is_not_cut() -> None:
    curve = kaplan_meier(WEEKS, RELAPSED, band="plain")
    middle = (curve.estimate > 0.3) & (curve.estimate < 0.7)
    assert np.allclose((curve.low + curve.high)[middle], 2.0 * curve.estimate[middle])


def test_greenwood_without_censoring_is_the_binomial_variance() -> None:
    curve = kaplan_meier(np.arange(1.0, 101.0), np.ones(100))
    p = curve.estimate[:-1]
    assert np.allclose(curve.standard_error[:-1], np.sqrt(p * (1.0 - p) / 100.0))
    assert np.isnan(curve.low[-1])


PBC_LOW = [
    0.049656803281202616, 0.14696476936090197, 0.256434362396863, 0.35813017276968995,
    0.48391288332448507,
]  # fmt: skip
PBC_HIGH = [
    0.09914889895585877, 0.22093086041915214, 0.34870302930465336, 0.4712497254817054,
    0.6370790340085449,
]  # fmt: skip


def test_incidence_and_band_equal_scikit_survival_on_pbc() -> None:
    # scikit-survival 0.28.0: cumulative_incidence_competing_risks(status, time,
    # conf_type="log-log", var_type="Dinse_Approx") at these days
    data = real_data.columns("survival_core/pbc.csv.gz")
    time, status = (real_data.numbers(data[name]) for name in ("time", "status"))
    days = [365, 1000, 2000, 3000, 4000]
    death = cumulative_incidence(time, status, cause=2)
    wanted = [0.07177033492822965, 0.182397071043787, 0.3019821012922513, 0.41521354667192667,
              0.5643589962149744]  # fmt: skip
    assert np.allclose(death.at(days), wanted, atol=1e-10)
    low, high = death.band_at(days)
    assert np.allclose(low, PBC_LOW, atol=1e-10)
    assert np.allclose(high, PBC_HIGH, atol=1e-10)
    transplant = cumulative_incidence(time, status, cause=1)
    wanted = [0.0, 0.016812925061317645, 0.04457392629100851, 0.0698984024475757,
              0.0838297692801466]  # fmt: skip
    assert np.allclose(transplant.at(days), wanted, atol=1e-10)


@st.composite
def follow_up(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = draw(st.integers(2, 40))
    time = draw(st.lists(st.integers(1, 12), min_size=rows, max_size=rows))
    status = draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    weight = draw(st.lists(st.integers(1, 4), min_size=rows, max_size=rows))
    return np.array(time, float), np.array(status), np.array(weight)


@settings(max_examples=60, deadline=None)
@given(follow_up())
def test_survival_falls_stays_in_its_band_and_ignores_row_order(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    time, status, _ = sample
    curve = kaplan_meier(time, status > 0)
    assert (np.diff(curve.estimate) <= 1e-15).all()
    known = ~np.isnan(curve.low)
    assert (curve.low[known] <= curve.estimate[known] + 1e-12).all()
    assert (curve.high[known] >= curve.estimate[known] - 1e-12).all()
    backwards = kaplan_meier(time[::-1], (status > 0)[::-1])
    assert curve.estimate.tobytes() == backwards.estimate.tobytes()


@settings(max_examples=60, deadline=None)
@given(follow_up())
def test_whole_weights_equal_copied_rows(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    time, status, weight = sample
    copies = np.repeat(np.arange(len(time)), weight)
    weighted = kaplan_meier(time, status > 0, weights=weight)
    copied = kaplan_meier(time[copies], status[copies] > 0)
    assert np.allclose(weighted.estimate, copied.estimate)
    assert np.allclose(weighted.low, copied.low, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(follow_up())
def test_incidences_of_all_causes_add_up_to_one_minus_survival(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    time, status, _ = sample
    status = np.concatenate([status, [1, 2]])
    time = np.concatenate([time, [3.0, 5.0]])
    causes = [cumulative_incidence(time, status, cause=cause) for cause in (1, 2)]
    total = causes[0].estimate + causes[1].estimate
    assert np.allclose(total, 1.0 - kaplan_meier(time, status > 0).estimate)
    alone = cumulative_incidence(time, (status > 0).astype(int))
    survival = kaplan_meier(time, status > 0)
    assert np.allclose(alone.standard_error[:-1], survival.standard_error[:-1], atol=1e-7)


def test_entry_means_at_risk_only_afterwards() -> None:
    time, seen, entry = [2.0, 4.0, 4.0, 6.0], [1, 1, 0, 1], [0.0, 2.0, 0.0, 3.0]
    curve = kaplan_meier(time, seen, entry=entry)
    assert curve.at_risk.tolist() == [2.0, 3.0, 1.0]
    assert np.allclose(curve.estimate, [1 / 2, 1 / 2 * 2 / 3, 0.0])
    assert number_at_risk(time, [2.0, 4.0, 5.0], entry=entry).tolist() == [2.0, 3.0, 1.0]
    assert number_at_risk(time, [0.0, 4.0, 7.0]).tolist() == [4.0, 3.0, 0.0]
    with pytest.raises(DataRefused, match="entry"):
        kaplan_meier(time, seen, entry=[2.0, 0.0, 0.0, 0.0])


def test_stratified_log_rank_adds_the_strata_up() -> None:
    rng = np.random.default_rng(0)
    time, seen = np.ceil(rng.exponential(8.0, 300)), rng.random(300) < 0.7
    group, layer = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    both = log_rank(time, seen, group, strata=layer)
    parts = [log_rank(time[layer == k], seen[layer == k], group[layer == k]) for k in (0, 1)]
    assert np.allclose(both.observed, parts[0].observed + parts[1].observed)
    assert np.allclose(both.expected, parts[0].expected + parts[1].expected)
    assert both.degrees == 2


def test_misuse_is_refused() -> None:
    with pytest.raises(DataRefused, match="cause 3"):
        cumulative_incidence([1.0, 2.0], [0, 1], cause=3)
    with pytest.raises(DataRefused, match="negative"):
        kaplan_meier([-1.0], [1])
    with pytest.raises(DataRefused, match="missing"):
        kaplan_meier([float("nan"), 1.0], [1, 0])
    with pytest.raises(WrongUse, match="two groups"):
        log_rank([1.0, 2.0], [1, 1], [0, 0])


@pytest.mark.parametrize("late", [False, True])
def test_lifelines_agrees_live_under_ties_and_weights(late: bool) -> None:
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(3)
    time, seen = np.ceil(rng.exponential(8.0, 400)), rng.random(400) < 0.6
    weight, entry = rng.integers(1, 4, 400), time * rng.random(400) * 0.9 if late else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifelines.KaplanMeierFitter().fit(time, seen, weights=weight, entry=entry)
    ours = kaplan_meier(time, seen, weights=weight, entry=entry)
    band = theirs.confidence_interval_.loc[ours.time].to_numpy()
    survival = theirs.survival_function_.loc[ours.time].to_numpy()[:, 0]
    assert np.abs(ours.estimate - survival).max() < 1e-10
    assert np.nanmax(np.abs(ours.low - band[:, 0])) < 1e-10
    assert np.nanmax(np.abs(ours.high - band[:, 1])) < 1e-10
