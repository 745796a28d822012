"""Tissue, stains, focus and tiles: on a drawn slide, and on a shared one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from tests.imaging.chest import dice
from tests.imaging.slides import DrawnSlide, OpenSlide, drawn

from biolake.core.errors import DataRefused, WrongUse
from biolake.imaging.glass import optical_density, threshold_of
from biolake.imaging.sharpness import blurred, sharpness_of
from biolake.imaging.stains import own_vectors, stains_of
from biolake.imaging.tiles import read_tiles, tissue_tiles
from biolake.imaging.tissue import tissue_of

SLIDE = Path(__file__).parents[2].parent / "shared" / "data" / "wsi" / "cmu-1-small-region.svs"
shared = pytest.mark.skipif(not SLIDE.exists(), reason="no shared data")


def test_a_known_disc_is_found_with_its_area() -> None:
    slide, truth = drawn()
    found = tissue_of(slide)
    step = round(found.pixel[0])
    assert dice(found.mask, truth[::step, ::step]) > 0.99
    assert found.area(slide.mpp) == pytest.approx(truth.sum() * 0.25e-6, rel=0.02)


def test_blank_glass_has_no_tissue_and_no_tiles() -> None:
    slide, _ = drawn(blank=True)
    assert tissue_of(slide).share == 0.0
    assert tissue_tiles(slide, 64, 0.5) == []


def test_a_scan_without_any_light_has_no_tissue() -> None:
    black = DrawnSlide(np.zeros((600, 600, 3), dtype=np.uint8))
    assert tissue_of(black).share == 0.0


def test_ink_is_no_tissue_and_is_told() -> None:
    plain, _ = drawn()
    marked, _ = drawn(pen=True)
    assert tissue_of(marked).share == pytest.approx(tissue_of(plain).share, rel=0.01)
    assert tissue_of(marked).pen_share == pytest.approx(80 * 700 / (1200 * 1600), rel=0.05)


def beside_tumour(
    stroma: tuple[int, int, int],
    glass: tuple[int, int, int] = (244, 243, 245),
    noise: float = 3.0,
    tissue: float = 0.39,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a slide of which a third of the tissue is dark tumour, the rest stroma; and where."""
    rows, columns = np.indices((800, 800))
    share = np.pi * ((rows - 400) ** 2 + (columns - 400) ** 2) / 800**2
    pixels = np.full((800, 800, 3), glass, dtype=np.float64)
    pixels[share < tissue] = np.multiply(stroma, glass) / (244, 243, 245)
    pixels[share < tissue / 3] = (120, 60, 130)
    pixels += np.random.default_rng(0).normal(0.0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), share < tissue


STROMA = [(224, 132, 178), (232, 180, 205), (236, 200, 220), (238, 215, 228), (240, 222, 233)]


@pytest.mark.parametrize("stroma", STROMA)
@pytest.mark.parametrize("glass", [(244, 243, 245), (255, 255, 255), (230, 226, 215)])
@pytest.mark.parametrize("noise", [1.0, 6.0])
def test_pale_stroma_is_tissue_however_dark_the_tumour_in_it(stroma, glass, noise) -> None:
    pixels, truth = beside_tumour(stroma, glass, noise)
    found = tissue_of(DrawnSlide(pixels, (8.0, 8.0)))
    assert found.share == pytest.approx(truth.mean(), abs=0.01)
    assert dice(found.mask, truth) > 0.99


@pytest.mark.parametrize("padding", [0, 255])
@pytest.mark.parametrize("tissue", [0.3, 0.7])
def test_what_was_not_scanned_is_not_taken_for_the_glass(padding: int, tissue: float) -> None:
    pixels, truth = beside_tumour(STROMA[-1], tissue=tissue)
    padded = np.full((1600, 1600, 3), padding, dtype=np.uint8)
    padded[400:1200, 400:1200] = pixels
    found = tissue_of(DrawnSlide(padded, (8.0, 8.0)))
    assert found.share == pytest.approx(truth.mean() / 4, rel=0.02)


def test_a_picture_full_of_tissue_has_no_glass_and_is_tissue() -> None:
    pixels, _ = beside_tumour(STROMA[0], tissue=3.0)
    assert tissue_of(DrawnSlide(pixels, (8.0, 8.0))).share > 0.99


@pytest.mark.parametrize("level", [130, 200, 244, 255])
@pytest.mark.parametrize("noise", [0.0, 5.0, 15.0])
def test_blank_slides_of_any_brightness_and_grain_have_no_tissue(level: int, noise: float) -> None:
    pixels = np.random.default_rng(0).normal(level, noise, (700, 700, 3))
    found = tissue_of(DrawnSlide(np.clip(pixels, 0, 255).astype(np.uint8)))
    assert found.share == found.pen_share == 0.0


def test_shadows_and_dust_without_colour_are_no_tissue() -> None:
    pixels, truth = beside_tumour(STROMA[2])
    pixels[20:120, 20:220] = pixels[20:120, 20:220] // 2
    assert tissue_of(DrawnSlide(pixels, (8.0, 8.0))).share == pytest.approx(truth.mean(), abs=0.01)


def test_otsu_cuts_between_two_heaps() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate((rng.normal(0.05, 0.01, 5000), rng.normal(0.5, 0.05, 1000)))
    assert 0.1 < threshold_of(values) < 0.4


def test_stains_mixed_by_the_standard_vectors_are_unmixed() -> None:
    haematoxylin = np.array([0.650, 0.704, 0.286]) / np.linalg.norm([0.650, 0.704, 0.286])
    eosin = np.array([0.072, 0.990, 0.105]) / np.linalg.norm([0.072, 0.990, 0.105])
    density = 0.5 * haematoxylin + 0.3 * eosin
    colour = np.rint(256.0 * 10.0**-density - 1).astype(np.uint8)
    found = stains_of(np.tile(colour, (10, 1)))
    assert found.haematoxylin == pytest.approx(0.5, abs=0.01)
    assert found.eosin == pytest.approx(0.3, abs=0.01)
    assert found.residual == pytest.approx(0.0, abs=0.01)


def test_a_slide_s_own_vectors_are_found() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([(0.65, 0.70, 0.29), (0.27, 0.88, 0.39)])
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    amounts = rng.gamma(2.0, 0.3, (20_000, 2)) * (rng.random((20_000, 1)) < [0.6, 0.8]) + 0.02
    rgb = np.clip(256 * 10 ** -(amounts @ truth) - 1, 0, 255).astype(np.uint8)
    found = own_vectors(rgb)
    assert found is not None
    angles = np.degrees(np.arccos(np.clip((found * truth).sum(axis=1), -1, 1)))
    assert (angles < 6).all()


def test_a_blank_slide_has_no_vectors_of_its_own() -> None:
    assert own_vectors(np.full((500, 3), 245, dtype=np.uint8)) is None


def test_clear_glass_has_no_optical_density() -> None:
    assert optical_density(np.array([255], dtype=np.uint8))[0] == 0.0


def test_tiles_lie_on_tissue_and_do_not_overlap() -> None:
    slide, truth = drawn()
    tiles = tissue_tiles(slide, 64, 0.5)
    for column, row in tiles:
        assert truth[row : row + 64, column : column + 64].mean() > 0.4
    assert len(set(tiles)) == len(tiles)
    assert all(column % 64 == 0 and row % 64 == 0 for column, row in tiles)


def test_few_tiles_are_spread_over_the_tissue_and_the_seed_decides() -> None:
    slide, _ = drawn()
    tiles = tissue_tiles(slide, 32, 0.5, 24)
    assert len(tiles) == 24
    assert tiles == tissue_tiles(slide, 32, 0.5, 24)
    assert tiles != tissue_tiles(slide, 32, 0.5, 24, seed=4)
    middle = np.mean(tiles, axis=0) + 16
    assert np.abs(middle - (700, 600)).max() < 60
    quarters = {(column > 700, row > 600) for column, row in tiles}
    assert len(quarters) == 4


def test_tiles_at_a_coarser_resolution_cover_more() -> None:
    slide, _ = drawn()
    fine, coarse = tissue_tiles(slide, 64, 0.5), tissue_tiles(slide, 64, 1.0)
    assert len(coarse) == pytest.approx(len(fine) / 4, rel=0.3)
    assert next(read_tiles(slide, coarse, 64, 1.0)).shape == (64, 64, 3)


def test_a_slide_without_a_resolution_is_refused_tiles() -> None:
    slide, _ = drawn()
    slide.mpp = None
    with pytest.raises(DataRefused, match="micrometres"):
        tissue_tiles(slide, 64, 0.5)
    with pytest.raises(WrongUse):
        tissue_tiles(slide, 0, 0.5)


def test_tiles_too_small_for_the_slide_are_refused_before_memory_is_asked() -> None:
    huge = DrawnSlide(np.broadcast_to(np.uint8(240), (200_000, 200_000, 3)))
    with pytest.raises(WrongUse, match="too small"):
        tissue_tiles(huge, 2, 0.5)


@shared
def test_a_real_slide_s_tissue_tiles_and_focus() -> None:
    slide = OpenSlide(SLIDE)
    found = tissue_of(slide)
    assert found.area(slide.mpp) == pytest.approx(0.61, abs=0.04)  # with Otsu's threshold 0.59
    assert found.pen_share < 0.01
    places = tissue_tiles(slide, 256, 1.0, 8)
    tiles = list(read_tiles(slide, places, 256, 1.0))
    assert tiles
    for tile in tiles:
        lost = ndimage.gaussian_filter(tile, (2, 2, 0))
        assert not blurred(sharpness_of(tile))
        assert blurred(sharpness_of(lost))
    stains = stains_of(found.overview[found.mask])
    assert stains.haematoxylin > 0.1
    assert stains.eosin > 0.1
    slide.close()
