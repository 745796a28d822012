from __future__ import annotations

import numpy as np
import pytest

from biolake.learning.networks.changes import changed_images, changed_signals


def test_a_signal_is_cut_scaled_and_sometimes_loses_a_lead() -> None:
    batch = np.ones((200, 12, 100), dtype=np.float32)
    found = changed_signals(batch, np.random.default_rng(0))
    assert found.shape == (200, 12, 80)
    silent = (found == 0).all(axis=2)
    assert 0.02 < silent.mean() < 0.08
    assert np.exp(np.log(found[~silent]).std()) == pytest.approx(np.exp(0.15), rel=0.1)


def test_a_picture_is_moved_a_little_and_never_mirrored() -> None:
    batch = np.zeros((50, 28, 28), dtype=np.float32)
    batch[:, :, :8] = 1.0
    found = changed_images(batch, np.random.default_rng(0))
    assert found.shape == batch.shape
    assert (found[:, :, :6].mean(axis=(1, 2)) > found[:, :, -6:].mean(axis=(1, 2))).all()


def test_changes_repeat_with_the_seed() -> None:
    batch = np.random.default_rng(1).random((5, 28, 28)).astype(np.float32)
    first = changed_images(batch, np.random.default_rng(7))
    assert np.array_equal(first, changed_images(batch, np.random.default_rng(7)))
