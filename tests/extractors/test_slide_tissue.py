"""Findings of a pathology slide."""

from __future__ import annotations

import numpy as np
import pytest
from tests.imaging.slides import DrawnSlide, drawn

from biolake.core.media import Image
from biolake.extractors.slide_tissue import slide_tissue


def test_a_slide_has_every_declared_finding_in_its_unit() -> None:
    slide, truth = drawn()
    found = {f.code: f for f in slide_tissue.call(slide)}
    assert {code: f.unit for code, f in found.items()} == {
        c.code: c.unit for c in slide_tissue.codes
    }
    assert found["SLIDE//tissue"].value == pytest.approx(100 * truth.mean(), rel=0.02)
    assert found["SLIDE//tissue_area"].value == pytest.approx(truth.sum() * 0.25e-6, rel=0.02)


def test_a_blank_slide_has_no_tissue_and_nothing_measured_on_it() -> None:
    slide, _ = drawn(blank=True)
    assert {f.code: f.value for f in slide_tissue.call(slide)} == {
        "SLIDE//tissue": 0.0,
        "SLIDE//pen": 0.0,
    }


@pytest.mark.parametrize("mpp", [None, (0.0, 0.0), (float("nan"), 0.5), (1e9, 1e9)])
def test_a_slide_without_a_resolution_has_no_area_and_no_focus(mpp) -> None:
    slide, _ = drawn()
    slide.mpp = mpp
    codes = {f.code for f in slide_tissue.call(slide)}
    assert "SLIDE//eosin" in codes
    assert not codes & {"SLIDE//tissue_area", "SLIDE//sharpness", "SLIDE//blurred"}


def test_a_grey_overview_is_not_measured() -> None:
    assert slide_tissue.call(DrawnSlide(np.zeros((300, 300), dtype=np.uint8))) == []


def test_other_pictures_have_no_findings() -> None:
    assert slide_tissue.call(Image(np.zeros((30, 30, 3), dtype=np.uint8))) == []
