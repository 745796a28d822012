"""extract: what it measures, says and refuses; status and doctor know of assets and extras."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.cli.source import call, refused, told
from tests.signals.synthesis import ecg

MAPPING = """
mapping: ecgs
detect: [list.csv]
subject: {column: patient, system: clinic}
tables:
  list:
    file: list.csv
    key: [row]
    columns: {row: BIGINT, taken: TIMESTAMP}
    assets: [{file: path, time: taken}]
"""
LIST = """row,patient,taken,path
1,p1,2024-01-02 08:00:00,fast
2,p2,2024-01-03 08:00:00,slow
3,p3,,undated
"""
RATE = 250.0


def record(folder: Path, name: str, beats_a_minute: float) -> None:
    """Write ten seconds of four leads with regular beats, in format 16."""
    samples = ecg(np.arange(0.4, 9.7, 60 / beats_a_minute), 10.0, RATE, noise=0.01)
    lines = [f"{name}.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in ("I", "II", "V1", "V5")]
    header = [f"{name} 4 {RATE:g} {samples.shape[1]}", *lines, ""]
    (folder / f"{name}.hea").write_text("\n".join(header))
    (folder / f"{name}.dat").write_bytes(np.round(samples.T * 1000).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("extract")
    source = root / "hospital"
    source.mkdir()
    for name, rate in (("fast", 120.0), ("slow", 60.0), ("undated", 60.0), ("stray", 60.0)):
        record(source, name, rate)
    (source / "list.csv").write_text(LIST)
    (source / "ecgs.yaml").write_text(MAPPING)
    told("--lake", root / "lake", "init")
    told("--lake", root / "lake", "ingest", source)
    return root / "lake"


@pytest.fixture(scope="module")
def extracted(lake: Path) -> dict[str, object]:
    answer: dict[str, object] = told("--lake", lake, "extract")
    return answer


def test_ecgs_are_measured_and_accounted_for(extracted, lake):
    (row,) = [r for r in extracted["extractors"] if r["extractor"] == "ecg"]
    assert (row["assets"], row["measured"], row["quarantined"]) == (3, 2, {})
    assert row["skipped"] == {"the asset has no time": 1}
    assert row["waiting"] == {"waits for its subject": 1}
    assert extracted["added"] == row["findings"] > 10
    shown = told("--lake", lake, "codes", "show", "ECG//heart_rate")
    assert shown["description"] == "Mean heart rate"
    rates = told("--lake", lake, "cohort", "count", "ECG//heart_rate >= 100")
    assert rates["criteria"][0]["subjects"] == 1
    assert told("--lake", lake, "verify")["problems"] == []


def test_again_there_is_nothing_to_do(extracted, lake):
    again = told("--lake", lake, "extract", "ecg")
    assert (again["committed"], again["commit"]) == (False, extracted["commit"])
    page = call("--lake", lake, "extract").stdout
    assert f"Nothing new to measure. The lake stays at commit {extracted['commit']}." in page
    assert re.search(r"ecg +waits for its subject +1\n", page)


def test_the_page_tells_what_was_measured(lake, tmp_path):
    source = lake.parent / "hospital"
    told("--lake", tmp_path / "lake", "init")
    told("--lake", tmp_path / "lake", "ingest", source)
    part = call("--lake", tmp_path / "lake", "extract", "ecg", "--limit", 1).stdout
    assert "Left by --limit: 2 assets; run it again to go on." in part
    page = call("--lake", tmp_path / "lake", "extract").stdout
    assert re.search(r"^ecg +2 +1 +\d+ +1 ", page, re.MULTILINE)
    assert re.search(r"ecg +the asset has no time +1\n", page)
    assert re.search(r"Added \d+ events from 2 assets", page)


def test_a_misspelt_extractor_is_met_with_a_near_one(lake):
    code, error = refused("--lake", lake, "extract", "eccg")
    assert code == 2
    assert "Did you mean 'ecg'" in error["message"]
    assert "Did you mean 'ecg'" in call("--lake", lake, "extract", "--modality", "eccg").stderr
    code, error = refused("--lake", lake, "extract", "--modality", "report")
    assert (code, "no extractor reads 'report'" in error["message"]) == (2, True)
    code, error = refused("--lake", lake, "extract", "--subject", 12345)
    assert code == 2


def test_list_shows_every_extractor_and_the_codes_of_one():
    names = {row["extractor"] for row in told("extract", "--list")["extractors"]}
    assert {"ecg", "ct-lungs", "wearable"} <= names
    (one,) = told("extract", "ecg", "--list")["extractors"]
    assert one["needs"] == "ecg"
    assert one["installed"]
    assert ("ECG//QT", "ms") in {(code["code"], code["unit"]) for code in one["codes"]}
    page = call("extract", "ecg", "--list").stdout
    assert "ECG//heart_rate" in page
    assert "not a diagnosis" in page
    assert "ct-lungs" in call("extract", "--list").stdout


def test_an_extra_that_is_missing_is_named_with_its_install_line(monkeypatch):
    from biolake.cli.doctor import Needed

    lacking = [Needed("numba", ">=0.61", "signals", "")]
    monkeypatch.setattr("biolake.cli.doctor.packages", lambda: lacking)
    rows = {row["extractor"]: row for row in told("extract", "--list")["extractors"]}
    assert rows["ecg"]["install"] == "pip install 'biolake[signals]'"
    assert rows["ct-lungs"]["installed"]
    assert "missing: pip install 'biolake[signals]'" in call("extract", "--list").stdout


def test_status_counts_assets_by_kind(extracted, lake):
    found = told("--lake", lake, "status")["assets"]
    assert (found["count"], found["packs"]) == (4, 1)
    (row,) = found["modalities"]
    assert (row["modality"], row["assets"], row["linked"], row["waiting"]) == ("ecg", 4, 3, 0)
    page = call("--lake", lake, "status").stdout
    assert re.search(r"assets +4 \(4 ecg\); 1 without an identifier\n", page)
    assert re.search(r"stored +.* of tables, .* in 1 pack\n", page)


def test_status_of_a_lake_without_assets_says_nothing_of_them(tmp_path):
    told("--lake", tmp_path / "lake", "init")
    assert told("--lake", tmp_path / "lake", "status")["assets"]["count"] == 0
    assert "assets" not in call("--lake", tmp_path / "lake", "status").stdout


def test_doctor_says_what_each_extra_enables(tmp_path):
    extras = {e["extra"]: e for e in told("--lake", tmp_path / "none", "doctor")["extras"]}
    assert "ecg" in extras["signals"]["extensions"]["extractors"]
    assert "dicom" in extras["imaging"]["extensions"]["readers"]
    assert "slide-colour" in extras["slides"]["extensions"]["encoders"]
    page = call("--lake", tmp_path / "none", "doctor").stdout
    assert re.search(r"^signals .*extractors ecg, ppg, wearable", page, re.MULTILINE)
