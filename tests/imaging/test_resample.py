"""Resampling against scipy, and where things lie afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from biolake.core.errors import DataRefused, WrongUse
from biolake.core.media import Volume
from biolake.imaging.resample import resampled


def drawn() -> Volume:
    rng = np.random.default_rng(3)
    voxels = ndimage.gaussian_filter(rng.normal(size=(14, 22, 18)), 2).astype(np.float32) * 500
    return Volume(voxels, (3.0, 0.8, 0.9), "HU", origin=(-40.0, 10.0, 5.0))


def places(volume: Volume) -> list[np.ndarray]:
    return [
        volume.origin[2 - axis] + np.arange(n) * volume.spacing[axis]
        for axis, n in enumerate(volume.voxels.shape)
    ]


def test_linear_equals_scipy_at_the_same_places() -> None:
    before = drawn()
    after = resampled(before, (1.5, 1.5, 1.5))
    old, new = places(before), places(after)
    at = np.meshgrid(
        *[
            np.clip((n - o[0]) / s, 0, len(o) - 1)
            for o, n, s in zip(old, new, before.spacing, strict=True)
        ],
        indexing="ij",
    )
    expected = ndimage.map_coordinates(before.voxels.astype(np.float64), at, order=1)
    assert np.allclose(after.voxels, expected, atol=1e-3)


def test_the_centre_stays_where_it_is() -> None:
    before = drawn()
    after = resampled(before, (2.0, 1.1, 0.7))
    for old, new in zip(places(before), places(after), strict=True):
        assert old.mean() == pytest.approx(new.mean())


def test_the_same_spacing_gives_the_same_volume() -> None:
    before = drawn()
    after = resampled(before, before.spacing)
    assert np.allclose(after.voxels, before.voxels, atol=1e-4)
    assert after.origin == pytest.approx(before.origin)


def test_labels_keep_their_values_and_type() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (6, 7, 8)).astype(np.uint8)
    after = resampled(Volume(labels, (2.0, 2.0, 2.0)), (1.0, 1.5, 3.0), "nearest")
    assert after.voxels.dtype == np.uint8
    assert set(np.unique(after.voxels)) <= set(range(5))


def test_integers_are_interpolated_without_overflow() -> None:
    voxels = np.full((3, 3, 3), 32000, dtype=np.int16)
    assert np.allclose(resampled(Volume(voxels, (1.0, 1.0, 1.0)), (0.5,) * 3).voxels, 32000)


def test_a_spacing_of_nothing_is_refused() -> None:
    with pytest.raises(WrongUse, match="above 0"):
        resampled(drawn(), (0.0, 1.0, 1.0))


def test_a_spacing_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(DataRefused, match=r"2\^30"):
        resampled(drawn(), (0.001, 0.001, 0.001))
