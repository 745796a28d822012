"""A frozen model on other sites and other lakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.lake.build import chunk, event, load
from tests.studies.hospital import ANALYSES, fixed, hospital_lake

from biolake.core.errors import DataRefused, SetupMissing
from biolake.lake.lake import Lake
from biolake.studies.validating import validate_study

MODEL = Path("model") / "elastic_net"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Another hospital, other people, the same codes."""
    return hospital_lake(tmp_path_factory.mktemp("elsewhere"), subjects=1500, sites=1)


def test_both_columns_are_told_side_by_side(run: Path, elsewhere: Lake, tmp_path: Path) -> None:
    report = validate_study(run / MODEL, elsewhere, tmp_path / "out")
    said = json.loads((tmp_path / "out" / "result.json").read_text())
    assert said["external"]["n"] > 300
    assert said["external"]["auroc"]["low"] > 0.65
    development = json.loads((run / "result.json").read_text())["models"][0]["evaluation"]
    assert said["development"]["auroc"] == development["held_out"]["auroc"]
    assert "development" in report.lines()[0]
    assert "external" in report.lines()[0]


def test_a_second_validation_gives_the_same_bytes(
    run: Path, elsewhere: Lake, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        validate_study(run / MODEL, elsewhere, tmp_path / name)
    one, two = (tmp_path / name / "result.json" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_one_site_of_a_lake_can_be_asked_for(run: Path, lake: Lake, tmp_path: Path) -> None:
    validate_study(run / MODEL, lake, tmp_path / "out", sites=["site-2"])
    said = json.loads((tmp_path / "out" / "result.json").read_text())
    assert [row["site"] for row in said["cohort"]["by_site"]] == ["site-2"]


def test_a_lake_without_the_models_codes_is_refused(run: Path, tmp_path: Path) -> None:
    lake = fixed(tmp_path / "lake")
    load(lake, chunk([event("p1", 1)]))
    with pytest.raises(DataRefused, match=r"lacks \d of the \d codes .*allowed 20%") as refused:
        validate_study(run / MODEL, lake, tmp_path / "out")
    assert refused.value.exit_code == 4
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_told(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(SetupMissing, match="no model here"):
        validate_study(tmp_path, lake, tmp_path / "out")


def test_analyses_are_found() -> None:
    assert {e.name for e in ANALYSES.of("analysis")} >= {"predict", "cox", "table_one"}
