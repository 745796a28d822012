"""Ridge-Cox against the partial likelihood written out, and against lifelines' own figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import DataRefused
from biolake.learning.block_fitting import fit_blocks
from biolake.learning.fitting import Part, Setting
from biolake.learning.hazards import FollowUp
from biolake.learning.models import load_model, save_model
from biolake.learning.ridge_cox import baseline, choose, fuse, training_rows
from biolake.statistics.concordance import harrell


def made(rows: int, columns: int, seed: int = 0, ties: int = 20):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns))
    slopes = np.zeros(columns)
    slopes[: min(5, columns)] = 0.6
    event, leaving = rng.exponential(np.exp(-values @ slopes)), rng.exponential(1.5, rows)
    time = np.ceil(np.minimum(event, leaving) * ties)
    return values, slopes, FollowUp(time, (event <= leaving).astype(np.float64))


def written_out(beta, design, follow_up, penalty):
    """The penalised partial likelihood with Breslow's ties, one event at a time."""
    eta = design @ beta
    total = 0.0
    for row in np.flatnonzero(follow_up.observed == 1):
        at_risk = follow_up.duration >= follow_up.duration[row]
        total += eta[row] - np.log(np.exp(eta[at_risk]).sum())
    return total - 0.5 * penalty * beta @ beta


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([3, 12, 80]))
def test_no_step_away_from_the_fit_is_better(seed: int, columns: int) -> None:
    values, _, follow_up = made(60, columns, seed)
    rows = training_rows(values, follow_up, np.arange(60), seed)
    chosen = choose(rows, np.arange(columns))
    design, beta = values / np.sqrt(columns), chosen.slopes * np.sqrt(columns)
    held = written_out(beta, design, follow_up, chosen.penalty)
    rng = np.random.default_rng(seed)
    for scale in (1e-1, 1e-2, 1e-3):
        for _ in range(5):
            other = beta + scale * rng.normal(size=columns)
            assert written_out(other, design, follow_up, chosen.penalty) <= held + 1e-7


def test_more_columns_than_rows_agree_with_the_fit_in_all_columns() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    values, _, follow_up = made(40, 55, 3)
    rows = training_rows(values, follow_up, np.arange(40), 0)
    chosen = choose(rows, np.arange(55))
    design = values / np.sqrt(55)
    found = optimize.minimize(
        lambda b: -written_out(b, design, follow_up, chosen.penalty), np.zeros(55), tol=1e-10
    )
    assert chosen.slopes * np.sqrt(55) == pytest.approx(found.x, abs=2e-4)


def test_left_out_predictors_come_from_models_that_did_not_see_the_row() -> None:
    values, _, follow_up = made(80, 6, 5)
    rows = training_rows(values, follow_up, np.arange(80), 0)
    chosen = choose(rows, np.arange(6))
    changed = follow_up.duration.copy(), follow_up.observed.copy()
    fold = rows.fold == 2
    changed[0][fold] = changed[0][fold][::-1]
    changed[1][fold] = changed[1][fold][::-1]
    other = choose(type(rows)(values, FollowUp(*changed), rows.fold), np.arange(6))
    if other.penalty == chosen.penalty:
        assert other.left_out[fold] == pytest.approx(chosen.left_out[fold], abs=1e-6)
    assert not np.allclose(other.left_out[~fold], chosen.left_out[~fold])


def test_a_block_of_noise_gets_little_weight_and_none_below_zero() -> None:
    values, _, follow_up = made(300, 40, 1)
    rows = training_rows(values, follow_up, np.arange(300), 0)
    blocks = [choose(rows, np.arange(5)), choose(rows, np.arange(5, 40))]
    weights = fuse(rows, blocks)
    spread = [float(block.left_out.std()) for block in blocks]
    assert weights.min() >= 0.0
    assert weights[0] * spread[0] > 4 * weights[1] * spread[1]


def test_the_baseline_is_breslows() -> None:
    values, slopes, follow_up = made(70, 4, 2)
    rows = training_rows(values, follow_up, np.arange(70), 0)
    risk = np.exp(values @ slopes)
    wanted = sum(
        1.0 / risk[follow_up.duration >= follow_up.duration[row]].sum()
        for row in np.flatnonzero(follow_up.observed == 1)
        if follow_up.duration[row] <= 15
    )
    assert baseline(rows, slopes, [15.0])[0] == pytest.approx(wanted)


def part(seed: int, rows: int = 220) -> Part:
    values, _, follow_up = made(rows, 30, seed)
    return Part(values, np.arange(rows), follow_up.observed, follow_up)


def test_blocks_alone_and_together_are_frozen_and_read_back(tmp_path) -> None:
    columns = [f"c{n}" for n in range(30)]
    blocks = {"signal": range(5), "noise": range(5, 30)}
    fitted = fit_blocks(columns, part(1), blocks, [10.0, 20.0], ("late", "early"), Setting(0))
    names = [one.model.name for one in fitted]
    assert names == ["ridge_cox_late", "ridge_cox_early", "ridge_cox_signal", "ridge_cox_noise"]
    fresh = part(9)
    assert fresh.follow_up is not None
    reached = {}
    for one in fitted:
        risk = one.model.predict(fresh.values)
        save_model(one.model, tmp_path / one.model.name)
        assert load_model(tmp_path / one.model.name).predict(fresh.values) == pytest.approx(risk)
        assert ((risk >= 0) & (risk <= 1)).all()
        seen = fresh.follow_up.observed == 1
        reached[one.model.name] = harrell(fresh.follow_up.duration, seen, risk).index
    assert reached["ridge_cox_signal"] > 0.7
    assert reached["ridge_cox_late"] > 0.7
    assert abs(reached["ridge_cox_noise"] - 0.5) < 0.1


def test_a_missing_modality_is_filled_and_marked() -> None:
    held = part(4)
    held.values[::3, 5:] = np.nan
    columns = [f"c{n}" for n in range(30)]
    (one, *_) = fit_blocks(
        columns, held, {"a": range(5), "b": range(5, 30)}, [10.0], ("late",), Setting(0)
    )
    assert np.isfinite(one.model.predict(held.values)).all()


@pytest.mark.parametrize(
    ("observed", "said"),
    [(np.r_[np.ones(50), np.full(50, 2.0)], "competing"), (np.r_[np.ones(5), np.zeros(95)], "few")],
)
def test_what_cannot_be_fitted_is_refused(observed, said: str) -> None:
    follow_up = FollowUp(np.arange(1.0, 101.0), observed)
    with pytest.raises(DataRefused, match=said):
        training_rows(np.zeros((100, 2)), follow_up, np.arange(100), 0)


def test_a_block_that_never_varies_is_refused_by_name() -> None:
    held = part(2)
    held.values[:, 5:] = 1.0
    with pytest.raises(DataRefused, match="block 'b'"):
        fit_blocks(
            [f"c{n}" for n in range(30)], held, {"a": range(5), "b": range(5, 30)}, [9.0],
            ("late",), Setting(0),
        )  # fmt: skip
