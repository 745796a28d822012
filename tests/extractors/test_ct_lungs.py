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


def averaged(share: float, finer: int) -> tuple[Volume, float, float]:
    """Return a chest whose edge voxels are partly filled, its true ground glass and volume."""
    side = 128 * finer
    fine, truth = chest((60, side, side), spacing=(5.0, 3.0 / finer, 3.0 / finer), noise=0.0)
    z, y, x = np.ogrid[:60, :side, :side]
    middle, near = np.argwhere(truth == 1).mean(axis=0), np.array((5.0, 3.0 / finer, 3.0 / finer))
    away = sum(((a - m) * n) ** 2 for a, m, n in zip((z, y, x), middle, near, strict=True))
    radius = np.cbrt(share * (truth > 0).sum() * near.prod() * 0.75 / np.pi)
    glass = away < radius**2
    voxels = np.where(glass, -520, fine.voxels)
    coarse = voxels.reshape(60, 128, finer, 128, finer).mean(axis=(2, 4))
    coarse += np.random.default_rng(0).normal(0.0, 15.0, coarse.shape)
    volume = replace(fine, voxels=coarse.astype(np.float32), spacing=(5.0, 3.0, 3.0))
    millilitres = (truth > 0).sum() * near.prod() / 1000
    return volume, 100.0 * glass.sum() / (truth > 0).sum(), millilitres


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1])
def test_edge_voxels_half_filled_are_not_taken_for_ground_glass(share: float) -> None:
    volume, glass, millilitres = averaged(share, 3)
    found = values(ct_lungs, volume)
    assert found["CT//lung_ground_glass_range"] == pytest.approx(glass, abs=1.0)
    assert found["CT//lung_well_aerated"] == pytest.approx(100 - glass, abs=1.5)
    assert found["CT//lung_volume"] == pytest.approx(millilitres, rel=0.02)


def doubt(volume: Volume) -> tuple[float | None, str | None]:
    (found,) = (f for f in ct_lungs.call(volume) if f.code == "CT//lung_mask_doubt")
    return found.value, found.text


@pytest.mark.parametrize("joined", [False, True])
def test_whole_lungs_are_not_doubted(joined: bool) -> None:
    assert doubt(chest(joined=joined)[0]) == (0.0, "none")


def at_wall(lung: int, far: float) -> Volume:
    """Return a chest with dense tissue in one lung, `far` mm around its outermost point."""
    volume, truth = chest()
    z, y, x = np.ogrid[:60, :128, :128]
    centre = (-137.0, 137.0)[lung - 1]
    away = (z * 5 - 165) ** 2 + (y * 3 - 192) ** 2 + (x * 3 - 192 - centre) ** 2
    voxels = volume.voxels.copy()
    voxels[(truth == lung) & (away < far**2)] = 20
    return replace(volume, voxels=voxels)


@pytest.mark.parametrize(("lung", "name"), [(1, "right"), (2, "left")])
def test_a_consolidation_at_the_chest_wall_makes_the_lungs_doubtful(lung: int, name: str) -> None:
    value, text = doubt(at_wall(lung, 48.0))
    assert value == 1.0
    assert text is not None
    assert f"outer edge of the {name} lung" in text


def test_the_side_of_a_doubt_follows_the_axes() -> None:
    volume = at_wall(1, 48.0)
    mirrored = volume.axes.copy()
    mirrored[2] *= -1
    _, text = doubt(replace(volume, axes=mirrored))
    assert text is not None
    assert "outer edge of the left lung" in text


@pytest.mark.parametrize(("lung", "share"), [(1, 0.2), (2, 0.45)])
def test_an_effusion_on_one_side_makes_the_lungs_doubtful(lung: int, share: float) -> None:
    volume, truth = chest()
    voxels = volume.voxels.copy()
    rows = np.broadcast_to(np.arange(128)[None, :, None], truth.shape)
    behind = rows > np.quantile(rows[truth == lung], 1 - share)
    voxels[(truth == lung) & behind] = 10
    value, text = doubt(replace(volume, voxels=voxels))
    assert value == 1.0
    assert text is not None
    assert "of the right one's volume" in text


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
