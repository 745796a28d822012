"""Golden values: nibabel 5.4.2, `load(path)`, world points `affine @ (i, j, k, 1)` and
`quaternions.quat2mat`, for every file of shared/data/ct_chest (12 voxels each)."""

import gzip
import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, DataRefused, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers import nifti as reader

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "ct_chest"
GOLDEN = json.loads((Path(__file__).parent / "goldens" / "nifti.json").read_text())
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768,
         "i8": 1024, "u8": 1280}  # fmt: skip
PLAIN = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])


def found(path: Path):
    return next(reader.find([SourceFile(path, path.name)], Surroundings({})))


def opened(path: Path):
    return reader.nifti.call(FileContent.of(path))


def values_at(volume, points: np.ndarray) -> np.ndarray:
    """Return the voxels that lie at these LPS points."""
    steps = volume.axes * np.array(volume.spacing)[:, None]
    index = np.linalg.solve(steps.T, (points - np.array(volume.origin)).T)
    assert np.abs(index - index.round()).max() < 1e-2
    return volume.voxels[tuple(index.round().astype(int))]


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.endswith(".gz")])
def test_every_voxel_lies_where_nibabel_puts_it(name):
    if not SHARED.exists():
        pytest.skip("no shared data")
    volume, golden = opened(SHARED / name), GOLDEN[name]
    points = np.array(golden["points"])
    lps = points[:, :3] * [-1, -1, 1]
    assert np.allclose(values_at(volume, lps), points[:, 3], rtol=1e-6)
    assert sorted(volume.voxels.shape) == sorted(golden["shape"])
    assert float(volume.voxels.sum(dtype=float)) == pytest.approx(golden["sum"], rel=1e-6)
    assert found(SHARED / name).facts.shape == volume.voxels.shape


def test_only_a_ct_in_hounsfield_units_is_called_a_ct():
    if not SHARED.exists():
        pytest.skip("no shared data")
    asset = found(SHARED / "thorax_ct_1p5mm.nii.gz")
    assert (asset.modality, asset.facts.units) == ("ct", "HU")
    assert opened(SHARED / "thorax_ct_1p5mm.nii.gz").units == "HU"
    assert found(SHARED / "thorax_ct_1p5mm_heart.nii.gz").modality == "segmentation"
    labels = found(SHARED / "abdomen_ct_3mm_totalseg_labels.nii.gz")
    assert labels.modality == "image"
    assert "not taken as a CT" in labels.notes[-1]
    assert opened(SHARED / "abdomen_ct_3mm_totalseg_labels.nii.gz").units == ""


def test_a_name_or_a_header_that_only_contains_the_letters_is_no_ct(tmp_path):
    path = tmp_path / "directory_of_actions.nii"
    path.write_bytes(nifti(np.full((2, 2, 2), -900, np.int16)))
    assert found(path).modality == "image"
    path.write_bytes(nifti(np.full((2, 2, 2), -900, np.int16), descrip=b"CT abdomen"))
    assert found(path).modality == "ct"


def test_what_the_header_calls_labels_is_a_segmentation(tmp_path):
    path = tmp_path / "ct.nii"
    path.write_bytes(nifti(np.full((2, 2, 2), 7, np.int16), intent=1002))
    assert found(path).modality == "segmentation"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", CODES)
def test_every_number_type_byte_order_and_version_is_read(tmp_path, kind, order, version):
    voxels = (np.arange(24).reshape(2, 3, 4) * 5).astype(kind)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(nifti(voxels, order=order, version=version)))
    volume = opened(path)
    assert volume.voxels.dtype == np.dtype(kind)
    # RAS to LPS: rows and columns run the other way.
    assert np.array_equal(volume.voxels, voxels[:, ::-1, ::-1])


def test_scaled_voxels_are_slope_times_stored_plus_intercept(tmp_path):
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(voxels, scale=(0.5, -1024)))
    volume = opened(path)
    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels, (voxels * 0.5 - 1024)[:, ::-1, ::-1])
    path.write_bytes(nifti(voxels, scale=(0.0, 99)))
    assert opened(path).voxels.dtype == np.int16
    path.write_bytes(nifti(voxels.astype("i4") + 2**24, scale=(1.0, 1.0)))
    assert opened(path).voxels.max() == 2**24 + 24


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    tilt=st.floats(-0.5, 0.5),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_however_it_is_stored_it_lies_like_an_axial_series(
    tmp_path_factory, order, signs, spacing, tilt, origin
):
    voxels = np.arange(2 * 3 * 4, dtype=np.int16).reshape(4, 3, 2)  # k, j, i
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    affine = np.column_stack([turn @ (np.eye(3)[:, order] * signs * np.array(spacing)), origin])
    path = tmp_path_factory.mktemp("a") / "a.nii"
    path.write_bytes(nifti(voxels, affine=affine))
    volume = opened(path)
    index = np.argwhere(np.ones(voxels.shape))[:, ::-1]  # i, j, k
    ras = index @ affine[:, :3].T + affine[:, 3]
    assert np.array_equal(values_at(volume, ras * [-1, -1, 1]), voxels.ravel())
    assert (np.diag(volume.axes[:, ::-1]) > 0.8).all()


@pytest.mark.parametrize("which", ["0", "1", "2"])
def test_the_qform_turns_as_nibabel_says(tmp_path, which):
    golden = GOLDEN["quaternions"][which]
    voxels = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    path = tmp_path / "a.nii"
    index = np.argwhere(np.ones(voxels.shape))[:, ::-1]
    for qfac in (1, -1):
        path.write_bytes(nifti(voxels, quatern=golden["bcd"], qfac=qfac))
        ras = (index * [1, 2, 3 * qfac]) @ np.array(golden["matrix"]).T + [4, 5, 6]
        assert np.array_equal(values_at(opened(path), ras * [-1, -1, 1]), voxels.ravel())


def test_a_volume_that_does_not_say_how_it_lies_says_so(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(np.zeros((2, 3, 4), np.int16), affine=None))
    assert "does not say" in opened(path).notes[0]
    assert "does not say" in found(path).notes[0]


def test_metres_and_micrometres_become_millimetres(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(np.zeros((2, 3, 4), np.int16), affine=PLAIN * 700, units=3))
    assert opened(path).spacing == pytest.approx((0.7, 0.7, 0.7))


def test_a_series_of_volumes_is_kept_but_not_opened(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(np.zeros((5, 2, 3, 4), np.int16)))
    assert found(path).facts.kind == "volumes"
    with pytest.raises(DataRefused, match="three dimensions"):
        opened(path)
    path.write_bytes(nifti(np.zeros((1, 2, 3, 4), np.int16)))
    assert opened(path).voxels.shape == (2, 3, 4)


def test_texts_of_the_header_never_reach_the_index(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(np.zeros((2, 3, 4), np.int16), descrip=b"Jane Roe 1950"))
    assert "Roe" not in repr(found(path).facts) + repr(found(path).notes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((70, "<h", 128), "RGB"),
        ((70, "<h", 7), "type 7"),
        ((42, "<h", -4), "dimensions"),
        ((42, "<h", 32000), "too short"),
        ((108, "<f", 1e9), "too short"),
        ((108, "<f", float("nan")), "impossible place"),
        ((280, "<f", float("inf")), "orientation"),
        ((280, "<f", 0.0), "orientation"),
        ((123, "<B", 5), "unit of length"),
        ((344, "4s", b"ni1\0"), "without its voxels"),
        ((112, "<f", 1e35), "scale"),
    ],
)
def test_an_impossible_header_is_refused_by_what_is_wrong(tmp_path, change, reason):
    whole = bytearray(nifti(np.zeros((2, 3, 4), np.int16)))
    struct.pack_into(change[1], whole, change[0], change[2])
    path = tmp_path / "a.nii"
    path.write_bytes(whole)
    assert reason in found(path).reason
    with pytest.raises(SourceUnreadable):
        opened(path)


def test_a_small_file_that_promises_much_is_refused_at_once(tmp_path):
    whole = bytearray(nifti(np.zeros((2, 3, 4), np.int16)))
    struct.pack_into("<4h", whole, 40, 3, 30_000, 30_000, 30_000)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(whole)))
    assert "too short" in found(path).reason


def test_hostile_bytes_are_refused_or_read_and_never_crash(tmp_path):
    draw = random.Random(9)
    plain = nifti(np.arange(24, dtype=np.int16).reshape(2, 3, 4), scale=(2, 3))
    quat = nifti(np.arange(24, dtype=np.float32).reshape(2, 3, 4), quatern=[0.1, 0.2, 0.3])
    path = tmp_path / "a.nii.gz"
    for number in range(300):
        damaged = bytearray(plain if number % 2 else quat)
        for _ in range(draw.randrange(1, 5)):
            damaged[draw.randrange(352)] = draw.randrange(256)
        damaged = damaged[: draw.randrange(len(damaged))] if draw.random() < 0.2 else damaged
        packed = bytearray(gzip.compress(bytes(damaged), mtime=0))
        if draw.random() < 0.3:
            packed[draw.randrange(len(packed))] ^= draw.randrange(256)
        path.write_bytes(damaged if number % 3 else packed)
        assert isinstance(found(path), FoundAsset | UnreadableFile)
        try:
            opened(path)
        except BiolakeError:
            continue


def nifti(
    voxels: np.ndarray, *, order: str = "<", version: int = 1, affine: np.ndarray | None = PLAIN,
    quatern: list[float] | None = None, qfac: int = 1, scale: tuple[float, float] = (1, 0),
    units: int = 2, descrip: bytes = b"", intent: int = 0,
) -> bytes:  # fmt: skip
    """Write a NIfTI file; a quaternion means spacing 1, 2, 3 and offset 4, 5, 6."""
    size, at = (348, 352) if version == 1 else (540, 544)
    head = bytearray(at)
    fields = reader._FIELDS_1 if version == 1 else reader._FIELDS_2
    sform = affine is not None and quatern is None
    values = {
        "magic": [b"n+1\0" if version == 1 else b"n+2\0"],
        "dim": [voxels.ndim, *reversed(voxels.shape), *[1] * (7 - voxels.ndim)],
        "datatype": [CODES[voxels.dtype.str[1:]]],
        "pixdim": [qfac, 1, 2, 3, 0, 0, 0, 0] if quatern else [1] * 8,
        "vox_offset": [at], "slope": [scale[0]], "intercept": [scale[1]], "units": [units],
        "descrip": [descrip], "qform": [int(quatern is not None)], "sform": [int(sform)],
        "quatern": quatern or [0, 0, 0], "qoffset": [4, 5, 6], "intent": [intent],
        "srow": np.asarray(affine if sform else PLAIN, float).ravel().tolist(),
    }  # fmt: skip
    struct.pack_into(f"{order}i", head, 0, size)
    for name, value in values.items():
        form, offset = fields[name]
        struct.pack_into(order + form, head, offset, *value)
    return bytes(head) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes()
