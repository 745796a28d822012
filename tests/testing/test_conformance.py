"""Every asset reader, extractor and encoder that ships keeps its contract; so must a new file.

A new asset reader needs a small source in `SOURCES`, an extractor of a new modality something to
find in `MEDIA`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.imaging.chest import chest
from tests.imaging.slides import drawn as drawn_slide
from tests.readers import (
    cells_files,
    dicom_files,
    genotype_files,
    test_aecg,
    test_ccda,
    test_edf,
    test_nifti,
    test_scp_ecg,
    test_slide,
)
from tests.signals.synthesis import ecg

from biolake.core.catalogue import Extension, discover
from biolake.core.media import Image, Note, Opened, Recording, Signal, Volume
from biolake.testing.asset_readers import AssetReaderTests
from biolake.testing.encoders import EncoderTests
from biolake.testing.extractors import ExtractorTests

CATALOGUE = discover("biolake.readers", "biolake.extractors", "biolake.encoders")
SECRET = "SECRET77"
DRAW = np.random.default_rng(5)


def write_dicom(folder: Path) -> None:
    for n in range(4):
        made = dicom_files.ct_slice(
            (0.0, 0.0, 2.0 * n), PatientID=SECRET, PatientName=f"{SECRET}^Ann",
            StudyDate="20240102", StudyTime="101112", SOPInstanceUID=f"1.2.3.{n}",
        )  # fmt: skip
        (folder / f"{n}.dcm").write_bytes(dicom_files.encoded(made))


def write_wfdb(folder: Path) -> None:
    lines = [
        "r1 2 100 300 10:11:12 02/03/2004",
        *("r1.dat 16 200/mV 16 0 0 0 0 " + x for x in "IV"),
    ]
    (folder / "r1.hea").write_text("\n".join([*lines, "# <age>: 60 <sex>: M", ""]))
    (folder / "r1.dat").write_bytes(DRAW.integers(-400, 400, (300, 2)).astype("<i2").tobytes())


def write_edf(folder: Path) -> None:
    records = [[list(range(-50, 50)), test_edf.timed(n, f"+{n}\x14Blink")] for n in range(3)]
    content = test_edf.made(
        records, kind="EDF+C", patient=f"{SECRET} F 02-AUG-1951 {SECRET}",
        recording="Startdate 02-MAR-2004 X X X",
    )  # fmt: skip
    (folder / "a.edf").write_bytes(content)


def write_nifti(folder: Path) -> None:
    voxels = DRAW.integers(-1000, 1000, (3, 4, 5)).astype(np.int16)
    (folder / "ct.nii.gz").write_bytes(gzip.compress(test_nifti.nifti(voxels, descrip=b"CT")))


def write_picture(folder: Path) -> None:
    from PIL import Image as Pillow

    grey = DRAW.integers(0, 255, (40, 30), dtype=np.uint8)
    for suffix in ("png", "jpg", "tif"):
        Pillow.fromarray(grey).save(folder / f"wound.{suffix}")


def write_note(folder: Path) -> None:
    (folder / "notes").mkdir()
    (folder / "notes/a.txt").write_text(f"Name: {SECRET}. Größe 180 cm.", encoding="utf-8")


def write_ccda(folder: Path) -> None:
    (folder / "a.xml").write_text(test_ccda.document(name=SECRET), encoding="utf-8")


def write_aecg(folder: Path) -> None:
    (folder / "a.xml").write_text(test_aecg.document(), encoding="utf-8")


def write_scp_ecg(folder: Path) -> None:
    test_scp_ecg.written(folder, leads=dict.fromkeys(test_scp_ecg.TWELVE, test_scp_ecg.WAVE))


def write_slide(folder: Path) -> None:
    (folder / "a.tif").write_bytes(test_slide.tiff([test_slide.FULL, test_slide.HALF], 20_000))


def write_plink_bed(folder: Path) -> None:
    genotype_files.bed_set(folder, (SECRET, "S2", "S3", "S4", "S5"))


def write_pgen(folder: Path) -> None:
    genotype_files.pgen_set(folder, (SECRET, "S2", "S3", "S4", "S5"))


def write_vcf(folder: Path) -> None:
    names = (SECRET, "S2", "S3", "S4", "S5")
    text = genotype_files.vcf_text(genotype_files.vcf_rows(), names)
    (folder / "calls.vcf").write_text(text, encoding="utf-8")


def write_wearable_csv(folder: Path) -> None:
    (folder / "wearables.yaml").write_text(
        "files:\n  - file: '(?P<subject>\\w+)\\.csv'\n    rate: 1\n    header: false\n"
        '    columns: {1: {kind: heart rate, unit: "/min"}}\n'
    )
    (folder / f"{SECRET}.csv").write_text("".join(f"{60 + n % 9}\n" for n in range(200)))


SOURCES: dict[str, Callable[[Path], None]] = {
    "aecg": write_aecg,
    "ccda": write_ccda,
    "dicom": write_dicom,
    "edf": write_edf,
    "h5ad": cells_files.h5ad_source,
    "loom": cells_files.loom_source,
    "nifti": write_nifti,
    "note": write_note,
    "pgen": write_pgen,
    "picture": write_picture,
    "plink-bed": write_plink_bed,
    "scp-ecg": write_scp_ecg,
    "slide": write_slide,
    "spatial": cells_files.spatial_source,
    "tenx": cells_files.tenx_source,
    "vcf": write_vcf,
    "wearable-csv": write_wearable_csv,
    "wfdb": write_wfdb,
}


def signal(samples: np.ndarray, rate: float, *channels: str, unit: str = "mV") -> Recording:
    return Recording((Signal(samples.astype(np.float32), rate, channels, (unit,) * len(channels)),))


def electrocardiograms() -> Sequence[Opened]:
    beats = np.cumsum(0.8 + 0.03 * DRAW.standard_normal(14)) + 0.2
    short = ecg(beats[beats < 9.5], 10.0, 250.0, noise=0.01)
    return [signal(short, 250.0, "I", "II", "V1", "V5")]


def pulses() -> Sequence[Opened]:
    time = np.arange(130 * 100) / 100
    wave = np.exp(3 * np.cos(2 * np.pi * 1.2 * time)) / 20
    return [signal(wave[None], 100.0, "PLETH", unit="1")]


def days() -> Sequence[Opened]:
    steps, rate = np.full(1440, 5.0), 60 + 10 * np.sin(np.arange(1440) / 200)
    return [signal(np.vstack([steps, rate]), 1 / 60, "steps", "heart_rate", unit="1")]


def radiographs() -> Sequence[Opened]:
    rows, columns = np.mgrid[:128, :96]
    shade = 120 + 60 * np.cos(rows / 30) * np.cos((columns - 48) / 18)
    return [Image((shade + DRAW.normal(0, 4, shade.shape)).astype(np.uint16))]


def tomograms() -> Sequence[Opened]:
    volume: Volume = chest((60, 96, 96), spacing=(5.0, 4.0, 4.0))[0]
    return [volume]


def slides() -> Sequence[Opened]:
    return [drawn_slide()[0]]


def notes() -> Sequence[Opened]:
    said = (
        "Past medical history:\n- COPD\n\nExam: BP 120/80 mmHg. No pneumonia.\n"
        "Medications:\n- metformin 500 mg PO daily\n"
    )
    return [Note(said), Note("患者否认高血压。血压 130/80 mmHg。二甲双胍 500 mg 口服 每日一次。")]


MEDIA: dict[str, Callable[[], Sequence[Opened]]] = {
    "cells": cells_files.examples,
    "ct": tomograms,
    "ecg": electrocardiograms,
    "genotype": genotype_files.examples,
    "note": notes,
    "ppg": pulses,
    "slide": slides,
    "spatial": cells_files.examples,
    "wearable": days,
    "xray": radiographs,
}


def suite(base: type, attribute: str, extension: Extension, **methods: object) -> type:
    """Make a test class of one extension."""
    name = f"Test{extension.kind.title()}{extension.name.title()}".replace("-", "")
    return type(name, (base,), {attribute: extension, "__test__": True, **methods})


def sources(reader: Extension) -> dict[str, object]:
    def write_source(self: object, folder: Path) -> None:
        if reader.name not in SOURCES:
            pytest.fail(f"write a small source for the asset reader '{reader.name}' in SOURCES")
        SOURCES[reader.name](folder)

    return {"write_source": write_source, "secrets": (SECRET,)}


def examples(extractor: Extension) -> dict[str, object]:
    def media(self: object) -> Sequence[Opened]:
        if extractor.needs not in MEDIA:
            pytest.fail(f"give something of modality '{extractor.needs}' to find in MEDIA")
        return MEDIA[extractor.needs]()

    return {"media": media}


SUITES = [
    *(suite(AssetReaderTests, "reader", e, **sources(e)) for e in CATALOGUE.of("asset-reader")),
    *(suite(ExtractorTests, "extractor", e, **examples(e)) for e in CATALOGUE.of("extractor")),
    *(suite(EncoderTests, "encoder", e) for e in CATALOGUE.of("encoder")),
]
globals().update({each.__name__: each for each in SUITES})


def test_every_extension_has_its_suite() -> None:
    kinds = ("asset-reader", "extractor", "encoder")
    assert len({each.__name__ for each in SUITES}) == sum(len(CATALOGUE.of(k)) for k in kinds)
    assert len(SUITES) > 15
