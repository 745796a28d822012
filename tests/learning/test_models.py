"""Models: fitted on train, tuned on rows not fitted, kept in open formats, the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biolake.core.errors import DataRefused, SetupMissing
from biolake.learning.fitting import Part, Setting, fit_model, fit_survival
from biolake.learning.hazards import FollowUp
from biolake.learning.models import KINDS, Kind, Model, load_model, save_model
from biolake.statistics.discrimination import auroc
from biolake.statistics.kaplan_meier import cumulative_incidence, kaplan_meier

COLUMNS = tuple(f"c{n}" for n in range(6))
SETTING = Setting(seed=5)


def _need(kind: str) -> None:
    if kind == "lightgbm":
        pytest.importorskip("lightgbm")


def _part(seed: int, rows: int = 600) -> Part:
    """c0 and c1 decide, the others do not; some values are missing."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(COLUMNS)))
    risk = 1.0 / (1.0 + np.exp(1.0 - 1.5 * values[:, 0] + values[:, 1]))
    outcome = (rng.random(rows) < risk).astype(float)
    values[rng.random(values.shape) < 0.05] = np.nan
    time = rng.exponential(200.0 / (0.2 + 4.0 * risk))
    end = np.minimum(rng.uniform(50, 800, rows), 365.0)
    other = rng.exponential(900.0, rows)
    observed = np.where(time <= np.minimum(other, end), 1.0, np.where(other <= end, 2.0, 0.0))
    follow_up = FollowUp(np.minimum(np.minimum(time, other), end), observed)
    return Part(values, np.arange(rows) + rows * seed, outcome, follow_up)


def _model(kind: Kind) -> Model:
    return fit_model(kind, kind, COLUMNS, _part(1), _part(2), SETTING).model


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_ranks_new_rows_well(kind: Kind) -> None:
    _need(kind)
    new = _part(3)
    assert auroc(new.outcome, _model(kind).predict(new.values)) > 0.78


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_answers_as_it_did(kind: Kind, tmp_path: Path) -> None:
    _need(kind)
    model, new = _model(kind), _part(3)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert np.array_equal(again.predict(new.values), model.predict(new.values))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_data_give_the_same_bytes(kind: Kind, tmp_path: Path) -> None:
    _need(kind)
    for name in ("one", "two"):
        save_model(_model(kind), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_folder_is_text_and_holds_no_pickle(kind: Kind, tmp_path: Path) -> None:
    _need(kind)
    save_model(_model(kind), tmp_path / "model")
    for path in (tmp_path / "model").iterdir():
        assert path.suffix in (".json", ".txt")
        path.read_text(encoding="utf-8")


def test_lightgbm_text_keeps_no_least_and_greatest_values() -> None:
    _need("lightgbm")
    text = _model("lightgbm").learner.trees.text  # type: ignore[union-attr]
    (infos,) = (line for line in text.splitlines() if line.startswith("feature_infos="))
    assert set(infos.removeprefix("feature_infos=").split()) <= {"[-inf:inf]", "none"}
    assert "parameters:" not in text


def test_shap_values_add_up_to_the_log_odds() -> None:
    _need("lightgbm")
    learner, values = _model("lightgbm").learner, _part(3).values[:50]
    shap = learner.trees.attributions(values)  # type: ignore[union-attr]
    risk = learner.predict(values)  # type: ignore[union-attr]
    base = np.log(risk / (1 - risk)) - shap.sum(axis=1)
    assert base == pytest.approx(base[0])


def test_importance_puts_what_decides_first() -> None:
    _need("lightgbm")
    assert {name for name, _ in _model("lightgbm").importance[:2]} == {"c0", "c1"}


def test_with_few_tuning_events_train_is_cross_validated() -> None:
    few = _part(2, rows=30)
    fitted = fit_model("elastic_net", "m", COLUMNS, _part(1), few, SETTING)
    assert fitted.judged_on == "5-fold cross-validation in train"
    assert fitted.model.recalibration.method == "none"


def test_one_outcome_only_is_refused() -> None:
    train = _part(1)
    nobody = Part(train.values, train.subjects, np.zeros(len(train.outcome)))
    with pytest.raises(DataRefused, match="nothing to learn"):
        fit_model("elastic_net", "m", COLUMNS, nobody, _part(2), SETTING)


def test_other_columns_than_the_models_are_refused() -> None:
    with pytest.raises(DataRefused, match="reads 6 columns"):
        _model("elastic_net").predict(np.zeros((2, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_survival_risks_average_to_the_cumulative_incidence(kind: Kind, tmp_path: Path) -> None:
    _need(kind)
    fitted = fit_survival(kind, "s", COLUMNS, _part(1, 2000), _part(2), (90, 365), SETTING)
    new = _part(3, 2000)
    assert new.follow_up is not None
    curve = cumulative_incidence(new.follow_up.duration, new.follow_up.observed)
    risk = fitted.model.predict(new.values)
    assert risk.mean() == pytest.approx(float(curve.at(364.0)), abs=0.05)
    assert risk.max() <= 1.0
    save_model(fitted.model, tmp_path / "model")
    assert np.array_equal(load_model(tmp_path / "model").predict(new.values), risk)


def test_competing_events_are_no_censoring() -> None:
    fitted = fit_survival("elastic_net", "s", COLUMNS, _part(1, 2000), _part(2), (365,), SETTING)
    new = _part(3, 2000)
    assert new.follow_up is not None
    alone = kaplan_meier(new.follow_up.duration, new.follow_up.observed == 1)
    assert fitted.model.predict(new.values).mean() < 1.0 - float(alone.at(364.0))


def test_no_model_and_another_format_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SetupMissing, match="no model here"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "other/9"}')
    with pytest.raises(DataRefused, match="format is not"):
        load_model(tmp_path)
