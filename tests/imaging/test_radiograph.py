"""Quality of radiographs: on drawn pictures, and on shared chests turned or inverted."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from biolake.core.errors import DataRefused
from biolake.imaging.radiograph import quality_of

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "covid_chest"
shared = pytest.mark.skipif(not DATA.exists(), reason="no shared data")


def picture(rows: int = 300, columns: int = 240) -> np.ndarray:
    """Return a chest-like picture: two dark lungs beside a bright middle."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = 0.75 - 0.2 * x**2
    for centre in (-0.5, 0.5):
        body = body - 0.5 * np.exp(-(((x - centre) / 0.25) ** 2) - (y / 0.6) ** 2)
    noise = np.random.default_rng(0).normal(0, 0.01, body.shape)
    return np.clip((body + noise) * 4000, 0, 4095).astype(np.uint16)


def test_a_plain_chest_raises_no_suspicion() -> None:
    found = quality_of(picture())
    assert (found.turned, found.inverted, found.text) == (False, False, False)
    assert found.border == 0.0
    assert found.aspect == 0.8


def test_the_range_of_the_pixels_does_not_matter() -> None:
    one, other = quality_of(picture()), quality_of(picture().astype(np.float32) / 16 - 40)
    assert one.exposure == pytest.approx(other.exposure, abs=1e-4)
    assert one.sharpness == pytest.approx(other.sharpness, rel=1e-3)


def test_a_negative_is_suspected() -> None:
    assert quality_of(4095 - picture()).inverted


def test_blur_lowers_sharpness() -> None:
    sharp, soft = picture(), ndimage.gaussian_filter(picture().astype(float), 2)
    assert quality_of(soft).sharpness < 0.3 * quality_of(sharp).sharpness


def test_collimation_is_measured() -> None:
    framed = np.pad(picture(), ((30, 30), (24, 24)))
    assert quality_of(framed).border == pytest.approx(1 - 1 / 1.2**2, abs=0.01)


def test_clipped_pixels_are_counted() -> None:
    burnt = np.minimum(picture(), np.percentile(picture(), 70))
    assert quality_of(burnt).clipped_bright == pytest.approx(0.3, abs=0.02)


def test_spacing_corrects_the_aspect() -> None:
    assert quality_of(picture(), (1.0, 2.0)).aspect == pytest.approx(1.6)


def test_letters_in_a_line_are_suspected() -> None:
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray((picture(600, 500) // 17).astype(np.uint8))
    ImageDraw.Draw(drawn).text(
        (60, 100), "HANDBERG 1961", fill=255, font=ImageFont.load_default(20)
    )
    assert quality_of(np.asarray(drawn)).text


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((40, 40)),
        np.ones((4, 40)),
        np.full((40, 40), np.nan),
        np.zeros((40, 40, 4)),
        np.zeros(40),
    ],
)
def test_what_shows_nothing_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(DataRefused):
        quality_of(pixels)


@shared
def test_frontal_chests_are_told_from_their_negatives_and_from_lying_ones() -> None:
    from PIL import Image

    with (DATA / "metadata.csv").open(encoding="utf-8") as rows:
        frontal = [
            DATA / "images" / row["filename"]
            for row in csv.DictReader(rows)
            if row["modality"] == "X-ray" and row["view"] != "L"
        ]
    pictures = [np.asarray(Image.open(path).convert("L")) for path in frontal[::4] if path.exists()]
    assert len(pictures) > 10
    as_given = [quality_of(each) for each in pictures]
    assert not any(found.inverted or found.turned for found in as_given)
    assert np.mean([quality_of(255 - each).inverted for each in pictures]) > 0.8
    assert np.mean([quality_of(np.rot90(each)).turned for each in pictures]) > 0.7
