"""Radiomics against pyradiomics 3.0.1 and the reference values of the IBSI manual.

goldens/radiomics.json was made in a Python 3.11 with numpy 1.26 and pyradiomics 3.0.1 (which
builds there with `pip install --no-build-isolation pyradiomics==3.0.1`): for every region of
regions.py the volume and mask went through sitk.GetImageFromArray and

    RadiomicsFeatureExtractor(additionalInfo=False, minimumROIDimensions=1, **binning)

with the seven families enabled; the features were written as JSON. goldens/radiomics_ct.json was
made from organs of the shared abdominal CT, files given to `execute` as they are, all defaults.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.imaging.nifti import nifti, shared
from tests.imaging.regions import PHANTOM, REGIONS, make

from biolake.core.errors import DataRefused, WrongUse
from biolake.core.media import Volume
from biolake.imaging.radiomics.features import radiomics
from biolake.imaging.radiomics.levels import Binning
from biolake.imaging.radiomics.names import NAMES

ORGANS = json.loads((Path(__file__).parent / "goldens" / "radiomics_ct.json").read_text())
GOLDEN = json.loads((Path(__file__).parent / "goldens" / "radiomics.json").read_text())

# IBSI reference manual, digital phantom: intensity and morphology; textures in 3-D, those of
# directions averaged over 13 (GLCM, GLRLM). Kurtosis there is 3 lower, by definition.
IBSI = {
    "firstorder": {
        "Mean": 2.15,
        "Variance": 3.05,
        "Skewness": 1.08,
        "Kurtosis": 3 - 0.355,
        "Median": 1,
        "Minimum": 1,
        "10Percentile": 1,
        "90Percentile": 4,
        "Maximum": 6,
        "InterquartileRange": 3,
        "Range": 5,
        "MeanAbsoluteDeviation": 1.55,
        "RobustMeanAbsoluteDeviation": 1.11,
        "Energy": 567,
        "RootMeanSquared": 2.77,
        "Entropy": 1.27,
        "Uniformity": 0.512,
    },
    "shape": {
        "MeshVolume": 556,
        "VoxelVolume": 592,
        "SurfaceArea": 388,
        "SurfaceVolumeRatio": 0.698,
        "Sphericity": 0.843,
        "Maximum3DDiameter": 13.1,
        "Elongation": 0.816,
        "Flatness": 0.749,
    },
    "glcm": {
        "MaximumProbability": 0.503,
        "JointAverage": 2.14,
        "SumSquares": 3.1,
        "JointEntropy": 2.4,
        "DifferenceAverage": 1.43,
        "DifferenceVariance": 3.06,
        "DifferenceEntropy": 1.56,
        "SumAverage": 4.29,
        "SumEntropy": 1.92,
        "JointEnergy": 0.303,
        "Contrast": 5.32,
        "Id": 0.677,
        "Idm": 0.618,
        "InverseVariance": 0.0604,
        "Correlation": 0.157,
        "Autocorrelation": 5.06,
        "ClusterTendency": 7.07,
        "ClusterShade": 16.6,
        "ClusterProminence": 145,
        "Imc1": -0.157,
        "Imc2": 0.52,
    },
    "glrlm": {
        "ShortRunEmphasis": 0.705,
        "LongRunEmphasis": 3.06,
        "LowGrayLevelRunEmphasis": 0.603,
        "HighGrayLevelRunEmphasis": 9.7,
        "ShortRunLowGrayLevelEmphasis": 0.352,
        "ShortRunHighGrayLevelEmphasis": 8.54,
        "LongRunLowGrayLevelEmphasis": 2.39,
        "LongRunHighGrayLevelEmphasis": 17.6,
        "GrayLevelNonUniformity": 21.8,
        "RunLengthNonUniformity": 26.9,
        "RunPercentage": 0.68,
        "RunEntropy": 2.43,
    },
    "glszm": {
        "SmallAreaEmphasis": 0.255,
        "LargeAreaEmphasis": 550,
        "LowGrayLevelZoneEmphasis": 0.253,
        "HighGrayLevelZoneEmphasis": 15.6,
        "SmallAreaLowGrayLevelEmphasis": 0.0256,
        "SmallAreaHighGrayLevelEmphasis": 2.76,
        "LargeAreaLowGrayLevelEmphasis": 503,
        "LargeAreaHighGrayLevelEmphasis": 1495,
        "GrayLevelNonUniformity": 1.4,
        "GrayLevelNonUniformityNormalized": 0.28,
        "SizeZoneNonUniformity": 1,
        "SizeZoneNonUniformityNormalized": 0.2,
        "ZonePercentage": 0.0676,
        "GrayLevelVariance": 2.64,
        "ZoneVariance": 331,
        "ZoneEntropy": 2.32,
    },
    "ngtdm": {
        "Coarseness": 0.0296,
        "Contrast": 0.584,
        "Busyness": 6.54,
        "Complexity": 13.5,
        "Strength": 0.763,
    },
    "gldm": {
        "SmallDependenceEmphasis": 0.045,
        "LargeDependenceEmphasis": 109,
        "LowGrayLevelEmphasis": 0.693,
        "HighGrayLevelEmphasis": 7.66,
        "SmallDependenceLowGrayLevelEmphasis": 0.00963,
        "SmallDependenceHighGrayLevelEmphasis": 0.736,
        "LargeDependenceLowGrayLevelEmphasis": 102,
        "LargeDependenceHighGrayLevelEmphasis": 235,
        "GrayLevelNonUniformity": 37.9,
    },
}


@pytest.mark.parametrize("name", REGIONS)
def test_every_feature_equals_that_of_pyradiomics(name: str) -> None:
    volume, mask, spacing = make(name)
    told = REGIONS[name][1]
    binning = Binning(told.get("binWidth", 25), told.get("binCount"))
    found = radiomics(Volume(volume, spacing), mask, binning)
    assert found.keys() == GOLDEN[name].keys()
    assert set(found) == set(NAMES)
    for feature, value in GOLDEN[name].items():
        assert found[feature] == pytest.approx(value, rel=1e-9, abs=1e-12), feature


@pytest.mark.parametrize("family", IBSI)
def test_the_digital_phantom_has_the_reference_values_of_ibsi(family: str) -> None:
    inside = ~np.isnan(PHANTOM)
    volume = Volume(np.nan_to_num(PHANTOM), (2.0, 2.0, 2.0))
    found = radiomics(volume, inside, Binning(1.0))
    for name, value in IBSI[family].items():
        # The manual prints three significant figures.
        assert found[f"original_{family}_{name}"] == pytest.approx(value, rel=5.1e-3), name


@shared
@pytest.mark.parametrize("organ", ORGANS)
def test_organs_of_a_real_ct_equal_those_of_pyradiomics(organ: str) -> None:
    voxels, spacing, _ = nifti("abdomen_ct_3mm.nii.gz")
    mask, _, _ = nifti(f"abdomen_ct_3mm_{organ}.nii.gz")
    found = radiomics(Volume(voxels, (spacing,) * 3), mask > 0)
    assert found.keys() == ORGANS[organ].keys()
    for feature, value in ORGANS[organ].items():
        # The peer adds 2e-16 to each divisor of MCC, which rare levels make felt.
        near = 1e-6 if feature.endswith("MCC") else 1e-9
        assert found[feature] == pytest.approx(value, rel=near, abs=1e-12), feature


def test_what_lies_outside_the_mask_changes_nothing() -> None:
    volume, mask, spacing = make("ball")
    other = np.where(mask, volume, 9999)
    assert radiomics(Volume(volume, spacing), mask) == radiomics(Volume(other, spacing), mask)


def test_moving_the_region_changes_nothing_but_rounding() -> None:
    volume, mask, spacing = make("ball")
    moved = radiomics(Volume(np.pad(volume, 3), spacing), np.pad(mask, 3))
    for name, value in radiomics(Volume(volume, spacing), mask).items():
        assert moved[name] == pytest.approx(value, rel=1e-12), name


def test_a_single_voxel_has_no_texture_and_does_not_fail() -> None:
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    found = radiomics(Volume(np.full((3, 3, 3), 7), (1.0, 1.0, 1.0)), mask)
    assert found["original_shape_VoxelVolume"] == 1.0
    assert not any("glcm" in name or "glrlm" in name for name in found)
    assert np.isfinite(list(found.values())).all()


def test_the_mesh_of_a_ball_nears_the_ball() -> None:
    z, y, x = np.indices((64, 64, 64)) - 31.5
    mask = z**2 + y**2 + x**2 < 25.0**2
    found = radiomics(Volume(mask.astype(np.int16), (1.0, 1.0, 1.0)), mask)
    assert found["original_shape_MeshVolume"] == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.01)
    assert found["original_shape_Maximum3DDiameter"] == pytest.approx(50, rel=0.02)


@pytest.mark.parametrize(
    ("voxels", "spacing", "says"),
    [
        (np.zeros((4, 4, 4)), (1.0, 1.0, 1.0), "empty"),
        (np.full((4, 4, 4), np.nan), (1.0, 1.0, 1.0), "without a value"),
        (np.arange(64.0).reshape(4, 4, 4) * 1e6, (1.0, 1.0, 1.0), "grey levels"),
        (np.ones((4, 4, 4)), (0.0, 1.0, 1.0), "distance"),
    ],
)
def test_a_region_that_cannot_be_measured_is_refused_by_name(voxels, spacing, says) -> None:
    mask = np.full((4, 4, 4), says != "empty")
    with pytest.raises(DataRefused, match=says):
        radiomics(Volume(voxels, spacing), mask)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(WrongUse, match="three dimensions"):
        radiomics(Volume(np.ones((3, 3, 3)), (1.0, 1.0, 1.0)), np.ones((3, 3), dtype=bool))
