"""What columns are taken, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics import columns


def test_flags_are_booleans_or_zeros_and_ones() -> None:
    assert columns.flags("seen", [0, 1.0]).tolist() == [False, True]
    with pytest.raises(DataRefused, match="only 0 and 1"):
        columns.flags("seen", [0, 2])
    with pytest.raises(WrongUse, match="one column"):
        columns.flags("seen", [[0, 1]])
    with pytest.raises(WrongUse, match="3 rows where 2"):
        columns.flags("seen", [0, 1, 1], 2)


def test_missing_values_are_counted_never_shown() -> None:
    with pytest.raises(DataRefused, match="age has 2 missing or infinite"):
        columns.floats("age", [1.0, np.nan, np.inf])
    with pytest.raises(DataRefused, match="covariates, column 2 has 1 missing"):
        columns.matrix("covariates", [[1.0, np.nan], [1.0, 2.0]])
    assert columns.matrix("covariates", [[1e308], [1e308]]).shape == (2, 1)
    with pytest.raises(WrongUse, match="two dimensions"):
        columns.matrix("covariates", [1.0])


def test_weights_groups_and_names() -> None:
    for wrong, words in (([-1.0, 1.0], "negative"), ([0.0, 0.0], "all zero")):
        with pytest.raises(DataRefused, match=words):
            columns.weights_of(wrong, 2)
    labels, codes = columns.labelled("site", ["b", "a", "b"], 3)
    assert (labels, codes.tolist()) == (["a", "b"], [1, 0, 1])
    assert columns.names_of(None, 2) == ("x1", "x2")
    with pytest.raises(WrongUse, match="1 names for 2"):
        columns.names_of(["a"], 2)
