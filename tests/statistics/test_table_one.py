"""Table 1: what is counted, and differences by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.table_one import (
    categorical_difference,
    standardised_difference,
    table_one,
)


def test_a_table_counts_known_and_missing_in_each_group() -> None:
    age, sex, stage = table_one(
        {
            "age": [50.0, 60.0, np.nan, 70.0, 80.0, 90.0],
            "sex": ["F", "M", None, "F", "F", "M"],
            "stage": [1, 2, 2, 3, 3, 1],
        },
        ["a", "a", "a", "b", "b", "b"],
        kinds={"stage": "categorical"},
    )
    assert (age.kind, age.overall.subjects, age.overall.missing) == ("continuous", 6, 1)
    first, second = (group.spread for group in age.groups)
    assert first is not None
    assert second is not None
    assert (first.mean, first.median, first.deviation) == pytest.approx((55.0, 55.0, 50**0.5))
    assert (second.lower_quartile, second.upper_quartile) == (75.0, 85.0)
    assert age.difference == pytest.approx(25.0 / np.sqrt((50.0 + 100.0) / 2.0))
    assert [(s.level, s.count) for s in sex.groups[0].shares] == [("F", 1), ("M", 1)]
    assert sex.groups[0].missing == 1
    assert sex.overall.shares[0].share == pytest.approx(0.6)
    assert [share.level for share in stage.overall.shares] == [1.0, 2.0, 3.0]


def test_without_groups_there_is_no_difference() -> None:
    (row,) = table_one({"x": [0, 1, 1]})
    assert (row.kind, row.groups, row.difference) == ("categorical", (), None)


def test_two_levels_give_the_binary_difference() -> None:
    found = categorical_difference([0.7, 0.3], [0.5, 0.5])
    wanted = 0.2 / np.sqrt((0.3 * 0.7 + 0.25) / 2.0)
    assert found == pytest.approx(wanted)
    ones = np.array([1] * 3 + [0] * 7), np.array([1] * 5 + [0] * 5)
    assert abs(standardised_difference(*ones)) == pytest.approx(wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=3, max_size=6))
def test_which_level_is_left_out_and_their_order_do_not_matter(
    counts: list[tuple[int, int]],
) -> None:
    first, second = (np.array(column, float) for column in zip(*counts, strict=True))
    first, second = first / first.sum(), second / second.sum()
    found = categorical_difference(first, second)
    assert categorical_difference(first[::-1], second[::-1]) == pytest.approx(found, abs=1e-9)
    assert categorical_difference(second, first) == pytest.approx(found, abs=1e-9)
    assert categorical_difference(first, first) == 0.0


def test_the_largest_pair_is_reported_and_weights_balance() -> None:
    x = np.array([0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (row,) = table_one({"x": x}, np.repeat(["a", "b", "c"], 3))
    assert row.difference == pytest.approx(4.0)
    treated = np.array([1, 1, 1, 0, 0, 0, 0])
    male = np.array([1, 1, 0, 1, 0, 0, 0])
    weight = np.array([1, 1, 1, 6, 1, 1, 1.0])
    (even,) = table_one({"male": male}, treated, weights=weight)
    assert even.difference == pytest.approx(0.0, abs=1e-12)
    (odd,) = table_one({"male": male}, treated)
    assert odd.difference == pytest.approx((2 / 3 - 1 / 4) / np.sqrt((2 / 9 + 3 / 16) / 2))


def test_a_group_without_known_values_has_no_difference() -> None:
    (row,) = table_one({"x": [1.5, 2.5, np.nan, np.nan]}, [0, 0, 1, 1])
    assert row.difference is None
    assert row.groups[1].missing == 2


def test_groups_that_share_nothing_lie_infinitely_apart() -> None:
    (row,) = table_one({"site": ["n", "n", "s", "s"]}, [0, 0, 1, 1])
    assert row.difference == float("inf")


def test_misuse_is_refused() -> None:
    with pytest.raises(DataRefused, match="not numeric"):
        table_one({"sex": ["F", "M"]}, kinds={"sex": "continuous"})
    with pytest.raises(WrongUse, match="No such variable: agee"):
        table_one({"age": [1.0]}, kinds={"agee": "continuous"})
    with pytest.raises(WrongUse, match="rows"):
        table_one({"age": [1.0, 2.0], "sex": [1.0]})
