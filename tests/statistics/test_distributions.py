"""Distribution functions against SciPy."""

from __future__ import annotations

import pytest

from biolake.core.errors import WrongUse
from biolake.statistics import distributions as d


def test_tails_and_quantiles_equal_scipy() -> None:
    # SciPy 1.17.1: stats.chi2.sf(x, k) and stats.chi2.ppf(p, k)
    for x, k, wanted in (
        (0.01, 1, 0.920344325445942),
        (3.84, 1, 0.05004352124870519),
        (30.0, 1, 4.3204630578274955e-08),
        (5.0, 3, 0.1717971442967335),
        (300.0, 20, 8.082849629775851e-52),
        (180.0, 200, 0.84177901081357),
    ):
        assert d.chi2_sf(x, k) == pytest.approx(wanted, rel=1e-12)
    for p, k, wanted in (
        (0.025, 2, 0.05063561596857975),
        (0.975, 2, 7.377758908227871),
        (0.5, 7.5, 6.844905469601071),
        (0.025, 400, 346.48176536291464),
        (0.999, 3, 16.26623619623813),
    ):
        assert d.chi2_quantile(p, k) == pytest.approx(wanted, rel=1e-11)


def test_head_and_tail_add_up_and_quantiles_invert() -> None:
    for shape in (0.5, 1.0, 7.3, 250.0):
        for probability in (1e-6, 0.025, 0.5, 0.975, 1.0 - 1e-9):
            x = d.gamma_quantile(probability, shape)
            assert d.gamma_head(shape, x) == pytest.approx(probability, rel=1e-9)
            assert d.gamma_head(shape, x) + d.gamma_tail(shape, x) == pytest.approx(1.0)


def test_normal_values() -> None:
    assert d.critical(0.95) == pytest.approx(1.959963984540054, abs=1e-14)
    assert d.two_sided_p(1.959963984540054) == pytest.approx(0.05)
    assert d.normal_cdf(-3.0) == pytest.approx(0.0013498980316300957, rel=1e-12)
    assert d.gamma_tail(2.0, 0.0) == 1.0
    assert d.gamma_head(2.0, 0.0) == 0.0
    assert d.gamma_quantile(0.0, 2.0) == 0.0
    with pytest.raises(WrongUse):
        d.critical(1.0)
    with pytest.raises(WrongUse):
        d.gamma_quantile(1.0, 2.0)
