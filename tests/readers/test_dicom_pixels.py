"""Pixels of every transfer syntax, equal to their uncompressed references."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pydicom
import pytest
from tests.readers.dicom_files import SECONDARY, SHARED, ct_slice, encoded, image

from biolake.core.assets import FileContent
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Image
from biolake.readers._dicom import codecs
from biolake.readers._dicom.codecs import plain_unpack_bits, unpack_bits
from biolake.readers._dicom.header import parse
from biolake.readers._dicom.picture import stored_pixels
from biolake.readers.dicom import dicom

WHEEL = Path(pydicom.__file__).parent / "data"
WG04 = SHARED / "dicom_suite" / "wg04"
shared = pytest.mark.skipif(not SHARED.exists(), reason="no shared data")


def reference(name: str) -> np.ndarray:
    with pa.input_stream(str(WG04 / f"{name}_UNC.zst"), compression="zstd") as stream:
        return pydicom.dcmread(BytesIO(stream.read())).pixel_array


def pixels_of(path: Path) -> np.ndarray:
    return stored_pixels(parse(path.read_bytes()))


LOSSLESS = [
    (name, syntax) for name in ("CT1", "CT2", "NM1") for syntax in ("J2KR", "JLSL", "JPLL", "RLE")
]


@shared
@pytest.mark.parametrize(("name", "syntax"), LOSSLESS)
def test_lossless_syntaxes_equal_their_reference(name, syntax):
    found = pixels_of(WG04 / f"{name}_{syntax}")
    assert found.dtype == np.int16
    assert np.array_equal(found[0], reference(name))


@shared
def test_the_lossless_pictures_without_reference_agree_with_each_other():
    found = [pixels_of(WG04 / f"MR1_{syntax}") for syntax in ("J2KR", "JLSL", "JPLL")]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@shared
@pytest.mark.parametrize(("name", "syntax", "within"), [("CT1", "JLSN", 10), ("NM1", "JLSN", 10)])
def test_near_lossless_stays_near(name, syntax, within):
    wide = pixels_of(WG04 / f"{name}_{syntax}")[0].astype(int)
    assert np.abs(wide - reference(name)).max() <= within


@shared
@pytest.mark.parametrize("name", ["MR1", "NM1"])
def test_twelve_bit_jpeg_decodes(name):
    found = pixels_of(WG04 / f"{name}_JPLY")[0].astype(float)
    truth = pixels_of(WG04 / f"{name}_JPLL")[0].astype(float)
    assert found.max() > 255
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.98


def test_every_file_of_the_wheel_equals_pydicoms_own_decoder():
    wrong, same = [], 0
    for path in sorted(WHEEL.rglob("*.dcm")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                peer = pydicom.dcmread(path).pixel_array
            except Exception:
                peer = None
        if peer is None:
            continue
        found = pixels_of(path)
        found = found[0] if found.ndim > peer.ndim else found
        same += 1
        if not np.array_equal(found, peer):
            wrong.append(path.name)
    assert wrong == []
    assert same > 40


def test_three_rows_of_three_pixels_are_not_taken_for_planes():
    (odd,) = WHEEL.rglob("SC_rgb_small_odd_jpeg.dcm")
    (plain,) = WHEEL.rglob("SC_rgb_small_odd.dcm")
    assert np.abs(pixels_of(odd).astype(int) - pixels_of(plain)).max() <= 4


@shared
def test_one_bit_segmentations_are_the_same_in_every_syntax():
    folder = SHARED / "dicom_suite" / "pydicom_data"
    for stem in ("liver", "liver_nonbyte_aligned"):
        found = [pixels_of(folder / f"{stem}_{syntax}.dcm") for syntax in ("j2k", "rle", "deflate")]
        assert found[0].sum() == 107098
        assert np.array_equal(found[0], found[1])
        assert np.array_equal(found[0], found[2])


def test_bits_above_the_stored_ones_are_cleared():
    words = np.array([[0xF005, 0x0FFF], [0x1000, 0x0000]], np.uint16)
    made = image(words, BitsStored=12, HighBit=11)
    assert stored_pixels(parse(encoded(made)))[0].tolist() == [[5, 4095], [0, 0]]
    made.PixelRepresentation = 1
    assert stored_pixels(parse(encoded(made)))[0].tolist() == [[5, -1], [0, 0]]
    made = image(words, BitsStored=12, HighBit=15)
    assert stored_pixels(parse(encoded(made)))[0].tolist() == [[0xF00, 0xFF], [0x100, 0]]


def opened(folder: Path, made: pydicom.Dataset) -> Image:
    path = folder / "picture.dcm"
    path.write_bytes(encoded(made))
    found = dicom.call(FileContent.of(path))
    assert isinstance(found, Image)
    return found


def test_monochrome1_is_turned_so_that_high_is_bright(tmp_path):
    made = image(
        np.array([[0, 4095], [5, 100]], np.uint16),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1",
        Modality="CR",
        PhotometricInterpretation="MONOCHROME1",
        BitsStored=12,
        HighBit=11,
        ImagerPixelSpacing=[0.2, 0.1],
    )
    found = opened(tmp_path, made)
    assert found.pixels.tolist() == [[4095, 0], [4090, 3995]]
    assert found.spacing == (0.2, 0.1)
    made.RescaleSlope, made.RescaleIntercept = 2, -10
    assert opened(tmp_path, made).pixels.tolist() == [[8180, -10], [8170, 7980]]


def test_palette_colours_are_looked_up(tmp_path):
    (path,) = WHEEL.rglob("examples_palette.dcm")
    found = dicom.call(FileContent.of(path))
    assert found.pixels.shape == (350, 800, 3)
    assert found.pixels.dtype == np.uint8
    read = pydicom.dcmread(path)
    expected = pydicom.pixels.apply_color_lut(read.pixel_array, read)
    assert np.abs(found.pixels.astype(int) - (expected >> 8)).max() <= 0


def test_planes_are_interleaved_and_frames_come_first(tmp_path):
    colours = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    made = image(
        colours[0],
        SOPClassUID=SECONDARY,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=1,
        NumberOfFrames=2,
    )
    made["PixelData"].value = np.ascontiguousarray(np.moveaxis(colours, -1, 1)).tobytes()
    found = opened(tmp_path, made)
    assert found.frames == 2
    assert np.array_equal(found.pixels, colours)


def test_both_rle_decoders_agree():
    rng = np.random.default_rng(3)
    values = np.repeat(rng.integers(0, 5, 200), rng.integers(1, 9, 200)).astype(np.uint8)
    imagecodecs = pytest.importorskip("imagecodecs")
    packed = imagecodecs.packbits_encode(values.tobytes())
    assert plain_unpack_bits(packed, len(values)) == values.tobytes()
    assert np.array_equal(unpack_bits(packed, len(values)), values)


def test_a_size_that_differs_from_the_codestream_is_refused():
    (path,) = WHEEL.rglob("JPEG2000.dcm")
    read = pydicom.dcmread(path)
    read.Rows = 2000
    with pytest.raises(SourceUnreadable, match=r"1024 × 256.*2000 × 256"):
        stored_pixels(parse(encoded(read)))


def test_rows_and_columns_beyond_the_file_are_refused_before_memory_is_taken():
    made = ct_slice((0, 0, 0), Rows=65535, Columns=4000)
    with pytest.raises(SourceUnreadable, match="bytes of pixels where"):
        stored_pixels(parse(encoded(made)))


def test_a_small_frame_cannot_claim_a_huge_size(monkeypatch):
    monkeypatch.setattr(codecs, "_ALWAYS_FINE", 1)
    monkeypatch.setattr(codecs, "_MOST_PACKED", 2)
    (path,) = WHEEL.rglob("JPEG2000.dcm")
    with pytest.raises(BiolakeError, match="cannot hold"):
        pixels_of(path)


def test_fragments_without_table_or_marks_are_refused():
    from pydicom.encaps import encapsulate

    made = ct_slice((0, 0, 0), NumberOfFrames=2)
    made.PixelData = encapsulate([b"a" * 10, b"b" * 10, b"c" * 10], has_bot=False)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    with pytest.raises(SourceUnreadable, match="2 frames are named, 3 fragments"):
        stored_pixels(parse(encoded(made)))


def test_video_is_refused_by_name():
    from pydicom.encaps import encapsulate

    made = ct_slice((0, 0, 0))
    made.PixelData = encapsulate([b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x18\x00\x14\x01\x01\x11\x00"])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    with pytest.raises(SourceUnreadable, match=r"1\.2\.840\.10008\.1\.2\.4\.102"):
        stored_pixels(parse(encoded(made)))
