"""DICOM files made for tests: slices sampled from a function of patient space, and images."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CT, MR, SECONDARY = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "7"))
SERIES = "1.2.826.0.1.3680043.8.498.1"
Truth = Callable[[np.ndarray], np.ndarray]


def plane(points: np.ndarray) -> np.ndarray:
    """A truth that linear resampling reproduces exactly: HU rise along x, y and z."""
    return 3.0 * points[..., 0] + 7.0 * points[..., 1] + 11.0 * points[..., 2]


def image(pixels: np.ndarray, **elements: Any) -> FileDataset:
    """Make a data set of one image with these pixels."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = CT, generate_uid()
    made.Modality, made.PatientID = "CT", "subject-1"
    made.StudyInstanceUID, made.SeriesInstanceUID = SERIES + ".1", SERIES
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    if bits == 8:
        made["PixelData"] = _element(0x7FE00010, "OB", pixels.tobytes())
    else:
        made.PixelData = pixels.tobytes()
    for name, value in elements.items():
        if value is None:
            made.pop(name, None)
        else:
            setattr(made, name, value)
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _element(tag: int, vr: str, value: bytes) -> Any:
    from pydicom.dataelem import DataElement

    return DataElement(tag, vr, value + b"\0" * (len(value) % 2))


def encoded(made: Dataset) -> bytes:
    """Return the bytes of a file."""
    target = BytesIO()
    made.save_as(target, enforce_file_format=True)
    return target.getvalue()


def ct_slice(
    position: tuple[float, float, float],
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    truth: Truth = plane,
    size: tuple[int, int] = (24, 20),
    spacing: tuple[float, float] = (0.8, 0.5),
    **elements: Any,
) -> FileDataset:
    """Sample the truth (HU, a tenth of a unit a step) where this slice lies."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    column, row = np.array(orientation[:3], float), np.array(orientation[3:], float)
    points = (
        np.array(position)
        + columns[..., None] * spacing[1] * column
        + rows[..., None] * spacing[0] * row
    )
    stored = np.rint(truth(points) + 1000).astype(np.int16)
    given = {
        "ImagePositionPatient": [f"{value:.7f}" for value in position],
        "ImageOrientationPatient": [f"{value:.9f}" for value in orientation],
        "PixelSpacing": list(spacing),
        "SliceThickness": 2.0,
        "RescaleSlope": 1,
        "RescaleIntercept": -1000,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        **elements,
    }
    return image(stored, **given)


def tilted(degrees: float) -> tuple[float, ...]:
    """Return the orientation of a gantry tilted about the left-right axis."""
    angle = np.radians(degrees)
    return (1.0, 0.0, 0.0, 0.0, float(np.cos(angle)), float(-np.sin(angle)))


def written(folder: Path, made: list[FileDataset]) -> list[Path]:
    """Write files 000.dcm, 001.dcm, …"""
    paths = [folder / f"{number:03}.dcm" for number in range(len(made))]
    for path, each in zip(paths, made, strict=True):
        path.write_bytes(encoded(each))
    return paths


def group(**elements: Any) -> Sequence:
    """Make a sequence of one item."""
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return Sequence([item])
