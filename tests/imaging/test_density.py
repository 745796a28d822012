"""Histograms of Hounsfield units against numpy on the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.imaging.density import HIGHEST, LOWEST, density, summed


def test_read_outs_equal_those_of_the_values() -> None:
    values = np.random.default_rng(0).normal(-800, 90, 20_001).round().astype(np.int16)
    found = density(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.deviation == pytest.approx(values.std())
    assert found.percentile(15) == np.percentile(values, 15, method="inverted_cdf")
    assert found.share(high=-950) == pytest.approx(100 * (values < -950).mean())
    inside = (values >= -750) & (values < -300)
    assert found.share(-750, -300) == pytest.approx(100 * inside.mean())


def test_parts_add_up() -> None:
    values = np.arange(-900, -700)
    parts = summed([density(values[:50]), density(values[50:])])
    assert (parts.counts == density(values).counts).all()


def test_voxels_without_a_value_are_not_counted_and_extremes_are() -> None:
    found = density(np.array([np.nan, np.inf, -5000.0, 9000.0]))
    assert found.voxels == 2
    assert found.counts[0] == found.counts[HIGHEST - LOWEST] == 1
