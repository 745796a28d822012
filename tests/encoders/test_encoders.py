"""Encoders: what they declare is what they give; the same everywhere; nothing heavy on import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import ImageInput, SignalInput, TileInput
from biolake.core.catalogue import Extension, discover
from biolake.imaging.gradients import oriented_gradients

ENCODERS = discover("biolake.encoders").of("encoder")
PTBXL = Path(__file__).parents[2].parent / "shared" / "data" / "ptbxl"
rng = np.random.default_rng(9)


def batch_for(encoder: Extension, count: int = 3) -> np.ndarray:
    wanted = encoder.inputs
    if isinstance(wanted, SignalInput):
        size = count, len(wanted.leads), round(wanted.rate * wanted.seconds)
        return (0.3 * rng.standard_normal(size)).astype(np.float32)
    if isinstance(wanted, ImageInput):
        return rng.random((count, wanted.size, wanted.size)).astype(np.float32)
    assert isinstance(wanted, TileInput)
    return rng.integers(0, 255, (count, wanted.size, wanted.size, 3)).astype(np.uint8)


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: e.name)
def test_it_gives_the_dimension_it_declares_and_repeats_itself(encoder: Extension) -> None:
    batch = batch_for(encoder)
    found = encoder.call(batch)
    assert found.shape == (3, encoder.dimension)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.array_equal(found, encoder.call(batch))


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: e.name)
def test_an_item_is_encoded_the_same_alone(encoder: Extension) -> None:
    batch = batch_for(encoder)
    assert encoder.call(batch[1:2])[0] == pytest.approx(encoder.call(batch)[1], abs=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: e.name)
def test_a_blank_asset_has_a_finite_vector(encoder: Extension) -> None:
    assert np.isfinite(encoder.call(np.zeros_like(batch_for(encoder, 1)))).all()


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: e.name)
def test_it_says_its_licence_and_what_it_is(encoder: Extension) -> None:
    assert encoder.licence
    assert len(encoder.doc.splitlines()[0]) > 20


def test_gradients_tell_the_direction_of_an_edge() -> None:
    upright = np.zeros((1, 16, 16), dtype=np.float32)
    upright[:, :, 8:] = 1.0
    found = oriented_gradients(upright, 8).reshape(2, 2, 9)
    lying = oriented_gradients(upright.transpose(0, 2, 1).copy(), 8).reshape(2, 2, 9)
    assert found.sum(axis=(0, 1)).argmax() == 0
    assert lying.sum(axis=(0, 1)).argmax() in (4, 5)


def test_gradients_do_not_change_with_contrast() -> None:
    images = rng.random((2, 32, 32)).astype(np.float32)
    assert oriented_gradients(images, 8) == pytest.approx(
        oriented_gradients(images * 0.5 + 0.1, 8), abs=0.01
    )


@pytest.mark.skipif(not PTBXL.exists(), reason="no shared data")
def test_ecg_kernels_use_their_whole_range_on_real_ecgs() -> None:
    """Levels learned from noise of the size of an ECG neither saturate nor idle on real ones."""
    from biolake.encoders.ecg_kernels import ecg_kernels

    files = sorted((PTBXL / "records100").rglob("*.dat"))[:40]
    raw = [np.fromfile(f, "<i2").reshape(1000, 12).T / 1000.0 for f in files]
    found = ecg_kernels.call(np.stack(raw).astype(np.float32))
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert 0.05 < found.std(axis=0).mean() < 0.4
