"""Findings of a radiograph's quality."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.media import Image, Volume
from biolake.extractors.xray_quality import xray_quality


def test_a_picture_has_every_declared_finding_in_its_unit() -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (80, 60)).astype(np.uint16)
    found = xray_quality.call(Image(pixels))
    assert {f.code: f.unit for f in found} == {c.code: c.unit for c in xray_quality.codes}
    assert all(np.isfinite(f.value) for f in found)


@pytest.mark.parametrize(
    "opened",
    [
        Image(np.zeros((50, 50))),
        Image(np.full((50, 50), np.nan)),
        Image(np.zeros((0, 5))),
        Image(np.ones((30, 30)), frames=4),
        Volume(np.zeros((9, 9, 9)), (1.0, 1.0, 1.0)),
    ],
)
def test_what_shows_nothing_has_no_findings(opened) -> None:
    assert xray_quality.call(opened) == []


@pytest.mark.parametrize("spacing", [None, (0.0, 0.1), (np.nan, 1.0)])
def test_a_spacing_that_cannot_be_is_not_used(spacing) -> None:
    pixels = np.arange(3200.0).reshape(40, 80)
    found = {f.code: f.value for f in xray_quality.call(Image(pixels, spacing))}
    assert found["XRAY//aspect"] == 2.0
