"""What the DICOM reader claims, finds and refuses."""

from __future__ import annotations

import hashlib
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from tests.readers.dicom_files import MR, SECONDARY, SHARED, ct_slice, encoded, image, written

from biolake.core.assets import (
    MODALITIES,
    FileContent,
    FoundAsset,
    Surroundings,
    UnreadableFile,
)
from biolake.core.errors import BiolakeError
from biolake.core.media import Volume
from biolake.core.reading import SourceFile
from biolake.readers._dicom.opening import open_as_it_is
from biolake.readers._dicom.refusals import KeptNotOpened, OverlappingSegments
from biolake.readers.dicom import dicom

WHEEL = Path(pydicom.__file__).parent / "data"
shared = pytest.mark.skipif(not SHARED.exists(), reason="no shared data")


def found(paths: list[Path]) -> list[FoundAsset | UnreadableFile]:
    assert dicom.find is not None
    return list(dicom.find([SourceFile(path, path.name) for path in paths], Surroundings({})))


def assets(folder: Path, made: list[FileDataset]) -> list[FoundAsset]:
    every = found(written(folder, made))
    assert all(isinstance(each, FoundAsset) for each in every), every
    return [each for each in every if isinstance(each, FoundAsset)]


@pytest.mark.parametrize(
    ("name", "head", "ours"),
    [
        ("a/b", b"\0" * 128 + b"DICM", True),
        ("scan.img", b"\0" * 128 + b"DICM", True),
        ("scan.img", b"\0" * 400, False),
        ("scan.dcm", b"", True),
        ("scan.DCM", b"\x89PNG", True),
        ("1.2.840.99.1", b"\x08\0\x05\0CS\x0a\0ISO_IR 100", True),
        ("IM0001", b"\x08\0\0\0\4\0\0\0\x10\0\0\0", True),
        ("README", b"\x08\0 is a backspace", False),
        ("notes.txt", b"\x08\0\x05\0CS\x0a\0ISO_IR 100", False),
        ("data", b"", False),
    ],
)
def test_files_are_claimed_by_magic_suffix_or_first_element(name, head, ours):
    assert dicom.claims is not None
    assert dicom.claims(name, head) is ours


def test_a_series_is_one_asset_in_the_order_of_its_places(tmp_path):
    made = [
        ct_slice(
            (0, 0, z),
            KVP=120,
            ConvolutionKernel="B30f",
            BodyPartExamined="HEAD",
            Manufacturer="ACME",
            ManufacturerModelName="One",
            SeriesDescription="Jane Doe follow-up",
            IssuerOfPatientID="SITE",
        )
        for z in (4.0, 0.0, 2.0)
    ]
    (asset,) = assets(tmp_path, made)
    assert [file.path.name for file in asset.files] == ["001.dcm", "002.dcm", "000.dcm"]
    assert (asset.modality, asset.facts.kind, asset.facts.units) == ("ct", "volume", "HU")
    assert (asset.subject, asset.system) == ("subject-1", "SITE")
    assert asset.facts.shape == (3, 24, 20)
    assert asset.facts.attributes["spacing"] == [2.0, 0.8, 0.5]
    assert asset.facts.attributes["kvp"] == 120
    assert asset.facts.attributes["kernel"] == "B30f"
    assert asset.facts.device == "ACME One"
    told = str(asset.facts)
    assert "Jane" not in told
    assert "subject-1" not in told


def test_scouts_orientations_and_sizes_are_assets_of_their_own(tmp_path):
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    made = [ct_slice((0, 0, z), SOPInstanceUID=f"1.2.{z}") for z in range(3)]
    made += [ct_slice((0, z, 0), (1, 0, 0, 0, 0, -1)) for z in range(2)]
    made += [ct_slice((0, 0, z), size=(8, 8)) for z in range(2)]
    made += [ct_slice((0, 0, 0), ImageType=scout)]
    every = assets(tmp_path, made)
    assert sorted(len(each.files) for each in every) == [1, 2, 2, 3]
    assert len({each.source_key for each in every}) == 4
    (picture,) = [each for each in every if each.facts.kind == "image"]
    assert picture.facts.attributes["localizer"] is True


def test_echoes_at_one_place_are_split_and_acquisitions_in_a_row_are_not(tmp_path):
    rows = [ct_slice((0, 0, z), AcquisitionNumber=z + 1) for z in range(4)]
    assert len(assets(tmp_path, rows)) == 1
    echoes = [
        ct_slice((0, 0, z), SOPClassUID=MR, Modality="MR", EchoNumbers=echo, AcquisitionNumber=1)
        for echo in (1, 2)
        for z in range(4)
    ]
    (tmp_path / "b").mkdir()
    every = assets(tmp_path / "b", echoes)
    assert [len(each.files) for each in every] == [4, 4]
    assert all(isinstance(opened(each), Volume) for each in every)


def test_one_slice_at_many_moments_is_an_asset_a_moment(tmp_path):
    made = [ct_slice((0, 0, 0), TemporalPositionIdentifier=at) for at in (1, 2, 3)]
    assert len(assets(tmp_path, made)) == 3


def test_colours_and_palettes_are_pictures_even_with_a_place(tmp_path):
    made = [ct_slice((0, 0, z), PhotometricInterpretation="PALETTE COLOR") for z in (0.0, 2.0)]
    assert [each.facts.kind for each in assets(tmp_path, made)] == ["image", "image"]


def opened(asset: FoundAsset):
    return dicom.call(FileContent({file.path.name: file.path for file in asset.files}))


def test_a_series_loaded_in_two_halves_has_one_key(tmp_path):
    made = [ct_slice((0, 0, float(z))) for z in range(4)]
    scout = ct_slice((0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    first = assets(tmp_path, made[:2])
    second = assets(tmp_path, [*made[2:], scout])
    assert first[0].source_key in {each.source_key for each in second}


def test_one_series_of_two_patients_is_quarantined_and_nobody_is_named(tmp_path):
    made = [ct_slice((0, 0, 0)), ct_slice((0, 0, 2), PatientID="subject-2")]
    every = found(written(tmp_path, made))
    assert [type(each) for each in every] == [UnreadableFile, UnreadableFile]
    assert "subject" not in str([each.reason for each in every])


def microseconds(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("elements", "start", "offset"),
    [
        ({"StudyDate": "20200102", "StudyTime": "0304"}, (2020, 1, 2, 3, 4), None),
        (
            {"StudyDate": "20200102", "StudyTime": "03", "AcquisitionDate": "20200103"},
            (2020, 1, 2, 3),
            None,
        ),
        ({"AcquisitionDate": "20200103"}, (2020, 1, 3), None),
        (
            {
                "ContentDate": "20200102",
                "ContentTime": "030405.25",
                "TimezoneOffsetFromUTC": "+0130",
            },
            (2020, 1, 2, 3, 4, 5, 250000),
            90,
        ),
        ({"AcquisitionDateTime": "20200102030405-0500"}, (2020, 1, 2, 3, 4, 5), -300),
    ],
)
def test_the_start_is_as_written_with_the_offset_told(tmp_path, elements, start, offset):
    (asset,) = assets(tmp_path, [ct_slice((0, 0, 0), **elements)])
    assert (asset.start, asset.utc_offset) == (microseconds(*start), offset)


def test_a_date_that_is_none_gives_no_start(tmp_path):
    (path,) = written(tmp_path, [ct_slice((0, 0, 0), StudyDate="20200102")])
    path.write_bytes(path.read_bytes().replace(b"20200102", b"20201399"))
    (asset,) = found([path])
    assert isinstance(asset, FoundAsset)
    assert asset.start is None


def test_a_secondary_capture_is_flagged(tmp_path):
    made = image(np.zeros((4, 4), np.uint8), SOPClassUID=SECONDARY, Modality="OT")
    made.BurnedInAnnotation = "YES"
    (asset,) = assets(tmp_path, [made])
    assert asset.modality == "image"
    assert asset.facts.attributes["secondary_capture"] is True
    assert asset.facts.attributes["burned_in"] is True
    assert len(asset.notes) == 2


def test_without_modality_the_sop_class_decides(tmp_path):
    (asset,) = assets(tmp_path, [ct_slice((0, 0, 0), Modality=None)])
    assert asset.modality == "ct"
    (asset,) = assets(tmp_path, [ct_slice((0, 0, 0), Modality=None, SOPClassUID="1.2.3")])
    assert asset.modality == "image"


def test_reports_plans_and_presentation_states_are_kept_and_not_opened():
    names = {"reportsi.dcm": "report", "rtstruct.dcm": "structures", "rtplan.dcm": "plan"}
    for name, kind in names.items():
        (path,) = WHEEL.rglob(name)
        (asset,) = found([path])
        assert isinstance(asset, FoundAsset)
        assert asset.facts.kind == kind
        with pytest.raises(KeptNotOpened, match=f"{kind} is kept, not opened"):
            opened(asset)


def test_every_file_of_the_wheel_is_indexed_or_has_a_reason():
    assert dicom.claims is not None
    paths = [path for path in WHEEL.rglob("*") if path.is_file()]
    claimed = [path for path in paths if dicom.claims(path.name, path.read_bytes()[:4096])]
    every = found(claimed)
    files = [file for each in every if isinstance(each, FoundAsset) for file in each.files]
    files += [each.file for each in every if isinstance(each, UnreadableFile)]
    assert sorted(file.path for file in files) == sorted(claimed)
    assert {each.modality for each in every if isinstance(each, FoundAsset)} <= set(MODALITIES)
    assert all(each.reason for each in every if isinstance(each, UnreadableFile))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"plain text that calls itself an image\n" * 20,
        bytes(128) + b"DICM",
        bytes(128) + b"DICM" + np.random.default_rng(0).bytes(4000),
        np.random.default_rng(1).bytes(4000),
    ],
    ids=["empty", "png", "text", "magic alone", "magic and noise", "encrypted"],
)
def test_what_is_no_dicom_is_told_and_nothing_crashes(tmp_path, data):
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    (only,) = found([path])
    assert isinstance(only, UnreadableFile)
    with pytest.raises(BiolakeError) as caught:
        dicom.call(FileContent.of(path))
    assert caught.value.where == "a.dcm"


def test_a_truncated_or_oversized_image_is_quarantined(tmp_path):
    short, huge = tmp_path / "short.dcm", tmp_path / "huge.dcm"
    short.write_bytes(encoded(ct_slice((0, 0, 0)))[:-50])
    huge.write_bytes(encoded(ct_slice((0, 0, 0), Rows=60000)))
    reasons = [each.reason for each in found([short, huge]) if isinstance(each, UnreadableFile)]
    assert reasons == [
        "the file ends before its pixel data do",
        "fewer pixels than rows, columns and frames need",
    ]


SMALL = (
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "JPEGLSNearLossless_08.dcm",
    "reportsi.dcm",
    "image_dfl.dcm",
    "rtdose_expb.dcm",
    "UN_sequence.dcm",
)


@pytest.mark.parametrize("name", SMALL)
def test_damaged_files_raise_nothing_but_our_own_errors(tmp_path, name):
    (source,) = WHEEL.rglob(name)
    data = source.read_bytes()
    rng = np.random.default_rng(sum(name.encode()))
    for number in range(50):
        changed = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 12)):
            changed[at] = rng.integers(0, 256)
        if number % 5 == 0:
            del changed[rng.integers(0, len(data)) :]
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(bytes(changed))
        (each,) = found([path])
        assert not str(getattr(each, "reason", "")).startswith("cannot be read")
        try:
            # Beneath the net that catches what nobody foresaw.
            open_as_it_is(FileContent.of(path), path.read_bytes())
        except BiolakeError as error:
            assert str(error)  # noqa: PT017 - most mutations still open


@shared
def test_a_slice_without_modality_is_a_ct_by_its_class():
    (asset,) = found(sorted((SHARED / "ct_chest" / "dicom").glob("*")))
    assert isinstance(asset, FoundAsset)
    assert (asset.modality, asset.facts.kind) == ("ct", "volume")
    assert opened(asset).voxels.shape == (1, 512, 512)


@shared
def test_a_segmentation_is_a_volume_of_labels():
    import pyarrow as pa

    folder = SHARED / "dicom_suite" / "dcmqi"
    for name, told in (("liver", None), ("partial_overlaps", OverlappingSegments)):
        with pa.input_stream(
            str(folder / f"segmentations__{name}.dcm.zst"), compression="zstd"
        ) as s:
            content = _Bytes(s.read())
        if told is not None:
            with pytest.raises(told):
                dicom.call(content)
            continue
        volume = dicom.call(content)
        assert volume.voxels.shape == (3, 512, 512)
        assert np.unique(volume.voxels).tolist() == [0, 1]


class _Bytes:
    """Content that lies in no file."""

    names = ("object",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, name: str) -> bytes:
        return self.data

    def path(self, name: str) -> Path:
        raise FileNotFoundError(name)


def test_pydicoms_warnings_stay_inside(tmp_path):
    (source,) = WHEEL.rglob("badVR.dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(found([source])) == 1


def planned(paths: list[Path]) -> list[SourceFile]:
    return [
        SourceFile(path, path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths
    ]


def test_of_two_files_with_one_sop_uid_and_other_bytes_the_first_by_name_is_kept(tmp_path):
    first, again = ct_slice((0, 0, 0)), ct_slice((0, 0, 0), ImageType=["DERIVED", "PRIMARY"])
    again.SOPInstanceUID = first.SOPInstanceUID
    again.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    paths = written(tmp_path, [again, first, ct_slice((0, 0, 2))])
    copy = tmp_path / "z-copy.dcm"
    copy.write_bytes(paths[0].read_bytes())
    every = list(dicom.find(planned([*reversed(paths), copy]), Surroundings({})))
    problems = [each for each in every if isinstance(each, UnreadableFile)]
    assert [each.file.path for each in problems] == [max(paths[:2])]
    assert "same SOP Instance UID and other bytes" in problems[0].reason
    kept = [each for each in every if isinstance(each, FoundAsset)]
    assert copy in {file.path for each in kept for file in each.files}
    for asset in kept:
        assert len(asset.file_keys) == len(asset.files)
        assert first.SOPInstanceUID in asset.file_keys


def test_slices_taken_on_both_sides_of_a_change_of_clock_start_with_the_first(tmp_path):
    day = {"AcquisitionDate": "20201025"}
    later = ct_slice((0, 0, 0), AcquisitionTime="0201", TimezoneOffsetFromUTC="+0100", **day)
    first = ct_slice((0, 0, 2), AcquisitionTime="0259", TimezoneOffsetFromUTC="+0200", **day)
    (asset,) = assets(tmp_path, [later, first])
    assert (asset.start, asset.utc_offset) == (microseconds(2020, 10, 25, 2, 59), 120)
    (mixed,) = assets(tmp_path, [first, ct_slice((0, 0, 4), AcquisitionTime="03", **day)])
    assert (mixed.start, mixed.utc_offset) == (None, None)
