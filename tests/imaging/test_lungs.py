"""Lungs: on a chest that is known, and on the shared CTs beside a peer's masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.imaging.chest import chest, dice
from tests.imaging.nifti import nifti, shared

from biolake.core.errors import DataRefused
from biolake.core.media import Volume
from biolake.imaging.lungs import LEFT, RIGHT, Lungs, lungs_of


def test_known_lungs_are_found_and_told_apart() -> None:
    volume, truth = chest()
    found = lungs_of(volume)
    mask = found.full(truth.shape)
    assert found.missing == ()
    assert dice(mask == RIGHT, truth == 1) > 0.98
    assert dice(mask == LEFT, truth == 2) > 0.98
    assert found.volume == pytest.approx((truth > 0).sum() * 45 / 1000, rel=0.02)


def test_values_at_the_edge_are_those_next_to_it_inside() -> None:
    mask = np.zeros((1, 6, 7), dtype=np.uint8)
    mask[0, 1:5, 1:6] = RIGHT
    section = np.arange(12 * 14).reshape(12, 14)
    found = Lungs(mask, (1, 2, 2), (1.0, 1.0, 1.0), ()).values(0, section)
    inner = section[4:8, 4:10]
    assert found.size == mask.sum() * 4
    assert set(found.tolist()) == set(inner.ravel().tolist())
    mask[0, 3:] = 0
    assert Lungs(mask, (1, 2, 2), (1.0, 1.0, 1.0), ()).values(0, section).size == 0


def test_windpipe_bowel_and_table_foam_are_no_lung() -> None:
    volume, truth = chest()
    assert not (lungs_of(volume).full(truth.shape)[truth == 0] > 0).mean() > 0.002


def test_lungs_that_touch_are_parted() -> None:
    volume, truth = chest(joined=True)
    mask = lungs_of(volume).full(truth.shape)
    assert dice(mask == RIGHT, truth == 1) > 0.97
    assert dice(mask == LEFT, truth == 2) > 0.97


def test_right_and_left_follow_the_axes_and_not_the_columns() -> None:
    volume, _ = chest()
    mirrored = volume.axes.copy()
    mirrored[2] *= -1
    one, other = lungs_of(volume), lungs_of(replace(volume, axes=mirrored))
    assert one.volume_of(RIGHT) == other.volume_of(LEFT)


def test_a_volume_stored_from_head_to_feet_gives_the_same() -> None:
    volume, truth = chest()
    turned = volume.axes.copy()
    turned[0] *= -1
    found = lungs_of(replace(volume, voxels=volume.voxels[::-1].copy(), axes=turned))
    assert dice(found.full(truth.shape)[::-1] > 0, truth > 0) > 0.98


@pytest.mark.parametrize(
    ("part", "missing"),
    [(slice(0, 35), "top"), (slice(30, 60), "bottom"), (slice(0, 9), "all")],
)
def test_what_is_not_in_view_is_named(part: slice, missing: str) -> None:
    volume, _ = chest()
    assert missing in lungs_of(replace(volume, voxels=volume.voxels[part])).missing


def test_lungs_cut_at_the_sides_are_named() -> None:
    volume, _ = chest()
    cut = replace(volume, voxels=volume.voxels[:, 40:85, 40:88].copy())
    assert "sides" in lungs_of(cut).missing


def test_slices_cut_finer_give_the_same_volume() -> None:
    volume, _ = chest((60, 192, 192), spacing=(5.0, 2.0, 2.0))
    fine, _ = chest((60, 384, 384), spacing=(5.0, 1.0, 1.0))
    assert lungs_of(volume).volume == pytest.approx(lungs_of(fine).volume, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"units": ""},
        {"spacing": (0.0, 1.0, 1.0)},
        {"voxels": np.zeros((4, 64, 64), dtype=np.int16)},
        {"axes": np.eye(3)},
    ],
)
def test_what_is_no_axial_ct_in_hounsfield_units_is_refused(change) -> None:
    volume, _ = chest()
    with pytest.raises(DataRefused, match="Lungs are sought"):
        lungs_of(replace(volume, **change))


@pytest.mark.parametrize("value", [-1000, 0, 3000, -3024])
def test_an_even_volume_has_no_lungs(value: int) -> None:
    volume = Volume(np.full((20, 40, 40), value, dtype=np.int16), (3.0, 3.0, 3.0), "HU")
    assert lungs_of(volume).missing == ("all",)


@shared
def test_lung_bases_of_an_abdominal_ct_match_the_peer_s_lobes() -> None:
    voxels, spacing, axes = nifti("abdomen_ct_3mm.nii.gz")
    labels, _, _ = nifti("abdomen_ct_3mm_totalseg_labels.nii.gz")
    found = lungs_of(Volume(voxels, (spacing,) * 3, "HU", axes=axes))
    mask = found.full(voxels.shape)
    assert found.missing == ("top",)
    assert dice(mask > 0, np.isin(labels, (10, 11, 12, 13, 14))) > 0.95
    right, _, _ = nifti("abdomen_ct_3mm_lung_lower_lobe_right.nii.gz")
    left, _, _ = nifti("abdomen_ct_3mm_lung_lower_lobe_left.nii.gz")
    assert dice(mask == RIGHT, right > 0) > 0.95
    assert (mask[left > 0] == LEFT).mean() > 0.95


@shared
def test_a_heart_ct_that_cuts_the_lungs_is_refused_a_volume() -> None:
    voxels, spacing, axes = nifti("thorax_ct_1p5mm.nii.gz")
    assert lungs_of(Volume(voxels, (spacing,) * 3, "HU", axes=axes)).missing == ("sides",)
