from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.learning import ridge
from biolake.learning.ridge import PENALTIES, fit_ridge, grouped_folds
from biolake.statistics.discrimination import auroc

rng = np.random.default_rng(8)


def data(rows: int, columns: int, labels: int = 2):
    table = rng.standard_normal((rows, columns))
    effect = rng.standard_normal((columns, labels)) / np.sqrt(columns)
    return table, table @ effect + 0.5 * rng.standard_normal((rows, labels)) > 0.2


def test_rows_by_rows_and_columns_by_columns_give_the_same_weights() -> None:
    x, target = rng.standard_normal((40, 30)), rng.standard_normal((40, 2))
    by_columns = list(ridge._solutions(x, target))
    wide = np.hstack([x, np.zeros((40, 20))])
    by_rows = list(ridge._solutions(wide, target))
    for (narrow, _), (padded, _) in zip(by_columns, by_rows, strict=True):
        assert padded[:30] == pytest.approx(narrow, abs=1e-8)


def test_weights_solve_the_penalised_equations() -> None:
    x, target = rng.standard_normal((25, 6)), rng.standard_normal((25, 1))
    weights, intercept = next(ridge._solutions(x, target))
    gradient = x.T @ (x @ weights + intercept - target) + PENALTIES[0] * weights
    centred = gradient - x.T @ np.ones((25, 1)) * 0.0
    assert np.abs(centred).max() < 1e-8


def test_it_learns_what_is_there_to_learn() -> None:
    table, labels = data(400, 50)
    fitted = fit_ridge(table[:300], labels[:300], np.arange(300))
    found = fitted.log_odds(table[300:])
    assert min(auroc(labels[300:, k], found[:, k]) for k in range(2)) > 0.85


def test_probabilities_are_calibrated_on_new_rows() -> None:
    table, labels = data(3000, 20, 1)
    fitted = fit_ridge(table[:1500], labels[:1500], np.arange(1500))
    risk = 1 / (1 + np.exp(-fitted.log_odds(table[1500:])[:, 0]))
    assert risk.mean() == pytest.approx(labels[1500:, 0].mean(), abs=0.03)


def test_a_subject_is_never_split_between_folds() -> None:
    groups = rng.integers(0, 30, 200)
    fold = grouped_folds(groups, 5, 1)
    assert all(len(set(fold[groups == g])) == 1 for g in np.unique(groups))


def test_what_is_saved_answers_the_same() -> None:
    table, labels = data(80, 200)
    fitted = fit_ridge(table, labels, np.arange(80))
    again = ridge.Ridge.restored(fitted.arrays())
    assert again.log_odds(table) == pytest.approx(fitted.log_odds(table), abs=1e-3)


def test_other_columns_and_missing_values_are_refused() -> None:
    table, labels = data(60, 10)
    with pytest.raises(WrongUse, match="10 columns"):
        fit_ridge(table, labels, np.arange(60)).log_odds(table[:, :4])
    table[3, 3] = np.nan
    with pytest.raises(DataRefused, match="missing or infinite"):
        fit_ridge(table, labels, np.arange(60))
