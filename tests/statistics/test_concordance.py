"""Concordance against every pair counted one by one, lifelines and scikit-survival."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statistics import real_data

from biolake.core.errors import DataRefused
from biolake.statistics.concordance import harrell, harrell_interval, uno
from biolake.statistics.cox import fit_cox
from biolake.statistics.intervals import Resampling
from biolake.statistics.risk_sets import SurvivalData

# lifelines 0.30.3: CoxPHFitter().fit(...).concordance_index_, fitted as in test_cox.py
LIFELINES = {
    "flchain": 0.7900106429148659,
    "rotterdam": 0.6789774417708191,
    "gbsg": 0.6879283395455092,
}
Sample = tuple[list[int], list[bool], list[int], list[int]]


def pair_by_pair(time: list, seen: list, risk: list, left: list, right: list) -> list[float]:
    """Count concordant, discordant and tied pairs as the definition says."""
    counts = [0.0, 0.0, 0.0]
    for i in range(len(time)):
        for j in range(len(time)):
            later = time[j] > time[i] or (time[j] == time[i] and not seen[j])
            if seen[i] and later:
                which = 2 if risk[i] == risk[j] else int(risk[i] < risk[j])
                counts[which] += left[i] * right[j]
    return counts


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    rows = draw(st.integers(1, 40))
    column = st.integers(0, draw(st.sampled_from([2, 6, 1000])))
    time = draw(st.lists(column, min_size=rows, max_size=rows))
    seen = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    risk = draw(st.lists(column, min_size=rows, max_size=rows))
    weight = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    return time, seen, risk, [max(weight[0], 1), *weight[1:]]


@settings(max_examples=200, deadline=None)
@given(samples())
def test_harrell_equals_all_pairs_counted_one_by_one(sample: Sample) -> None:
    time, seen, risk, weight = sample
    ones = [1] * len(time)
    found = harrell(time, seen, risk)
    wanted = pair_by_pair(time, seen, risk, ones, ones)
    assert [found.concordant, found.discordant, found.tied] == wanted
    weighted = harrell(time, seen, risk, weights=weight)
    wanted = pair_by_pair(time, seen, risk, weight, weight)
    assert [weighted.concordant, weighted.discordant, weighted.tied] == wanted


@settings(max_examples=50, deadline=None)
@given(samples())
def test_whole_weights_equal_copied_rows_and_order_does_not_matter(sample: Sample) -> None:
    time, seen, risk, weight = (np.array(column) for column in sample)
    copies = np.repeat(np.arange(len(time)), weight)
    copied = astuple(harrell(time[copies], seen[copies], risk[copies]))
    weighted = astuple(harrell(time, seen, risk, weights=weight))
    assert weighted == pytest.approx(copied, nan_ok=True)
    backwards = astuple(harrell(time[::-1], seen[::-1], risk[::-1]))
    assert astuple(harrell(time, seen, risk)) == pytest.approx(backwards, nan_ok=True)


@pytest.mark.parametrize("name", list(LIFELINES))
def test_harrell_equals_lifelines_on_real_data(name: str) -> None:
    _, x, duration, observed = getattr(real_data, name)()
    fit = fit_cox(SurvivalData(x, duration, observed))
    found = harrell(duration, observed, fit.log_partial_hazard(x))
    assert found.index == pytest.approx(LIFELINES[name], abs=1e-7)


def test_harrell_equals_lifelines_live_to_the_last_digit() -> None:
    utils = pytest.importorskip("lifelines.utils")
    rng = np.random.default_rng(0)
    time, risk = np.ceil(rng.exponential(20.0, 3000)), np.round(rng.normal(0.0, 5.0, 3000))
    seen = rng.random(3000) < 0.5
    found = harrell(time, seen, risk).index
    assert abs(found - utils.concordance_index(time, -risk, seen)) < 1e-12


def censored(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = rng.standard_normal(rows)
    event, lost = rng.exponential(np.exp(-risk)), rng.exponential(1.0, rows)
    return np.ceil(np.minimum(event, lost) * 20.0) / 20.0, event <= lost, risk


def test_uno_equals_scikit_survival() -> None:
    # scikit-survival 0.28.0: concordance_index_ipcw(y, y, risk, tau=1.5)[0] of censored(0, 400)
    time, seen, risk = censored(0, 400)
    assert uno(time, seen, risk, horizon=1.5).index == pytest.approx(0.734598473495059, abs=1e-12)


def test_uno_weighs_pairs_by_the_chance_of_being_followed() -> None:
    time, seen, risk = censored(1, 60)
    followed = np.ones(60)
    for i in range(60):
        for t in np.unique(time[~seen & (time <= time[i])]):
            at_risk = ((time > t) | ((time == t) & ~seen)).sum()
            followed[i] *= 1.0 - ((time == t) & ~seen).sum() / at_risk
    left = np.where(seen & (time < 1.0), followed**-2.0, 0.0)
    counts = pair_by_pair(list(time), list(seen), list(risk), list(left), [1.0] * 60)
    found = uno(time, seen, risk, horizon=1.0)
    assert np.allclose([found.concordant, found.discordant, found.tied], counts)


def test_an_interval_is_seeded_and_holds_its_estimate() -> None:
    time, seen, risk = censored(2, 300)
    plan = Resampling(replicates=200, seed=4)
    first = harrell_interval(time, seen, risk, plan=plan)
    assert first == harrell_interval(time, seen, risk, plan=plan)
    assert first.low < first.value < first.high
    assert 0.05 < first.high - first.low < 0.15


def test_without_subjects_or_follow_up_there_is_no_answer() -> None:
    with pytest.raises(DataRefused):
        harrell([], [], [])
    assert np.isnan(harrell([1.0, 2.0], [0, 0], [1.0, 2.0]).index)
    with pytest.raises(DataRefused, match="followed"):
        uno([1.0, 2.0], [0, 0], [1.0, 2.0], horizon=5.0)
