"""Rates against SciPy's exact limits and statsmodels."""

from __future__ import annotations

import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.statistics.incidence import (
    incidence_by_group,
    incidence_rate,
    poisson_limits,
    rate_difference,
    rate_ratio,
)


def test_exact_limits_equal_scipy() -> None:
    # SciPy 1.17.1: chi2.ppf(0.025, 2d)/2 and chi2.ppf(0.975, 2d + 2)/2
    for events, low, high in (
        (0, 0.0, 3.6888794541139354),
        (1, 0.025317807984289876, 5.571643390938898),
        (7, 2.8143630515198654, 14.422675361702376),
        (100, 81.36399125092314, 121.62679379242638),
        (5000, 4862.359188694899, 5140.5489485350045),
    ):
        assert poisson_limits(events) == pytest.approx((low, high), rel=1e-10)


def test_a_rate_is_events_over_person_time() -> None:
    found = incidence_by_group(
        [2.0, 3.0, 5.0, 4.0], [1, 0, 1, 0], ["a", "a", "b", "b"], entry=[0, 1, 0, 2], per=1000.0
    )
    assert found["a"].rate.value == pytest.approx(1000.0 / 4.0)
    assert (found["b"].events, found["b"].person_time) == (1, 7.0)
    assert incidence_by_group([2.0, 3.0], [1, 1])[None].rate.value == pytest.approx(0.4)


def test_ratio_and_difference_equal_statsmodels() -> None:
    # statsmodels 0.15.0: confint_poisson_2indep(41, 28_010, 15, 19_017, compare="ratio",
    # method="wald-log"), and compare="diff", method="wald"
    exposed, other = incidence_rate(41, 28_010, per=1e4), incidence_rate(15, 19_017, per=1e4)
    ratio, difference = rate_ratio(exposed, other), rate_difference(exposed, other)
    assert ratio.value == pytest.approx(41 / 28_010 / (15 / 19_017))
    assert (ratio.low, ratio.high) == pytest.approx((1.0272259976476372, 3.3525633144278704))
    assert (difference.low, difference.high) == pytest.approx(
        (0.7492720676658001, 12.75062787904942)
    )


def test_misuse_is_refused() -> None:
    with pytest.raises(WrongUse):
        incidence_rate(1, 0.0)
    with pytest.raises(DataRefused):
        rate_ratio(incidence_rate(0, 1.0), incidence_rate(1, 1.0))
    with pytest.raises(DataRefused, match="negative"):
        incidence_by_group([1.0], [1], entry=[2.0])
