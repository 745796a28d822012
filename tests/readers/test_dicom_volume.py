"""Volumes against a known truth in patient space, and the series that must be refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.readers.dicom_files import SHARED, ct_slice, group, image, plane, tilted, written

from biolake.core.assets import FileContent
from biolake.core.errors import BiolakeError
from biolake.core.media import Image, Volume
from biolake.readers._dicom.refusals import (
    DuplicateSlices,
    GroupsMissing,
    MixedSeries,
    SliceGap,
    TiltContradicted,
)
from biolake.readers.dicom import dicom


def opened(folder: Path, made: list) -> Volume:
    found = dicom.call(FileContent.of(*written(folder, made)))
    assert isinstance(found, Volume)
    return found


def patient_points(volume: Volume) -> np.ndarray:
    """Return slices × rows × columns × 3: where each voxel lies, by what the volume says."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.voxels.shape), indexing="ij"), axis=-1)
    return np.array(volume.origin) + (index * np.array(volume.spacing)) @ volume.axes


def assert_true(volume: Volume) -> float:
    """Check every voxel between covered ones against the truth; return the share checked.

    Rounded when stored and each time it is resampled, a value is off by half a unit each.
    """
    covered = volume.voxels != -1024
    inside = covered[:, :-2] & covered[:, 1:-1] & covered[:, 2:]
    error = np.abs(volume.voxels - plane(patient_points(volume)))[:, 1:-1][inside]
    assert error.max() <= 1.501
    return float(inside.mean())


def test_slices_are_sorted_by_place_not_by_name(tmp_path):
    made = [ct_slice((-5, 3, z)) for z in (6.0, 0.0, 4.0, 2.0)]
    volume = opened(tmp_path, made)
    assert volume.spacing == (2.0, 0.8, 0.5)
    assert volume.units == "HU"
    assert volume.voxels.dtype == np.int16
    assert volume.notes == ()
    assert np.abs(volume.voxels - plane(patient_points(volume))).max() <= 0.5


@pytest.mark.parametrize(
    "spin", [(0, 1, 0, 0, 0, -1), (0.6, 0.8, 0, -0.8, 0.6, 0), (-1, 0, 0, 0, 1, 0)]
)
def test_any_orientation_is_placed_in_patient_space(tmp_path, spin):
    normal = np.cross(spin[:3], spin[3:])
    made = [ct_slice(tuple(1.5 * k * normal + (4, 5, 6)), spin) for k in range(4)]
    volume = opened(tmp_path, made)
    assert np.linalg.det(volume.axes) == pytest.approx(np.linalg.det([normal, spin[3:], spin[:3]]))
    assert np.abs(volume.voxels - plane(patient_points(volume))).max() <= 0.51


@pytest.mark.parametrize("degrees", [18.5, -12.0])
@pytest.mark.parametrize("up", [1, -1])
def test_gantry_tilt_is_removed_by_the_right_shift(tmp_path, degrees, up):
    # The table moves along z while the slices lean: what a CT with a tilted gantry does.
    made = [
        ct_slice((-5, 3, up * 2.1 * k), tilted(degrees), GantryDetectorTilt=degrees)
        for k in range(9)
    ]
    volume = opened(tmp_path, made)
    assert volume.spacing[0] == pytest.approx(2.1 * np.cos(np.radians(degrees)), abs=1e-6)
    assert f"tilt of {abs(degrees):.2f}° removed" in volume.notes[0]
    assert assert_true(volume) > 0.4
    # All of every slice is still there.
    shift = 8 * 2.1 * abs(np.sin(np.radians(degrees))) / 0.8
    assert volume.voxels.shape[1] == 24 + np.ceil(shift - 1e-6)


def test_an_upright_stack_taken_for_tilted_would_be_seen(tmp_path):
    made = [ct_slice((-5, 3, 2.1 * k), tilted(18.5)) for k in range(9)]
    volume = opened(tmp_path, made)
    wrong = Volume(volume.voxels[:, ::-1], volume.spacing, volume.units, volume.origin, volume.axes)
    with pytest.raises(AssertionError):
        assert_true(wrong)


def test_a_tilt_the_positions_do_not_show_is_refused(tmp_path):
    made = [ct_slice((0, 0, 2.0 * k), GantryDetectorTilt=18.5) for k in range(4)]
    with pytest.raises(TiltContradicted, match=r"18\.5°.*0\.0°"):
        opened(tmp_path, made)


def test_a_reformatted_series_may_carry_the_tilt_it_was_made_from(tmp_path):
    kind = ["DERIVED", "SECONDARY", "REFORMATTED"]
    made = [ct_slice((0, 0, 2.0 * k), GantryDetectorTilt=18.5, ImageType=kind) for k in range(4)]
    assert "18.5°" in opened(tmp_path, made).notes[0]


def test_a_missing_slice_is_refused_and_told_where(tmp_path):
    made = [ct_slice((0, 0, 2.0 * k)) for k in (0, 1, 2, 4, 5, 6)]
    with pytest.raises(SliceGap, match=r"between slices 3 and 4 of 6 lie 4\.000 mm"):
        opened(tmp_path, made)


def test_distances_that_differ_by_rounding_are_one_distance(tmp_path):
    made = [ct_slice((0, 0, z)) for z in (0.0, 2.01, 3.99, 6.0)]
    assert opened(tmp_path, made).spacing[0] == pytest.approx(2.0)


def test_touching_slices_at_varying_distances_are_resampled_truly(tmp_path):
    # A head protocol: thin slices at the base, thick ones above.
    thin = [ct_slice((0, 0, 2.0 * k), SliceThickness=2.0) for k in range(4)]
    thick = [ct_slice((0, 0, 6 + 3.5 + 5.0 * k), SliceThickness=5.0) for k in range(3)]
    volume = opened(tmp_path, thin + thick)
    assert volume.spacing[0] == pytest.approx(2.0)
    assert "varying distances" in volume.notes[0]
    assert len(volume.voxels) == 10
    assert np.abs(volume.voxels - plane(patient_points(volume))).max() <= 1.0


def test_tilt_and_varying_distance_together_are_resampled_truly(tmp_path):
    thin = [ct_slice((0, 0, 2.0 * k), tilted(15), SliceThickness=2.0) for k in range(5)]
    thick = [ct_slice((0, 0, 8 + 3.5 + 5 * k), tilted(15), SliceThickness=5.0) for k in range(3)]
    volume = opened(tmp_path, thin + thick)
    assert len(volume.notes) == 2
    assert assert_true(volume) > 0.4


def test_equal_slices_are_dropped_and_different_ones_refused(tmp_path):
    made = [ct_slice((0, 0, 2.0 * k)) for k in (0, 1, 1, 2)]
    volume = opened(tmp_path, made)
    assert len(volume.voxels) == 3
    assert volume.notes == ("1 repeated slice dropped",)
    made.append(ct_slice((0, 0, 2.0), truth=lambda points: plane(points) + 50))
    with pytest.raises(DuplicateSlices, match="slice 2"):
        opened(tmp_path, made)


@pytest.mark.parametrize(
    "odd",
    [
        {"orientation": (0, 1, 0, 0, 0, -1)},
        {"size": (20, 20)},
        {"spacing": (0.7, 0.5)},
        {"SeriesInstanceUID": "1.2.3"},
    ],
)
def test_slices_that_cannot_be_one_volume_are_refused(tmp_path, odd):
    made = [ct_slice((0, 0, 0)), ct_slice((0, 0, 2)), ct_slice((0, 0, 4), **odd)]
    with pytest.raises(MixedSeries, match="image 3"):
        opened(tmp_path, made)


def test_slices_shifted_at_random_are_refused(tmp_path):
    made = [ct_slice((0, y, 2.0 * k)) for k, y in enumerate((0, 5, -3, 9))]
    with pytest.raises(MixedSeries, match="no straight line"):
        opened(tmp_path, made)


def test_each_slice_has_its_own_rescale(tmp_path):
    made = [ct_slice((0, 0, 2.0 * k), RescaleSlope=1 + k, RescaleIntercept=-k) for k in range(3)]
    volume = opened(tmp_path, made)
    assert volume.voxels.dtype == np.float32
    stored = np.stack([each.pixel_array for each in made])
    expected = stored * np.arange(1, 4)[:, None, None] - np.arange(3)[:, None, None]
    assert np.array_equal(volume.voxels, expected)


def test_one_slice_alone_takes_its_thickness(tmp_path):
    volume = opened(tmp_path, [ct_slice((1, 2, 3), SpacingBetweenSlices=-2.5)])
    assert volume.spacing == (2.5, 0.8, 0.5)
    assert volume.origin == (1.0, 2.0, 3.0)
    with pytest.raises(SliceGap):
        opened(tmp_path, [ct_slice((1, 2, 3), SliceThickness=None)])


def test_a_ct_without_rescale_is_not_called_hounsfield(tmp_path):
    made = [ct_slice((0, 0, z), RescaleSlope=None, RescaleIntercept=None) for z in (0.0, 2.0)]
    assert opened(tmp_path, made).units == ""


def test_a_scout_view_is_a_picture(tmp_path):
    made = ct_slice((0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert isinstance(dicom.call(FileContent.of(*written(tmp_path, [made]))), Image)


def enhanced(places: list[float]) -> Dataset:
    frames = np.stack([np.full((4, 5), 10 * at, np.int16) for at in range(len(places))])
    made = image(frames[0], SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", NumberOfFrames=len(places))
    made.PixelData = frames.tobytes()
    shared = Dataset()
    shared.PixelMeasuresSequence = group(PixelSpacing=[0.5, 0.4], SliceThickness=2)
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelValueTransformationSequence = group(RescaleSlope=1, RescaleIntercept=-100)
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    per_frame = []
    for z in places:
        own = Dataset()
        own.PlanePositionSequence = group(ImagePositionPatient=[0, 0, z])
        per_frame.append(own)
    made.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    return made


def test_an_enhanced_object_is_sorted_by_its_functional_groups(tmp_path):
    volume = opened(tmp_path, [enhanced([4.0, 0.0, 2.0])])
    assert volume.voxels[:, 0, 0].tolist() == [-90, -80, -100]
    assert volume.spacing == (2.0, 0.5, 0.4)
    assert volume.units == "HU"


def test_an_enhanced_object_without_its_groups_is_refused_by_name(tmp_path):
    made = enhanced([0.0, 2.0])
    del made.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    with pytest.raises(GroupsMissing, match="frame 2 has no PlanePositionSequence"):
        opened(tmp_path, [made])
    del made.PerFrameFunctionalGroupsSequence
    with pytest.raises(GroupsMissing, match="2 frames, but functional groups for 0"):
        opened(tmp_path, [made])


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data")
def test_a_real_tilted_head_becomes_one_volume():
    paths = sorted((SHARED / "ct_head_series").glob("*.dcm"))
    volume = dicom.call(FileContent.of(*paths[::-1]))
    assert volume.voxels.shape == (8, 532, 512)
    assert volume.spacing[0] == pytest.approx(4.22 * np.cos(np.radians(18.5)), abs=1e-3)
    assert volume.units == "HU"
    # Neighbours are most alike as they lie now: any further shift, either way, makes them less so.
    tissue = np.clip(volume.voxels.astype(float), -200, 800)
    shifts = range(-3, 4)
    assert max(shifts, key=lambda shift: likeness(tissue, shift)) == 0


def likeness(slices: np.ndarray, shift: int) -> float:
    """Return how alike neighbours are, each slice moved by this many rows more than the last."""
    moved = [np.roll(part, shift * at, axis=0).ravel() for at, part in enumerate(slices)]
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairwise(moved)]))


def test_errors_tell_the_file_and_no_value(tmp_path):
    made = [ct_slice((0, 0, 0)), ct_slice((0, 0, 2), PixelSpacing=None)]
    with pytest.raises(BiolakeError) as caught:
        opened(tmp_path, made)
    assert caught.value.where == "001.dcm"
    assert "subject-1" not in str(caught.value)
