"""Windows and squares."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import WrongUse
from biolake.imaging.windows import fit_square, percentile_window, window


def test_a_window_maps_its_width_onto_zero_to_one_and_clips() -> None:
    found = window(np.array([-1350, -600, 150, 900], dtype=np.int16), -600, 1500)
    assert found.dtype == np.float32
    assert found.tolist() == [0.0, 0.5, 1.0, 1.0]


def test_a_window_leaves_its_input_alone() -> None:
    voxels = np.array([-1000.0, 0.0], dtype=np.float32)
    window(voxels, 0, 100)
    assert voxels.tolist() == [-1000.0, 0.0]


def test_a_window_without_width_is_refused() -> None:
    with pytest.raises(WrongUse, match="width"):
        window(np.zeros(3), 0, 0)


def test_percentiles_make_pictures_of_any_range_alike() -> None:
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(50, 50))
    same = percentile_window(picture * 4000 + 70)
    assert np.allclose(percentile_window(picture), same, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_an_even_picture_becomes_zero(value: float) -> None:
    assert not percentile_window(np.full((4, 4), value)).any()


def test_a_wide_picture_is_padded_above_and_below() -> None:
    found = fit_square(np.ones((10, 40)), 20)
    assert found.shape == (20, 20)
    assert np.allclose(found[8:12], 1.0)
    assert np.flatnonzero(found.any(axis=1)).tolist() == [7, 8, 9, 10, 11]


def test_shrinking_keeps_the_mean() -> None:
    picture = np.random.default_rng(1).random((97, 97))
    assert fit_square(picture, 31).mean() == pytest.approx(picture.mean(), rel=1e-5)


def test_fine_stripes_become_grey_and_not_stripes() -> None:
    stripes = np.tile([0.0, 1.0], (256, 128))
    assert np.allclose(fit_square(stripes, 64), 0.5)


def test_growing_is_linear_and_stays_in_range() -> None:
    found = fit_square(np.array([[0.0, 1.0], [0.0, 1.0]]), 4)
    assert np.allclose(found[0], [0.0, 0.25, 0.75, 1.0])


def test_pixels_that_are_not_square_become_so() -> None:
    found = fit_square(np.ones((20, 40)), 40, spacing=(2.0, 1.0))
    assert found.all()


def test_colour_keeps_its_channels() -> None:
    found = fit_square(np.ones((5, 9, 3)) * (0.1, 0.2, 0.3), 18)
    assert found.shape == (18, 18, 3)
    assert np.allclose(found[9, 9], (0.1, 0.2, 0.3))


@pytest.mark.parametrize("shape", [(0, 5), (5,), (1, 1)])
def test_odd_pictures_are_refused_or_filled(shape) -> None:
    if 0 in shape or len(shape) < 2:
        with pytest.raises(WrongUse):
            fit_square(np.ones(shape), 8)
    else:
        assert np.allclose(fit_square(np.ones(shape), 8), 1.0)
