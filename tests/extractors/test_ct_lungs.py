"""Findings of the lungs in chest CT, and of the body in any CT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.imaging.chest import chest

from biolake.core.media import Image, Volume
from biolake.extractors.ct_intensity import ct_intensity
from biolake.extractors.ct_lungs import ct_lungs


def values(extension, opened) -> dict[str, float]:
    return {found.code: found.value for found in extension.call(opened)}


def test_a_whole_chest_is_measured() -> None:
    volume, truth = chest()
    found = values(ct_lungs, volume)
    assert found["CT//lung_coverage"] == 1.0
    assert found["CT//lung_volume"] == pytest.approx((truth > 0).sum() * 45 / 1000, rel=0.01)
    right, left = found["CT//lung_volume_right"], found["CT//lung_volume_left"]
    assert right + left == pytest.approx(found["CT//lung_volume"])
    assert found["CT//lung_density_mean"] == pytest.approx(-850, abs=3)
    assert found["CT//lung_well_aerated"] > 99


@pytest.mark.parametrize(
    ("density", "code"),
    [
        (-960.0, "CT//lung_emphysema"),
        (-550.0, "CT//lung_high_attenuation"),
        (-550.0, "CT//lung_ground_glass_range"),
    ],
)
def test_lungs_of_another_density_fall_into_their_range(density: float, code: str) -> None:
    volume, _ = chest(lung=density, noise=2.0)
    assert values(ct_lungs, volume)[code] > 97


def test_lungs_that_are_cut_have_coverage_alone() -> None:
    volume, _ = chest()
    (found,) = ct_lungs.call(replace(volume, voxels=volume.voxels[:35]))
    assert (found.code, found.value, found.text) == (
        "CT//lung_coverage",
        0.0,
        "lungs cut at the top",
    )


def test_a_lung_that_is_not_found_is_named_and_nothing_measured() -> None:
    volume, truth = chest()
    drowned = volume.voxels.copy()
    drowned[truth == 2] = 20
    found = ct_lungs.call(replace(volume, voxels=drowned))
    assert [(f.value, f.text) for f in found] == [(0.0, "left lung not found")]


def test_a_body_cut_at_the_sides_has_no_shares() -> None:
    volume, _ = chest()
    cut = replace(volume, voxels=volume.voxels[:, 40:85, 40:88].copy())
    assert ct_intensity.call(cut) == []


def test_a_volume_without_lungs_says_so() -> None:
    head = Volume(np.full((20, 60, 60), 40, dtype=np.int16), (3.0, 3.0, 3.0), "HU")
    (found,) = ct_lungs.call(head)
    assert (found.value, found.text) == (0.0, "no lungs in view")


def test_a_volume_in_other_units_says_why_it_is_not_measured() -> None:
    volume, _ = chest()
    (found,) = ct_lungs.call(replace(volume, units=""))
    assert found.text is not None
    assert found.text.startswith("not measured: ")
    assert ct_intensity.call(replace(volume, units="")) == []


def test_the_body_is_measured_without_the_table() -> None:
    volume, _ = chest()
    found = values(ct_intensity, volume)
    body = np.pi * 165 * 110 * 60 * 5.0 / 1000
    assert found["CT//body_volume"] == pytest.approx(body, rel=0.02)
    shares = [found[f"CT//body_{name}"] for name in ("air", "fat", "muscle_range", "dense")]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert found["CT//body_density_median"] == pytest.approx(40, abs=25)


def test_pictures_have_no_findings() -> None:
    for extension in (ct_lungs, ct_intensity):
        assert extension.call(Image(np.zeros((20, 20)))) == []


@pytest.mark.parametrize("extension", [ct_lungs, ct_intensity], ids=lambda e: e.name)
@pytest.mark.parametrize("seed", range(12))
def test_hostile_volumes_neither_crash_nor_give_numbers_that_are_none(extension, seed) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 24, 3))
    kind = (np.int16, np.float32, np.uint8, np.float64)[seed % 4]
    voxels = rng.normal(-500, 600, shape).astype(np.float64)
    if seed % 4 in (1, 3):
        voxels[rng.random(shape) < 0.2] = (np.nan, np.inf, -np.inf)[seed % 3]
    with np.errstate(invalid="ignore"):
        voxels = voxels.astype(kind)
    spacing = [(1.0, 1.0, 1.0), (0.0, 1.0, 1.0), (np.nan, 1.0, 1.0), (1e-3, 50.0, 1e4)][seed % 4]
    for found in extension.call(Volume(voxels, spacing, "HU")):
        assert np.isfinite(found.value), found.code


def test_codes_and_units_are_those_declared() -> None:
    volume, _ = chest()
    for extension in (ct_lungs, ct_intensity):
        declared = {code.code: code.unit for code in extension.codes}
        for found in extension.call(volume):
            assert declared[found.code] == found.unit
