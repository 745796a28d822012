"""Ranking measures against scikit-learn, the definition, and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import DataRefused
from biolake.statistics.discrimination import (
    auprc,
    auroc,
    bootstrap_interval,
    compare_auroc,
    delong,
    precision_recall_curve,
    roc_curve,
)
from biolake.statistics.intervals import Resampling, bootstrap_weights


def sample(seed: int = 0, rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    outcome = rng.random(rows) < 0.25
    return outcome, np.round(np.clip(rng.normal(0.3, 0.15, rows) + 0.12 * outcome, 0, 1), 2)


def test_areas_equal_scikit_learn_under_ties_and_weights() -> None:
    # scikit-learn 1.9.1: roc_auc_score and average_precision_score of sample(), without and with
    # `weight` as sample_weight
    outcome, risk = sample()
    weight = np.arange(800) % 3
    assert auroc(outcome, risk) == pytest.approx(0.7392320966350302, abs=1e-12)
    assert auprc(outcome, risk) == pytest.approx(0.46435498708776085, abs=1e-12)
    assert auroc(outcome, risk, weights=weight) == pytest.approx(0.705603720993861, abs=1e-12)
    assert auprc(outcome, risk, weights=weight) == pytest.approx(0.425742043034558, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 3)), min_size=2))
def test_auroc_is_the_share_of_pairs_ranked_rightly(
    rows: list[tuple[bool, int, int]],
) -> None:
    rows = [*rows, (True, 2, 1), (False, 3, 2)]
    cases = [(risk, weight) for outcome, risk, weight in rows if outcome]
    controls = [(risk, weight) for outcome, risk, weight in rows if not outcome]
    right = sum(v * w * ((a > b) + 0.5 * (a == b)) for a, v in cases for b, w in controls)
    pairs = sum(v for _, v in cases) * sum(w for _, w in controls)
    outcome, risk, weight = (np.array(column) for column in zip(*rows, strict=True))
    assert auroc(outcome, risk, weights=weight) == pytest.approx(right / pairs)
    copies = np.repeat(np.arange(len(rows)), weight)
    assert auprc(outcome, risk, weights=weight) == pytest.approx(
        auprc(outcome[copies], risk[copies])
    )


def test_delong_s_variance_is_that_of_its_definition_and_near_the_bootstrap_s() -> None:
    outcome, risk = sample(1)
    cases, controls = risk[outcome], risk[~outcome]
    win = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    variance = win.mean(axis=1).var(ddof=1) / len(cases) + win.mean(axis=0).var(ddof=1) / len(
        controls
    )
    found = delong(outcome, risk)
    assert found.value == pytest.approx(auroc(outcome, risk))
    assert found.high - found.low == pytest.approx(2 * 1.959963984540054 * np.sqrt(variance))
    drawn = bootstrap_interval("auroc", outcome, risk, plan=Resampling(2000, 1))
    assert drawn.low == pytest.approx(found.low, abs=0.005)
    assert drawn.high == pytest.approx(found.high, abs=0.005)


def test_two_models_are_compared_on_the_same_subjects() -> None:
    outcome, risk = sample(2)
    noise = np.random.default_rng(0).normal(0.0, 0.3, len(risk))
    found = compare_auroc(outcome, risk, risk + noise)
    assert found.difference.low > 0.0
    assert found.p < 0.001
    same = compare_auroc(outcome, risk, risk)
    assert (same.difference.value, same.p) == (0.0, 1.0)


def test_a_bootstrap_of_weights_equals_one_of_copied_rows() -> None:
    outcome, risk = sample(3, 120)
    plan = Resampling(20, 7, strata=outcome)
    (weights,) = bootstrap_weights(120, plan)
    assert (weights[:, outcome].sum(axis=1) == outcome.sum()).all()
    draws = []
    for row in weights.astype(int):
        copies = np.repeat(np.arange(120), row)
        draws.append(auprc(outcome[copies], risk[copies]))
    found = bootstrap_interval("auprc", outcome, risk, plan=plan)
    assert [found.low, found.high] == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist())


@pytest.mark.parametrize("most", [20, 500])
def test_thinned_curves_keep_their_ends_and_their_area(most: int) -> None:
    rng = np.random.default_rng(0)
    outcome = rng.random(20_000) < 0.2
    risk = rng.normal(outcome * 1.0)
    curve = roc_curve(outcome, risk, most=most)
    assert len(curve.x) <= most
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    area = float((np.diff(curve.x) * (curve.y[1:] + curve.y[:-1]) / 2).sum())
    assert area == pytest.approx(auroc(outcome, risk), abs=2.0 / most**1.5)
    middle = len(curve.x) // 2
    chosen = risk >= curve.threshold[middle]
    assert curve.y[middle] == pytest.approx(chosen[outcome].mean())
    assert curve.x[middle] == pytest.approx(chosen[~outcome].mean())
    precision = precision_recall_curve(outcome, risk, most=most)
    assert len(precision.x) <= most
    chosen = risk >= precision.threshold[-2]
    assert precision.y[-2] == pytest.approx(outcome[chosen].mean())


def test_one_class_only_is_refused() -> None:
    with pytest.raises(DataRefused, match="only one value"):
        auroc([1, 1], [0.2, 0.4])
