"""A whole study on the synthetic hospital, whose truth is known."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.studies.hospital import ANALYSES, EXAMPLES, edited, truth

from biolake.cohorts.held_out import openings
from biolake.core.errors import NotPermitted, WrongUse
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.studies.checking import check_study
from biolake.studies.held_out import lock_name
from biolake.studies.loading import load_study
from biolake.studies.running import run_study

KEYS = {
    "schema", "study", "provenance", "attrition", "cohort", "split", "sample_size", "models",
    "leakage", "notes", "warnings", "tripod", "table_one",
}  # fmt: skip


def _result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def test_the_planted_auc_is_found(lake: Lake, run: Path) -> None:
    auroc = _result(run)["models"][0]["evaluation"]["held_out"]["auroc"]
    planted = truth(lake)["prediction"]["values"]["all"]["bayes_auc"]
    assert auroc["low"] <= planted <= auroc["high"]
    assert auroc["high"] - auroc["low"] < 0.2


def test_what_decides_in_truth_weighs_most(run: Path) -> None:
    names = [row["feature"] for row in _result(run)["models"][0]["coefficients"][:3]]
    assert {name.rsplit("/", 1)[-1] for name in names} == {"age", "mmol", "mmHg"} or any(
        "50813" in name for name in names
    )


def test_the_population_is_the_planted_one_but_for_faulty_rows(lake: Lake, run: Path) -> None:
    planted = truth(lake)["prediction"]["values"]["all"]
    cohort = _result(run)["cohort"]
    assert planted["stays"] * 0.98 <= cohort["samples"] <= planted["stays"]
    assert abs(cohort["events"] - planted["deaths"]) <= 3


def test_the_result_has_every_section_of_its_schema(run: Path) -> None:
    result = _result(run)
    assert set(result) >= KEYS
    assert result["schema"] == "biolake-study-result/1"
    steps = result["attrition"]
    for before, after in pairwise(steps):
        assert before["samples"] - after["lost_samples"] == after["samples"]


def test_splits_share_no_subject_and_add_up(run: Path) -> None:
    sizes = _result(run)["split"]["sizes"]
    assert sum(size["samples"] for size in sizes.values()) == _result(run)["cohort"]["samples"]
    found = pq.read_table(run / "predictions.parquet")
    assert found.num_rows == sizes["held_out"]["samples"]
    assert len(set(found["subject_id"].to_pylist())) == sizes["held_out"]["subjects"]


def test_a_second_run_gives_the_same_bytes(lake: Lake, run: Path, tmp_path: Path) -> None:
    run_study(lake, load_study(EXAMPLES / "mortality" / "study.yaml"), tmp_path / "two", ANALYSES)
    names = sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file())
    again = tmp_path / "two"
    assert names == sorted(str(p.relative_to(again)) for p in again.rglob("*") if p.is_file())
    differ = [n for n in names if (run / n).read_bytes() != (again / n).read_bytes()]
    assert differ == []


def test_no_host_path_or_clock_is_in_the_result(lake: Lake, run: Path) -> None:
    text = (run / "result.json").read_text()
    assert lake.root not in text
    assert str(run) not in text


def test_a_model_folder_holds_no_subject_and_no_row(lake: Lake, run: Path) -> None:
    with open_view(lake) as view:
        ids = [str(i) for (i,) in view.rows("SELECT subject_id FROM subjects")]
    for path in (run / "model").rglob("*"):
        if path.is_file():
            assert path.suffix in (".json", ".txt", ".yaml")
            text = path.read_text(encoding="utf-8")
            assert not any(one in text for one in ids)
    assert not [p for p in (run / "model").rglob("*") if p.suffix in (".pkl", ".parquet", ".npy")]


def test_the_opening_of_held_out_outcomes_is_on_record(lake: Lake, run: Path) -> None:
    found = openings(lake, lock_name("sepsis-mortality", lake.commit().number))
    assert found
    assert {(one.purpose, one.allowed) for one in found} == {("study evaluate", True)}


def test_another_seed_cannot_choose_another_held_out_set(
    lake: Lake, run: Path, tmp_path: Path
) -> None:
    study = load_study(edited(tmp_path / "study", ("seed: 1", "seed: 2")))
    with pytest.raises(NotPermitted, match="do not hold out"):
        run_study(lake, study, tmp_path / "out", ANALYSES)
    assert not (tmp_path / "out").exists()


def test_the_shuffle_test_passed(run: Path) -> None:
    assert _result(run)["leakage"]["shuffle_test"] == "passed"


def test_small_subgroups_are_not_shown(run: Path) -> None:
    rows = _result(run)["models"][0]["evaluation"]["held_out"]["subgroups"]
    hidden = [row for row in rows if row["suppressed"]]
    assert hidden
    assert all(row["events"] is None and "auroc" not in row for row in hidden)
    assert all(row["events"] >= 10 for row in rows if not row["suppressed"])


def test_a_folder_that_is_not_empty_is_left_as_it_is(lake: Lake, run: Path) -> None:
    before = (run / "result.json").read_bytes()
    with pytest.raises(WrongUse, match="not empty"):
        run_study(lake, load_study(EXAMPLES / "mortality" / "study.yaml"), run, ANALYSES)
    assert (run / "result.json").read_bytes() == before


def test_a_check_reads_no_held_out_label_and_counts_the_others(lake: Lake, run: Path) -> None:
    study = load_study(EXAMPLES / "mortality" / "study.yaml")
    name = lock_name("sepsis-mortality", lake.commit().number)
    before = len(openings(lake, name))
    check = check_study(lake, study, ANALYSES)
    sizes = _result(run)["split"]["sizes"]
    assert check.events == sizes["train"]["events"] + sizes["tuning"]["events"]
    assert check.split["held_out"] == sizes["held_out"]["samples"]
    assert len(openings(lake, name)) == before
    assert any("sample size" in line for line in check.lines())


def test_each_site_is_left_out_in_turn(lake: Lake, tmp_path: Path) -> None:
    study = load_study(
        edited(
            tmp_path / "study",
            ("kind: random", "kind: leave_one_site_out"),
            ("id: sepsis-mortality", "id: sepsis-sites"),
        )
    )
    report = run_study(lake, study, tmp_path / "out", ANALYSES)
    found = _result(tmp_path / "out")["models"][0]["evaluation"]
    assert set(found) == {"held_out", *(f"left_out:site-{n}" for n in (1, 2, 3))}
    assert found["held_out"]["n"] == sum(v["n"] for k, v in found.items() if k != "held_out")
    assert any("left_out:site-2" in line for line in report.lines())


TIMED = (
    ("  name: death in the stay\n  from: label\n",
     "  name: death\n  codes: [MEDS_DEATH]\n  horizon: 365d\n"),
    ("  - predict: { models: [elastic_net] }\n",
     "  - incidence: { by: sex }\n  - kaplan_meier: { by: sex }\n  - cox\n"
     "  - discrete_survival: { horizons: [30, 365] }\n"),
    ("kind: random", "kind: temporal"),
    ("id: sepsis-mortality", "id: sepsis-year"),
)  # fmt: skip


def test_time_to_event_is_described_and_predicted(lake: Lake, tmp_path: Path) -> None:
    study = load_study(edited(tmp_path / "study", *TIMED))
    run_study(lake, study, tmp_path / "out", ANALYSES)
    result = _result(tmp_path / "out")
    assert {row["group"] for row in result["incidence"]} == {"all", "F", "M"}
    curves = {row["group"]: row for row in result["survival"]}
    assert all(np.diff(row["survival"]).max() <= 1e-9 for row in curves.values())
    (age,) = (row for row in result["cox"][0]["coefficients"] if row["term"] == "age")
    assert age["low"] > 1.0
    held_out = result["models"][0]["evaluation"]["held_out"]
    assert held_out["auroc"]["low"] > 0.6
    assert held_out["o_e"]["low"] < 1.0 < held_out["o_e"]["high"]
    assert held_out["brier"]["estimate"] < 0.25


def test_lightgbm_runs_beside_it_and_explains_itself(lake: Lake, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    path = edited(tmp_path / "study", ("[elastic_net]", "[elastic_net, lightgbm]"))
    for out in ("one", "two"):
        run_study(lake, load_study(path), tmp_path / out, ANALYSES)
    first, second = (_result(tmp_path / out) for out in ("one", "two"))
    assert first == second
    model = first["models"][1]
    assert model["kind"] == "lightgbm"
    assert len(model["importance"]) >= 3
    folder = Path("model") / "lightgbm" / "model.txt"
    assert (tmp_path / "one" / folder).read_bytes() == (tmp_path / "two" / folder).read_bytes()
