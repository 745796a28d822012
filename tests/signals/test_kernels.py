"""Random convolution kernels against a plain, slow reading of the paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from biolake.core.errors import DataRefused, WrongUse
from biolake.signals.kernels import draw_kernels, learn_biases, noise_examples

rng = np.random.default_rng(5)
EXAMPLES = rng.standard_normal((12, 3, 120)).astype(np.float32)


def bank_of(examples: np.ndarray = EXAMPLES, features: int = 400):
    return learn_biases(draw_kernels(3, 120, features=features, seed=4), examples, seed=2)


def plain_features(bank, example: np.ndarray) -> np.ndarray:
    """Convolve channel by channel with explicit weights, and count."""
    places = list(combinations(range(9), 3))
    found = np.empty(bank.biases.shape)
    samples = example.shape[1]
    for row in range(len(bank.biases)):
        dilation = int(bank.dilations[row // 84])
        weights = np.full(9, -1.0)
        weights[list(places[row % 84])] = 2.0
        output = np.zeros(samples)
        for channel in np.flatnonzero(bank.channels[row]):
            padded = np.pad(example[channel].astype(np.float64), 4 * dilation)
            for j in range(9):
                output += weights[j] * padded[j * dilation : j * dilation + samples]
        edge = 0
        if (row % 84 + row // 84) % 2:
            edge = min(4 * dilation, (samples - 1) // 2)
        inner = output[edge : samples - edge]
        found[row] = [(inner > bias).mean() for bias in bank.biases[row]]
    return found.ravel()


def test_features_are_what_the_definition_says() -> None:
    bank = bank_of()
    found = bank.apply(EXAMPLES[:3])
    expected = np.stack([plain_features(bank, example) for example in EXAMPLES[:3]])
    # Sums in another order may move a sample across a bias: a few in 120.
    assert np.abs(found - expected).max() <= 3 / 100
    assert np.abs(found - expected).mean() < 1e-4


def test_every_weight_sums_to_zero_so_an_offset_changes_nothing_inside() -> None:
    bank = bank_of()
    inside = np.array([(r % 84 + r // 84) % 2 == 1 for r in range(len(bank.biases))])
    few = 4 * bank.dilations[np.arange(len(bank.biases)) // 84] < 59
    kept = np.repeat(inside & few, bank.biases.shape[1])
    moved = bank.apply(EXAMPLES[:2] + 4.0)[:, kept]
    assert np.abs(moved - bank.apply(EXAMPLES[:2])[:, kept]).max() <= 2 / 60


def test_the_same_seed_gives_the_same_features() -> None:
    assert np.array_equal(bank_of().apply(EXAMPLES), bank_of().apply(EXAMPLES))


def test_as_many_features_come_as_were_asked_for_or_a_little_fewer() -> None:
    bank = draw_kernels(12, 1000, features=5000)
    assert 4000 <= bank.features <= 5000


def test_biases_are_quantiles_of_many_examples_and_of_none_alone() -> None:
    one, many = bank_of(EXAMPLES[:1]), bank_of(EXAMPLES)
    assert not np.array_equal(one.biases, many.biases)


def test_noise_is_seeded_and_each_channel_has_unit_spread() -> None:
    noise = noise_examples(2, 500, count=4, seed=1)
    assert np.array_equal(noise, noise_examples(2, 500, count=4, seed=1))
    assert noise.std(axis=2) == pytest.approx(1.0, abs=1e-3)


def test_missing_samples_and_other_shapes_are_refused() -> None:
    broken = EXAMPLES.copy()
    broken[0, 0, 5] = np.nan
    with pytest.raises(DataRefused, match="missing samples"):
        bank_of().apply(broken)
    with pytest.raises(WrongUse, match="n × 3 × 120"):
        bank_of().apply(EXAMPLES[:, :2])
    with pytest.raises(WrongUse, match="no biases yet"):
        draw_kernels(3, 120, features=100).apply(EXAMPLES)
