"""A study on vectors of ECGs: from the lake to a judged model, and on to another lake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lake.build import NOON, NUMBERED, chunk, event, load
from tests.retrieval.assets import Shown, publish
from tests.studies.hospital import ANALYSES, fixed

from biolake.core.errors import DataRefused
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.retrieval.definition import DAY, Window
from biolake.studies import dataset as datasets
from biolake.studies.dataset import build_dataset
from biolake.studies.gathering import gather
from biolake.studies.leakage import shuffle_test
from biolake.studies.loading import load_study
from biolake.studies.model_folder import thaw
from biolake.studies.running import run_study
from biolake.studies.validating import validate_study

HOUR = timedelta(hours=1)
SUBJECTS = 300
WIDTH = 12

FILES = {
    "features.yaml": """
features: ecg
age: true
windows: {year: {lookback: 365d}}
groups:
  findings: {codes: {prefix: [ECG//, MODEL//]}, windows: [year], aggregations: [last]}
embeddings:
  - {name: ecg, encoder: kernels, modality: ecg, window: {lookback: 365d, gap: 1h}, components: 6}
""",
    "predicates.yaml": """
predicates:
  visit: {code: VISIT}
  stroke: {code: STROKE}
""",
    "task.yaml": """
trigger: visit
windows:
  visit_time:
    start: trigger
    end: start + 1h
    start_inclusive: true
    end_inclusive: true
    index_timestamp: start
  after:
    start: trigger
    end: start + 90d
    start_inclusive: false
    end_inclusive: true
    label: stroke
""",
    "study.yaml": """
study:
  id: ecg-stroke
  title: Stroke after a visit, told from the ECG
  question: predict
  purpose: Test a study on vectors.
  intended_use: None. The data are made up.
  limitations: [The data are made up.]
population: {task: task.yaml, predicates: predicates.yaml}
outcome: {name: stroke, from: label}
features: features.yaml
split: {kind: random, ratios: {train: 0.6, tuning: 0, held_out: 0.4}, seed: 1}
analyses:
  - predict: {models: [elastic_net]}
""",
}


def study_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder / "study.yaml"


def people(seed: int) -> tuple[list[dict[str, object]], list[Shown]]:
    """Make subjects whose strokes follow from the sum of their ECG's vector, and from no event.

    A second ECG after the visit tells everything to whoever looks at it.
    """
    draw = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    shown: list[Shown] = []
    for subject in range(1, SUBJECTS + 1):
        vector = draw.normal(size=WIDTH)
        ill = draw.random() < 1 / (1 + np.exp(-vector.sum()))
        rows.append(event(str(subject), code="MEDS_BIRTH", time=NOON.replace(year=2080)))
        rows.append(event(str(subject), code="VISIT", time=NOON))
        rows.append(
            event(
                str(subject), code="ECG//rate", time=NOON - 30 * HOUR, numeric_value=70, unit="/min"
            )
        )
        rows += [event(str(subject), code="STROKE", time=NOON + 240 * HOUR)] if ill else []
        # One in ten was never encoded.
        shown.append(Shown(subject, NOON - 30 * HOUR, vector if subject % 10 else None))
        shown.append(Shown(subject, NOON + HOUR, np.full(WIDTH, 9.0 if ill else -9.0)))
    return rows, shown


def filled(folder: Path, seed: int, *, version: str | None = "1") -> Lake:
    made = fixed(folder, "source")
    rows, shown = people(seed)
    load(made, chunk(rows), subjects=NUMBERED)
    if version:
        publish(made, [replace(one, version=version) for one in shown])
    return made


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return filled(tmp_path_factory.mktemp("vectors") / "lake", 1)


@pytest.fixture(scope="module")
def run(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_study(lake, load_study(study_file(folder / "study")), folder / "out", ANALYSES)
    return folder / "out"


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def columns(names: Sequence[str]) -> set[str]:
    return {name for name in names if name.startswith("embedding/")}


def test_the_vectors_tell_what_no_event_tells(run: Path) -> None:
    (model,) = result(run)["models"]
    auroc = model["evaluation"]["held_out"]["auroc"]
    # All twelve numbers would reach 0.9; six components keep half of what they say.
    assert 0.65 < auroc["estimate"] < 0.97
    assert len(columns([row["feature"] for row in model["coefficients"]])) >= 4


def test_the_encoder_and_its_version_are_in_the_provenance(run: Path) -> None:
    assert result(run)["provenance"]["encoders"] == {"ecg": "kernels 1"}


def test_the_shuffled_future_changed_nothing_and_gaps_are_noted(run: Path) -> None:
    found = result(run)
    assert found["leakage"]["shuffle_test"] == "passed"
    assert any("10 % of the assets" in note and "no vector" in note for note in found["notes"])
    assert not any("was not over" in note for note in found["notes"])
    assert not any("diagnosis models" in warning for warning in found["warnings"])


def test_the_shuffle_test_finds_a_look_at_later_assets(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(study_file(tmp_path / "study"))
    (honest,) = study.features.embeddings
    ahead = replace(honest, window=Window("", 365 * DAY, -DAY))
    definition = replace(study.features, embeddings=(ahead,))
    with open_view(lake) as view:
        members = gather(view, study).enrolled.members
        with pytest.raises(DataRefused, match=r"'ecg'.* past the prediction time"):
            build_dataset(view, definition, members, tmp_path / "refused")
        monkeypatch.setattr(datasets, "refuse_future", lambda _: None)
        leaking = build_dataset(view, definition, members, tmp_path / "leaking")
        found = shuffle_test(view, definition, members, leaking, tmp_path / "again")
    assert found.verdict == "failed"
    # Signs that cancel make one component 0 for these later vectors, whatever becomes of them.
    assert columns(found.columns) == {f"embedding/ecg/{n}" for n in range(1, 6)}


def test_a_frozen_model_reads_the_same_vectors_in_another_lake(run: Path, tmp_path: Path) -> None:
    model = run / "model" / "elastic_net"
    assert thaw(model).definition.embeddings[0].components == 6
    there = filled(tmp_path / "there", 2)
    report = validate_study(model, there, tmp_path / "valid")
    assert report.external["auroc"]["estimate"] > 0.65
    found = json.loads((tmp_path / "valid" / "result.json").read_text())
    assert found["provenance"]["encoders"] == {"ecg": "kernels 1"}


@pytest.mark.parametrize(
    ("version", "said"),
    [(None, r"no sample has a vector of kernels 1"), ("2", r"of version 2 only, but version 1")],
)
def test_a_frozen_model_meets_no_vectors_but_its_own(
    run: Path, tmp_path: Path, version: str | None, said: str
) -> None:
    there = filled(tmp_path / "there", 2, version=version)
    with pytest.raises(DataRefused, match=said):
        validate_study(run / "model" / "elastic_net", there, tmp_path / "valid")


def test_answers_of_diagnosis_models_are_features_with_a_warning(tmp_path: Path) -> None:
    made = fixed(tmp_path / "lake", "source")
    rows, shown = people(3)
    answers = [
        event(str(s), code="MODEL//ecg//MI", time=NOON - 30 * HOUR, numeric_value=s / SUBJECTS)
        for s in range(1, SUBJECTS + 1)
    ]
    load(made, chunk(rows + answers), subjects=NUMBERED)
    publish(made, shown)
    run_study(made, load_study(study_file(tmp_path / "study")), tmp_path / "out", ANALYSES)
    assert any("diagnosis models" in warning for warning in result(tmp_path / "out")["warnings"])
    names = thaw(tmp_path / "out" / "model" / "elastic_net").model.columns
    assert {"findings/year/last/MODEL//ecg//MI", "findings/year/last/ECG//rate"} <= set(names)
