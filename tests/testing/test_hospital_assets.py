"""The synthetic hospital's ECGs, images and slides: what measures them finds what is true."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.testing.test_hospital import digest

from biolake.core.assets import FileContent, Finding
from biolake.core.catalogue import discover
from biolake.core.errors import WrongUse
from biolake.core.media import Opened, Recording, Volume
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify
from biolake.learning.methods.contract import Training
from biolake.learning.methods.kernels import Kernels
from biolake.statistics.discrimination import auroc
from biolake.testing.hospital import simulate
from biolake.testing.hospital.electrocardiograms import LEADS, Heart, draw_ecg
from biolake.testing.hospital.histology import MPP, SIDE, draw_slide
from biolake.testing.hospital.slide_files import slide_file
from biolake.testing.hospital.tomograms import Lungs, draw_scan

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOGUE = discover("biolake.readers", "biolake.extractors", "biolake.encoders")
# Attributes that every image must have, if only empty (PS3.3 C.7).
REQUIRED = {
    *("StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "StudyTime", "AccessionNumber"),
    *("Modality", "PatientName", "PatientBirthDate", "PatientSex", "ReferringPhysicianName"),
    *("StudyID", "SeriesNumber", "InstanceNumber", "PixelRepresentation", "BitsStored"),
}
Truth = list[dict[str, Any]]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sites, one a format, of whose subjects all have assets."""
    folder = tmp_path_factory.mktemp("hospital")
    simulate(folder, subjects=100, seed=5, sites=4, assets=1.0)
    return folder


@pytest.fixture(scope="module")
def loaded(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict]:
    """The lake of the four sites, first their records and then their assets."""
    pytest.importorskip("openslide")
    lake = init(str(tmp_path_factory.mktemp("lake") / "lake"))
    reports = {}
    for site in sorted(hospital.glob("site-*")):
        (records,) = (path for path in site.iterdir() if path.name != "assets")
        ingest(lake, str(records), CATALOGUE, site=site.name)
    assert lake.commit().counts["subjects"] == 100
    for site in sorted(hospital.glob("site-*")):
        reports[site.name] = ingest(lake, str(site / "assets"), CATALOGUE, site=site.name)
    return lake, reports


def truths(folder: Path, modality: str = "") -> Truth:
    lines = (folder / "truth-assets.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if modality in ("", one["modality"])]


def counts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "truth.json").read_text())["assets"]["sites"]


def opened(folder: Path, one: dict[str, Any], reader: str) -> Opened:
    path = folder / one["site"] / "assets" / one["file"]
    if one["modality"] == "ecg":
        files = [path.with_suffix(".hea"), path.with_suffix(".dat")]
    else:
        files = sorted(path.glob("*.dcm")) if path.is_dir() else [path]
    return CATALOGUE.get("asset-reader", reader).call(FileContent.of(*files))


def measured(asset: Opened, extractor: str) -> dict[str, float | None]:
    found: list[Finding] = list(CATALOGUE.get("extractor", extractor).call(asset))
    return {finding.code: finding.value for finding in found}


# --- what is written


def test_records_stay_the_same_when_assets_are_asked_for(tmp_path):
    simulate(tmp_path / "plain", subjects=40, sites=4)
    simulate(tmp_path / "rich", subjects=40, sites=4, assets=0.5)
    plain, rich = digest(tmp_path / "plain"), digest(tmp_path / "rich")
    new = {name for name in rich if "/assets/" in name or name == "truth-assets.jsonl"}
    changed = {name for name in plain if rich[name] != plain[name]}
    assert rich.keys() - new == plain.keys()
    assert changed == {"truth.json"}
    told = [json.loads((tmp_path / n / "truth.json").read_text()) for n in ("plain", "rich")]
    assert told[1].pop("assets")["sites"].keys() == {"site-1", "site-2", "site-3", "site-4"}
    assert told[0] == told[1]


def test_same_seed_gives_the_same_assets_and_more_subjects_only_add(tmp_path):
    for name, subjects, seed in (("a", 12, 7), ("b", 12, 7), ("c", 18, 7), ("d", 12, 8)):
        simulate(tmp_path / name, subjects=subjects, seed=seed, assets=1.0)
    first, again, more, other = (digest(tmp_path / name / "site-1" / "assets") for name in "abcd")
    assert first == again
    assert {name: more[name] for name in first if not name.endswith(".csv")} == {
        name: content for name, content in first.items() if not name.endswith(".csv")
    }
    shared = [name for name in first.keys() & other.keys() if name.endswith(".dat")]
    assert shared
    assert all(first[name] != other[name] for name in shared)


def test_a_share_gives_assets_to_some_subjects_the_same_ones_as_to_all(tmp_path):
    simulate(tmp_path / "some", subjects=40, assets=0.3)
    simulate(tmp_path / "all", subjects=40, assets=1.0)
    some, every = (truths(tmp_path / name) for name in ("some", "all"))
    patients = [{one["patient"] for one in told} for told in (some, every)]
    assert 0.1 < len(patients[0]) / len(patients[1]) < 0.6
    assert some == [one for one in every if one["patient"] in patients[0]]


def test_a_share_outside_0_to_1_is_refused(tmp_path):
    with pytest.raises(WrongUse, match="between 0 and 1"):
        simulate(tmp_path, assets=1.5)


# --- formats


def test_the_leads_of_a_read_record_obey_einthoven_and_carry_age_and_sex(hospital):
    recording = opened(hospital, truths(hospital, "ecg")[0], "wfdb")
    assert isinstance(recording, Recording)
    (signal,) = recording.signals
    leads = {name: signal.channel(name) for name in LEADS}
    np.testing.assert_allclose(leads["I"] + leads["III"], leads["II"], atol=1e-6)
    augmented = leads["aVR"] + leads["aVL"] + leads["aVF"]
    np.testing.assert_allclose(augmented, 0, atol=0.0021)
    assert signal.seconds == 10
    assert recording.age is not None
    assert recording.sex in ("male", "female")


@pytest.mark.parametrize("modality", ["xray", "ct"])
def test_dicom_files_have_what_their_class_requires(hospital, modality):
    pydicom = pytest.importorskip("pydicom")
    one = truths(hospital, modality)[0]
    path = hospital / one["site"] / "assets" / one["file"]
    found = pydicom.dcmread(sorted(path.iterdir())[0] if path.is_dir() else path)
    assert found.PatientID == one["patient"]
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert set(found.dir()) >= REQUIRED
    assert found.pixel_array.shape == (found.Rows, found.Columns)
    if modality == "ct":
        assert len(list(path.glob("*.dcm"))) == 32
        assert {"FrameOfReferenceUID", "ImagePositionPatient", "RescaleIntercept"} <= set(
            found.dir()
        )


def test_a_slide_opens_in_openslide_pixel_for_pixel(tmp_path):
    openslide = pytest.importorskip("openslide")
    drawn = draw_slide(np.random.default_rng(1), 0.3)
    path = tmp_path / "slide.tif"
    path.write_bytes(slide_file(drawn.levels, MPP, "made up"))
    with openslide.OpenSlide(path) as slide:
        assert slide.level_dimensions == ((SIDE, SIDE), (SIDE // 2,) * 2, (SIDE // 4,) * 2)
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(MPP)
        for level, pixels in enumerate(drawn.levels):
            whole = slide.read_region((0, 0), level, slide.level_dimensions[level])
            assert np.array_equal(np.asarray(whole)[..., :3], pixels)


# --- what is measured is what is true


def test_heart_rate_and_intervals_are_recovered(hospital):
    pytest.importorskip("numba")
    errors: dict[str, list[float]] = {"pr": [], "qrs": [], "qt": []}
    rates = []
    for one in truths(hospital, "ecg")[:40]:
        found = measured(opened(hospital, one, "wfdb"), "ecg")
        rates.append(abs(found["ECG//heart_rate"] / one["heart_rate"] - 1))
        for name, told in errors.items():
            value = found.get(f"ECG//{name.upper()}")
            if value is not None and one[name] is not None:
                told.append(abs(value - one[name]))
    assert np.quantile(rates, 0.95) < 0.01
    assert {name: np.median(told) < 15 for name, told in errors.items()} == dict.fromkeys(
        errors, True
    )
    assert all(len(told) > 20 for told in errors.values())


def test_fibrillation_is_told_from_sinus_rhythm():
    pytest.importorskip("numba")
    right = []
    for number in range(40):
        rng = np.random.default_rng([number, 3])
        sick = number % 2 == 0
        heart = Heart(rng.uniform(66, 110), 150.0, 330.0, ("AFIB",) if sick else ())
        signal = draw_ecg(rng, heart, 250).microvolts
        right.append(measured(recorded(signal), "ecg").get("ECG//atrial_fibrillation") == sick)
    assert np.mean(right) >= 0.95


def test_a_wide_qrs_is_not_taken_for_p_waves():
    pytest.importorskip("numba")
    flags = []
    for number in range(40):
        rng = np.random.default_rng([number, 5])
        heart = Heart(rng.uniform(66, 110), 165.0, 400.0, ("AFIB", "CLBBB"))
        found = measured(recorded(draw_ecg(rng, heart, 250).microvolts), "ecg")
        flags.append(found.get("ECG//atrial_fibrillation"))
        assert "ECG//PR" not in found
    assert flags.count(0.0) <= 1  # regular by chance, in ten seconds
    assert flags.count(1.0) >= 34


def recorded(microvolts: np.ndarray) -> Recording:
    from biolake.core.media import Signal

    samples = (microvolts / 1000).astype(np.float32)
    return Recording((Signal(samples, 250.0, LEADS, ("mV",) * len(LEADS)),))


def test_what_is_added_to_a_heart_shows_in_its_leads():
    calm = [draw_ecg(np.random.default_rng(4), Heart(70, 160, 390, f), 500) for f in ((), ("LVH",))]
    wide = draw_ecg(np.random.default_rng(4), Heart(70, 160, 390, ("CLBBB",)), 500)
    lifted = draw_ecg(np.random.default_rng(4), Heart(70, 160, 390, ("IMI", "STE_")), 500)
    assert 70 < calm[0].qrs < 110
    assert wide.qrs > 120
    after = [int((beat + 0.11) * 500) for beat in lifted.beats[:-1]]
    three = LEADS.index("III")
    assert np.median(lifted.microvolts[three, after] - calm[0].microvolts[three, after]) > 100


@pytest.mark.parametrize(
    "lungs",
    [Lungs(), Lungs(0.85, consolidation=0.08), Lungs(1.15, emphysema=0.15), Lungs(glass=0.06)],
    ids=["healthy", "consolidation", "emphysema", "ground glass"],
)
def test_lungs_of_a_drawn_ct_are_measured(lungs):
    pytest.importorskip("numba")
    scan = draw_scan(np.random.default_rng(2), lungs)
    voxels = scan.voxels.astype(np.float32)
    found = measured(Volume(voxels, (10.0, 3.1, 3.1), "HU"), "ct-lungs")
    assert found["CT//lung_coverage"] == 1
    assert found["CT//lung_volume"] == pytest.approx(scan.volume, rel=0.05)
    assert found["CT//lung_emphysema"] == pytest.approx(100 * scan.emphysema, abs=1.5)
    assert found["CT//lung_consolidation_range"] == pytest.approx(100 * scan.consolidation, abs=1.5)
    assert found["CT//lung_ground_glass_range"] == pytest.approx(100 * scan.glass, abs=1.5)


def test_a_ct_read_from_its_files_is_the_one_drawn(hospital):
    pytest.importorskip("pydicom")
    for one in truths(hospital, "ct")[:2]:
        volume = opened(hospital, one, "dicom")
        assert isinstance(volume, Volume)
        assert volume.units == "HU"
        assert volume.spacing == pytest.approx((10.0, 3.1, 3.1))
        found = measured(volume, "ct-lungs")
        assert found["CT//lung_volume"] == pytest.approx(one["volume"], rel=0.05)


@pytest.mark.parametrize("tumour", [0.1, 0.4, 0.7])
def test_the_tissue_of_a_slide_is_measured(tmp_path, tumour):
    pytest.importorskip("openslide")
    drawn = draw_slide(np.random.default_rng(9), tumour)
    assert drawn.tumour == pytest.approx(tumour, abs=0.01)
    path = tmp_path / "slide.tif"
    path.write_bytes(slide_file(drawn.levels, MPP, "made up"))
    slide = CATALOGUE.get("asset-reader", "slide").call(FileContent.of(path))
    try:
        found = measured(slide, "slide-tissue")
    finally:
        slide.close()
    assert found["SLIDE//tissue"] == pytest.approx(100 * drawn.tissue, abs=2)
    assert found["SLIDE//tissue_area"] == pytest.approx(
        drawn.tissue * (SIDE * MPP / 1000) ** 2, rel=0.05
    )


def test_a_radiograph_of_an_ill_chest_shows_it(hospital):
    hearts = {True: [], False: []}
    for one in truths(hospital, "xray"):
        hearts["cardiomegaly" in one["findings"]].append(one["cardiothoracic"])
        assert ("opacity" in one["findings"]) == (one["opacity"] > 0.03)
    assert min(hearts[True]) > max(hearts[False])


# --- the lake takes them


def test_every_asset_is_linked_to_a_subject_that_was_known(hospital, loaded):
    lake, reports = loaded
    for site, told in counts(hospital).items():
        report = reports[site].assets
        assert (report.linked, report.unlinked) == (told["linked"], told["waiting"])
        assert Counter(report.modalities) == Counter(told["made"]) + Counter(xray=told["waiting"])
    assert lake.commit().counts["subjects"] == 100
    assert verify(lake).problems == ()


def test_assets_belong_to_whom_the_truth_says(hospital, loaded):
    """Who has an asset has it at the moment told, in a contact of theirs.

    The reports of FHIR bring notes of their own: those are told of with the records.
    """
    lake, _ = loaded
    with open_view(lake) as view:
        rows = view.rows(
            "SELECT a.site_id, a.modality, a.subject_id, count(*) FROM assets a"
            " WHERE a.subject_id IS NOT NULL AND modality <> 'note' GROUP BY ALL"
        )
        ((inside,),) = view.rows("SELECT count(encounter_id) / count(*) FROM assets")
    found = Counter((site, modality, n) for site, modality, _, n in rows)
    each = Counter((one["site"], one["modality"], one["patient"]) for one in truths(hospital))
    assert found == Counter((site, modality, n) for (site, modality, _), n in each.items())
    assert inside > 0.9


def test_planted_faults_are_quarantined_exactly(hospital, loaded):
    words = {
        "empty": "the file is empty",
        "not DICOM": "this is not DICOM",
        "cut short": "the file ends before its pixel data do",
        "ECG cut short": "99999993.dat is shorter than its header says",
    }
    companion = "belongs to record 99999993.hea, which cannot be read: "
    lake, _ = loaded
    sql = "SELECT site_id, reason, count(*) FROM quarantine WHERE load_id IN (SELECT load_id FROM"
    sql += " loads WHERE \"table\" IN ('dicom', 'wfdb')) GROUP BY ALL"
    with open_view(lake) as view:
        found = Counter({(site, why): n for site, why, n in view.rows(sql)})
    planted = {
        (site, words[what]): n
        for site, told in counts(hospital).items()
        for what, n in told["quarantined"].items()
    }
    for site in counts(hospital):
        # A record is two files, and each is told of.
        found.pop((site, companion + words["ECG cut short"]), None)
    assert found == Counter(planted)


def test_a_model_learns_fibrillation_from_the_recordings():
    pytest.importorskip("numba")
    drawn, sick = [], np.arange(120) % 3 == 0
    others = [(), ("CLBBB",), ("IMI", "STE_"), ("LVH",)]
    for number in range(120):
        rng = np.random.default_rng([number, 8])
        found = (*(("AFIB",) if sick[number] else ()), *others[number % 4])
        drawn.append(draw_ecg(rng, Heart(rng.uniform(66, 110), 150, 330, found), 100).microvolts)
    signals = np.array(drawn, np.float32) / 1000
    first, rest = np.arange(80), np.arange(80, 120)
    training = Training(sick[first, None], first, ("AF",))
    fitted = Kernels(features=1000).fit(signals[first], training)
    assert auroc(sick[rest], fitted.log_odds(signals[rest])[:, 0]) > 0.95


def test_the_example_model_can_be_read():
    from biolake.learning.spec_reading import load_spec

    spec = load_spec(EXAMPLES / "ecg-diagnosis" / "model.yaml")
    assert "atrial fibrillation" in spec.labels


def test_the_command_says_how_to_load_the_assets_after_the_records(tmp_path, capsys):
    from biolake.cli import main

    with pytest.raises(SystemExit, match="0"):
        main(["simulate", str(tmp_path / "h"), "--subjects", "6", "--assets", "1"])
    said = capsys.readouterr().out
    assert "ECGs, radiographs, CTs and slides" in said
    assert said.index("/site-1/mimic --site site-1") < said.index("/site-1/assets --site site-1")
