"""Random changes to training examples that leave their labels true."""

from __future__ import annotations

import numpy as np


def changed_signals(
    batch: np.ndarray, rng: np.random.Generator, *, crop: float = 0.8, gain: float = 0.15
) -> np.ndarray:
    """Cut a random stretch, scale by a random gain, and in half the rows lose leads (one in ten).

    `batch` is n × channels × samples; the stretch is `crop` of its length.
    """
    rows, channels, samples = batch.shape
    length = max(int(samples * crop), 1)
    begin = rng.integers(0, samples - length + 1, rows)
    cut = np.stack([example[:, b : b + length] for example, b in zip(batch, begin, strict=True)])
    cut = cut * np.exp(rng.normal(0.0, gain, (rows, 1, 1)))
    lost = rng.random((rows, channels, 1)) < 0.1
    lost[rng.random(rows) < 0.5] = False
    return np.where(lost, 0.0, cut).astype(np.float32)


def changed_images(
    batch: np.ndarray, rng: np.random.Generator, *, shift: float = 0.1, gain: float = 0.2
) -> np.ndarray:
    """Shift, turn and zoom a little, and change contrast and brightness; never mirror.

    A mirrored chest has its heart on the wrong side. `batch` is n × rows × columns.
    """
    rows, height, width = batch.shape
    angle = rng.normal(0.0, 0.12, rows)
    zoom = np.exp(rng.normal(0.0, 0.08, rows))
    move = rng.uniform(-shift, shift, (rows, 2)) * (height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    cos, sin = (np.cos(angle) / zoom)[:, None, None], (np.sin(angle) / zoom)[:, None, None]
    at_y = cos * y + sin * x + (height - 1) / 2 + move[:, 0, None, None]
    at_x = -sin * y + cos * x + (width - 1) / 2 + move[:, 1, None, None]
    bent = _sampled(batch, at_y, at_x)
    slope = np.exp(rng.normal(0.0, gain, (rows, 1, 1)))
    return np.asarray(bent * slope + rng.normal(0.0, gain / 2, (rows, 1, 1)), dtype=np.float32)


def _sampled(batch: np.ndarray, at_y: np.ndarray, at_x: np.ndarray) -> np.ndarray:
    """Interpolate linearly between the four nearest pixels; beyond the edge the edge goes on."""
    rows, height, width = batch.shape
    at_y, at_x = np.clip(at_y, 0, height - 1), np.clip(at_x, 0, width - 1)
    top = np.minimum(at_y.astype(np.intp), height - 2)
    left = np.minimum(at_x.astype(np.intp), width - 2)
    down, right = at_y - top, at_x - left
    number = np.arange(rows)[:, None, None]
    upper = batch[number, top, left] * (1 - right) + batch[number, top, left + 1] * right
    lower = batch[number, top + 1, left] * (1 - right) + batch[number, top + 1, left + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
