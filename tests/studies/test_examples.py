"""The example on real records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.studies.hospital import ANALYSES, EXAMPLES, SHARED, fixed

from biolake.core.catalogue import discover
from biolake.ingest.pipeline import ingest
from biolake.studies.checking import check_study
from biolake.studies.loading import load_study
from biolake.studies.running import run_study

DEMO = SHARED / "mimic-iv-demo-2.2"


@pytest.mark.skipif(not DEMO.is_dir(), reason="no shared data")
def test_a_hundred_subjects_are_said_to_be_far_too_few(tmp_path: Path) -> None:
    lake = fixed(tmp_path / "lake")
    ingest(lake, str(DEMO), discover("biolake.readers"))
    study = load_study(EXAMPLES / "mimic-demo-mortality" / "study.yaml")
    check = check_study(lake, study, ANALYSES)
    assert check.sizing.verdict.startswith("far too small")
    assert check.sizing.events_per_variable < 1
    report = run_study(lake, study, tmp_path / "out", ANALYSES)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["cohort"]["samples"] == 244
    assert result["cohort"]["events"] == 14
    assert any("far too small" in line for line in report.lines())
