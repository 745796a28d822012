from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused
from biolake.learning.judging import as_json, group_figures, label_figures, macro_auroc
from biolake.learning.methods import Training
from biolake.learning.methods.vectors import Vectors
from biolake.learning.validation import cross_validate, stratified_folds
from biolake.statistics.conformal import coverage

rng = np.random.default_rng(6)
ROWS = 600
TABLE = rng.standard_normal((ROWS, 6))
LABELS = TABLE[:, :2] + rng.standard_normal((ROWS, 2)) > 0.4
GROUPS = np.repeat(np.arange(ROWS // 2), 2)


def training(labels: np.ndarray = LABELS) -> Training:
    return Training(labels, GROUPS, ("a", "b"))


@pytest.fixture(scope="module")
def left():
    return cross_validate(
        Vectors(), TABLE, training(), stratified_folds(LABELS, GROUPS, 5, 1), level=0.9
    )


def test_no_subject_is_in_two_folds_and_labels_are_spread() -> None:
    fold = stratified_folds(LABELS, GROUPS, 5, 1)
    assert all(len(set(fold[g == GROUPS])) == 1 for g in range(ROWS // 2))
    shares = [LABELS[fold == k].mean(axis=0) for k in range(5)]
    assert np.std(shares, axis=0).max() < 0.05


def test_folds_that_split_a_subject_are_refused() -> None:
    with pytest.raises(DataRefused, match="more than one fold"):
        cross_validate(Vectors(), TABLE, training(), np.arange(ROWS) % 5)


def test_labels_that_are_noise_are_not_learned() -> None:
    noise = rng.random((ROWS, 2)) < 0.4
    fold = stratified_folds(noise, GROUPS, 5, 1)
    found = cross_validate(Vectors(), TABLE, training(noise), fold)
    area = macro_auroc(noise, found.risk, GROUPS, replicates=100)
    assert area.low < 0.5 < area.high + 0.03


def test_probabilities_of_rows_not_seen_are_calibrated(left) -> None:
    figures = label_figures(("a", "b"), LABELS, left.risk, GROUPS, left.sets)
    for one in figures:
        assert one.calibration_slope is not None
        assert one.calibration_slope.low < 1.0 < one.calibration_slope.high
        assert one.auroc is not None
        assert one.auroc.value > 0.75


def test_sets_hold_the_truth_as_often_as_promised(left) -> None:
    for k in range(2):
        found = coverage(LABELS[:, k], left.sets[:, k])
        assert found.among_events.value > 0.86
        assert found.among_others.value > 0.86
        assert found.both < 0.8


def test_the_interval_of_a_subject_with_two_rows_is_wider_than_of_two_subjects() -> None:
    doubled = np.repeat(np.arange(ROWS), 2)
    labels, risk = LABELS.repeat(2, axis=0), TABLE[:, :2].repeat(2, axis=0)
    honest = macro_auroc(labels, risk, doubled, replicates=200)
    naive = macro_auroc(labels, risk, np.arange(2 * ROWS), replicates=200)
    assert honest.high - honest.low > 1.2 * (naive.high - naive.low)


def test_small_groups_are_counted_and_not_shown() -> None:
    by = {"site": np.array(["big"] * (ROWS - 6) + ["small"] * 6)}
    found = group_figures(("a", "b"), LABELS, 1 / (1 + np.exp(-TABLE[:, :2])), GROUPS, by)
    big, small = found[0], found[2]
    assert big.auroc is not None
    assert big.rows == ROWS - 6
    assert (small.group, small.rows, small.positive, small.auroc) == ("small", None, None, None)


def test_what_is_no_number_becomes_null() -> None:
    assert as_json({"x": [float("nan"), np.float64(1.5), (True, None)]}) == {
        "x": [None, 1.5, [True, None]]
    }
