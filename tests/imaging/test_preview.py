"""Pictures of images: windows by content, sides where radiology has them, bars that measure."""

from __future__ import annotations

import io
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from biolake.core.assets import FileContent
from biolake.core.media import Image, Volume
from biolake.imaging.preview import content_window, montage, picture, slide_overview

DATA = Path(__file__).parents[2].parent / "shared" / "data"
EDGE, GAP = 30, 4  # pixels above the first tile, and around it


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(png)).convert("L")).astype(int)


def disc(radius: float, size: int = 100) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size / 2
    return (y**2 + x**2 < radius**2)[None].repeat(3, 0)


def test_the_window_follows_the_content() -> None:
    air = np.full((3, 100, 100), -1000.0)
    abdomen = np.where(disc(40), 50.0, air)
    chest = np.where(disc(20), -800.0, abdomen)
    head = np.where(disc(20), 35.0, np.where(disc(23), 1000.0, air))
    spacing = (5.0, 4.0, 4.0)
    assert content_window(chest, spacing) == "lung"
    assert content_window(abdomen, spacing) == "soft tissue"
    assert content_window(head, spacing) == "brain"
    assert content_window(air, spacing) == "soft tissue"


def test_air_around_a_body_is_no_lung() -> None:
    air = np.full((3, 100, 100), -800.0)  # foam, blankets
    assert content_window(np.where(disc(30), 50.0, air), (5.0, 4.0, 4.0)) == "soft tissue"


def marked(order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """Return a volume stored in any order and direction, bright on the left, front and top.

    The index axes run along patient axis `order`, in direction `signs`.
    """
    lps = np.ones((40, 40, 40), np.float32)  # left, posterior, superior
    lps[25:35, 5:15, 25:35] = 100.0
    voxels = np.transpose(lps, order)
    voxels = voxels[tuple(slice(None, None, sign) for sign in signs)]
    axes = np.eye(3)[list(order)] * np.array(signs)[:, None]
    return Volume(voxels.copy(), (1.0, 1.0, 1.0), "1", axes=axes)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_every_storage_order_is_shown_from_the_same_side(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    volume = marked(order, signs)
    seen = pixels(montage(volume))
    # The slice through the mark is tile 15 or 6 of 20, at index 30 or 10 of 40.
    bright_slices = np.flatnonzero((volume.voxels > 50).any(axis=(1, 2)))
    number = int(np.median(bright_slices))
    shown = np.unique(np.linspace(0, 39, 20).round().astype(int))
    place = int(np.abs(shown - number).argmin())
    x = GAP + place % 5 * (240 + GAP)
    y = EDGE + GAP + place // 5 * (240 + GAP)
    tile = seen[y : y + 240, x : x + 240]
    bright = np.argwhere(tile > 200)[np.argwhere(tile > 200)[:, 0] > 30]  # past the number
    row, column = np.median(bright, axis=0)
    # Sagittal slices have the front on the left, others the patient's left on the right.
    assert column / 6 == pytest.approx(10 if order[0] == 0 else 30, abs=2)
    assert row / 6 == pytest.approx(10, abs=2)  # the front up on axial slices, else the head


def test_oblique_and_odd_volumes_are_drawn() -> None:
    for shape in ((1, 1, 1), (1, 5, 300), (2, 300, 5), (400, 8, 8)):
        volume = Volume(np.ones(shape, np.float32), (3.0, 0.5, 2.0), "1")
        assert pixels(montage(volume)).shape[1] >= 640
    twisted = Volume(np.zeros((3, 4, 5), np.float32), (1.0, 1.0, 1.0), axes=np.ones((3, 3)))
    assert pixels(montage(twisted)).any()
    missing = Volume(np.full((2, 4, 4), np.nan, np.float32), (1.0, 1.0, 1.0), "1")
    assert pixels(montage(missing)).any()


def test_pixels_that_are_not_square_are_stretched() -> None:
    one = pixels(picture(Image(np.full((100, 400), 255, np.uint8), spacing=(4.0, 1.0))))
    assert (one > 250).any(axis=0).sum() >= 395
    assert (one > 250).any(axis=1).sum() >= 395


@pytest.mark.parametrize(
    "array",
    [
        np.arange(600, dtype=np.uint16).reshape(20, 30) * 100,
        np.linspace(-1, 1, 600, dtype=np.float32).reshape(20, 30),
        np.full((20, 30), np.nan, np.float32),
        np.zeros((20, 30, 3), np.uint8),
        np.zeros((20, 30), bool),
    ],
)
def test_pictures_of_any_depth_are_drawn(array: np.ndarray) -> None:
    assert pixels(picture(Image(array, frames=3), "title")).any()


def test_a_deep_picture_is_spread_over_its_percentiles() -> None:
    ramp = np.tile(np.linspace(1000, 3000, 700).astype(np.uint16), (300, 1))
    seen = pixels(picture(Image(ramp)))[EDGE + 5 : EDGE + 295]
    assert seen[:, :5].max() < 10
    assert seen[:, 695:].min() > 245


class Slide:
    """A white slide of one level."""

    levels = ((4000, 2000),)
    size = (4000, 2000)

    def __init__(self, mpp: tuple[float, float] | None) -> None:
        self.mpp = mpp

    def read(self, at: tuple[int, int], size: tuple[int, int], mpp: float) -> np.ndarray:
        raise NotImplementedError

    def thumbnail(self, longest: int) -> np.ndarray:
        return np.full((longest // 2, longest, 3), 255, np.uint8)

    def close(self) -> None: ...


def test_the_bar_of_a_slide_is_as_long_as_it_says() -> None:
    png = slide_overview(Slide((0.5, 0.5)), longest=1000)  # 2 um a pixel: 200 um are 100
    colours = np.asarray(Pillow.open(io.BytesIO(png)).convert("RGB")).astype(int)
    yellow = (colours == (255, 220, 90)).all(axis=2)
    longest = yellow.sum(axis=1).max()
    assert longest == pytest.approx(200 / 2, abs=2)
    without = slide_overview(Slide(None), longest=1000)
    colours = np.asarray(Pillow.open(io.BytesIO(without)).convert("RGB")).astype(int)
    assert not (colours == (255, 220, 90)).all(axis=2).any()


@pytest.mark.parametrize(
    ("name", "window"), [("thorax_ct_1p5mm", "lung"), ("abdomen_ct_3mm", "soft tissue")]
)
def test_real_scans_get_the_window_a_radiologist_chooses(name: str, window: str) -> None:
    path = DATA / "ct_chest" / f"{name}.nii.gz"
    if not path.is_file():
        pytest.skip("no shared data")
    from biolake.readers.nifti import nifti

    volume = nifti.call(FileContent.of(path))
    assert content_window(volume.voxels[::4], volume.spacing) == window
