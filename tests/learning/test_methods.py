"""Each method: learns, repeats itself, is saved and read back, keeps no row, refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.learning.methods import (
    METHODS,
    Training,
    load_fitted,
    method_named,
    save_fitted,
)
from biolake.learning.methods.bags import AttentionMIL
from biolake.learning.methods.ensemble import Ensemble
from biolake.learning.methods.items import Items
from biolake.learning.methods.kernels import Kernels
from biolake.learning.methods.networks import CNN, ResNet1d
from biolake.learning.methods.vectors import Vectors
from biolake.statistics.discrimination import auroc

ROWS = 80
rng = np.random.default_rng(11)
LABELS = np.column_stack([np.arange(ROWS) % 2 == 0, np.arange(ROWS) % 5 < 2])


def signals() -> np.ndarray:
    """A bump of two widths (first label), and a second channel of two strengths (second label)."""
    noise = 0.3 * rng.standard_normal((ROWS, 2, 128))
    time = np.arange(128)
    for row in range(ROWS):
        width = 3.0 if LABELS[row, 0] else 9.0
        noise[row, 0] += 2.0 * np.exp(-(((time - rng.integers(30, 98)) / width) ** 2))
        noise[row, 1] *= 2.0 if LABELS[row, 1] else 0.7
    return noise.astype(np.float32)


def images() -> np.ndarray:
    found = 0.2 * rng.random((ROWS, 28, 28))
    for row in range(ROWS):
        y, x = rng.integers(6, 18, 2)
        if LABELS[row, 0]:
            found[row, y : y + 5, x : x + 5] += 0.8
        if LABELS[row, 1]:
            found[row, :, 2:4] += 0.6
    return found.astype(np.float32)


def bags() -> list[np.ndarray]:
    found = [rng.standard_normal((int(rng.integers(4, 12)), 6)) for _ in range(ROWS)]
    for row, bag in enumerate(found):
        bag[0, 0] += 6.0 if LABELS[row, 0] else 0.0
        bag[-1, 1] -= 6.0 if LABELS[row, 1] else 0.0
    return found


def vectors() -> np.ndarray:
    table = rng.standard_normal((ROWS, 9))
    table[:, :2] += 2.0 * LABELS
    table[5, 3] = np.nan
    return table


CASES = {
    "kernels": (Kernels(features=500), signals),
    "resnet1d": (ResNet1d(epochs=8, widths=(16, 24)), signals),
    "ensemble": (Ensemble((Kernels(features=400), ResNet1d(epochs=8, widths=(16, 24)))), signals),
    "cnn": (CNN(epochs=12, widths=(8, 16)), images),
    "mil": (AttentionMIL(epochs=40), bags),
    "logistic": (Vectors(), vectors),
}


def training() -> Training:
    return Training(LABELS, np.arange(ROWS), ("first", "second"), seed=3, threads=1)


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest):
    method, make = CASES[request.param]
    examples = make()
    return request.param, method, examples, method.fit(examples, training())


def test_it_learns(case) -> None:
    _, _, examples, fitted = case
    found = fitted.log_odds(examples)
    assert found.shape == LABELS.shape
    assert min(auroc(LABELS[:, k], found[:, k]) for k in range(2)) > 0.85


def test_it_is_saved_in_plain_files_and_answers_the_same(case, tmp_path: Path) -> None:
    name, _, examples, fitted = case
    save_fitted(fitted, name, tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["model.json", "model.npz"]
    again = load_fitted(tmp_path)
    assert again.log_odds(examples) == pytest.approx(fitted.log_odds(examples), abs=1e-3)


def test_the_files_are_small_and_hold_no_array_as_long_as_the_rows(case, tmp_path: Path) -> None:
    name, _, _, fitted = case
    save_fitted(fitted, name, tmp_path)
    assert (tmp_path / "model.npz").stat().st_size < 2_000_000
    assert all(ROWS not in values.shape for values in fitted.arrays().values())


def test_the_same_seed_gives_the_same_model(case) -> None:
    name, method, examples, fitted = case
    again = method.fit(examples, training())
    assert np.array_equal(again.log_odds(examples), fitted.log_odds(examples)), name


def test_every_method_has_its_case() -> None:
    assert set(CASES) == set(METHODS)


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(WrongUse, match="Did you mean 'kernels'"):
        method_named("kernel")


def test_a_rare_label_is_refused() -> None:
    rare = LABELS.copy()
    rare[:, 1] = np.arange(ROWS) < 3
    with pytest.raises(DataRefused, match="'second' has fewer than 5"):
        Training(rare, np.arange(ROWS), ("first", "second"))


def test_an_asset_of_several_items_is_answered_by_their_mean() -> None:
    batch = signals()
    pairs = [batch[n : n + 2] for n in range(0, ROWS, 2)]
    labels = np.column_stack([np.arange(40) % 2 == 0, np.arange(40) % 5 < 2])
    method = Items(Kernels(features=300))
    fitted = method.fit(pairs, Training(labels, np.arange(40), ("a", "b")))
    each = fitted.inner.log_odds(batch)
    assert fitted.log_odds(pairs) == pytest.approx((each[::2] + each[1::2]) / 2)


def test_attention_finds_the_item_that_shows_the_label() -> None:
    examples = bags()
    fitted = CASES["mil"][0].fit(examples, training())
    both = [row for row in range(ROWS) if LABELS[row].all() and len(examples[row]) > 5]
    shares = np.array([fitted.attention(examples[row])[[0, -1]].sum() for row in both])
    assert shares.mean() > 0.5
    assert fitted.attention(examples[0]).sum() == pytest.approx(1.0, abs=1e-5)


def test_a_padded_bag_answers_as_it_does_alone() -> None:
    from biolake.learning.methods.bags import _network, _padded
    from biolake.learning.networks.torch_setup import repeatable

    examples = [bag.astype(np.float32) for bag in bags()[:2]]
    with repeatable(0, 1) as torch, torch.inference_mode():
        network = _network({"dimension": 6, "labels": 2, "width": 8})
        network.eval()
        together = network(torch.from_numpy(_padded(examples)))
        alone = network(torch.from_numpy(_padded(examples[:1])))
    assert together[0].numpy() == pytest.approx(alone[0].numpy(), abs=1e-6)


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    method, make = CASES["logistic"]
    save_fitted(method.fit(make(), training()), "logistic", tmp_path)
    said = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(said | {"method": "kernels"}))
    with pytest.raises(DataRefused, match="do not fit together"):
        load_fitted(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(said | {"format": "other"}))
    with pytest.raises(DataRefused, match="format is not"):
        load_fitted(tmp_path)


def test_pickled_numbers_and_cut_files_are_refused(tmp_path: Path) -> None:
    method, make = CASES["logistic"]
    save_fitted(method.fit(make(), training()), "logistic", tmp_path)
    whole = (tmp_path / "model.npz").read_bytes()
    (tmp_path / "model.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataRefused, match="cannot be read"):
        load_fitted(tmp_path)
    np.savez(tmp_path / "model.npz", median=np.array([{}], dtype=object))
    with pytest.raises(DataRefused, match="cannot be read"):
        load_fitted(tmp_path)


def test_values_far_outside_training_do_not_run_away() -> None:
    table = vectors()
    fitted = Vectors().fit(table, training())
    extreme = table[:1].copy()
    extreme[0, 8] = 1e12
    assert np.abs(fitted.log_odds(extreme)).max() < 50
