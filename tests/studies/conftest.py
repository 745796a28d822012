from __future__ import annotations

from pathlib import Path

import pytest
from tests.studies.hospital import ANALYSES, EXAMPLES, hospital_lake

from biolake.lake.lake import Lake
from biolake.studies.loading import load_study
from biolake.studies.running import run_study


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three sites of the synthetic hospital, loaded once; no test writes to it but its locks."""
    return hospital_lake(tmp_path_factory.mktemp("hospital"), subjects=3000, sites=3)


@pytest.fixture(scope="session")
def run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, run once: the folder it made."""
    out = tmp_path_factory.mktemp("run") / "out"
    run_study(lake, load_study(EXAMPLES / "mortality" / "study.yaml"), out, ANALYSES)
    return out
