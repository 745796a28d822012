"""Radiomics findings of the lungs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.imaging.chest import chest

from biolake.extractors.radiomics import radiomics


def test_a_whole_chest_has_every_declared_feature_in_its_unit() -> None:
    volume, truth = chest()
    found = {finding.code: finding for finding in radiomics.call(volume)}
    assert {code.code: code.unit for code in radiomics.codes} == {
        code: finding.unit for code, finding in found.items()
    }
    assert len(found) == 107
    lungs = found["RADIOMICS//original_shape_VoxelVolume"]
    assert lungs.value == pytest.approx((truth > 0).sum() * 45, rel=0.02)
    assert lungs.unit == "mm3"
    assert found["RADIOMICS//original_firstorder_Median"].value == pytest.approx(-850, abs=5)


def test_cut_lungs_and_thick_slices_have_none() -> None:
    volume, _ = chest()
    assert radiomics.call(replace(volume, voxels=volume.voxels[:35])) == []
    assert radiomics.call(replace(volume, spacing=(8.0, 3.0, 3.0))) == []
    assert radiomics.call(replace(volume, units="")) == []
