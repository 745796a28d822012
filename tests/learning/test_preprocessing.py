"""What linear models see is learned on train, complete, and saved as plain JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from biolake.core.errors import DataRefused
from biolake.learning.preprocessing import Preprocessing, learn_preprocessing

COLUMNS = ("lactate", "age", "flat", "never")


def _values(rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(3)
    values = np.column_stack(
        [np.exp(rng.normal(0.7, 0.8, rows)), rng.normal(60, 10, rows), np.ones(rows)]
    )
    values = np.column_stack([values, np.full(rows, np.nan)])
    values[:40, 0] = np.nan
    return values


def test_a_skewed_positive_column_is_taken_on_the_log_scale() -> None:
    learned = learn_preprocessing(COLUMNS, _values())
    assert learned.outputs == ("log(lactate)", "age", "missing(lactate)")


def test_what_comes_out_is_complete_and_standardised() -> None:
    values = _values()
    out = learn_preprocessing(COLUMNS, values).apply(values)
    assert np.isfinite(out).all()
    assert out.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    assert out.std(axis=0) == pytest.approx(1.0, abs=1e-9)


def test_a_later_row_changes_nothing_that_was_learned() -> None:
    values = _values()
    learned = learn_preprocessing(COLUMNS, values)
    alone = learned.apply(values[:1])
    assert np.array_equal(alone, learned.apply(values)[:1])


def test_a_value_that_train_never_had_is_treated_as_unknown() -> None:
    learned = learn_preprocessing(COLUMNS, _values())
    negative, unknown = learned.apply(np.array([[-1.0, 60, 1, 1], [np.nan, 60, 1, 1]]))
    assert negative[0] == unknown[0]


def test_indicators_equal_row_by_row_are_kept_once() -> None:
    values = np.random.default_rng(0).normal(size=(100, 2))
    values[:30] = np.nan
    assert learn_preprocessing(("a", "b"), values).outputs == ("a", "b", "missing(a)")


def test_it_comes_back_from_json_as_it_was() -> None:
    learned = learn_preprocessing(COLUMNS, _values())
    assert Preprocessing.from_json(json.loads(json.dumps(learned.to_json()))) == learned


def test_columns_of_which_none_varies_are_refused() -> None:
    with pytest.raises(DataRefused, match="no feature varies"):
        learn_preprocessing(("flat",), np.ones((10, 1)))
