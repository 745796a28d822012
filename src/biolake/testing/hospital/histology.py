"""Pictures of stained tissue: pink stroma, purple nuclei, and a tumour of known size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 1024
MPP = 1.0  # micrometres a pixel
GLASS, STROMA, TUMOUR, NUCLEUS = (244, 243, 245), (224, 132, 178), (196, 116, 176), (104, 62, 138)
SPARSE, DENSE = 26, 11  # micrometres between nuclei, in stroma and in tumour


@dataclass(frozen=True)
class Stained:
    """A slide as drawn (levels, the finest first), and its shares of tissue and of tumour in it."""

    levels: tuple[np.ndarray, ...]
    tissue: float
    tumour: float


def draw_slide(rng: np.random.Generator, share: float) -> Stained:
    """Draw one piece of tissue of which about `share` is tumour."""
    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    tissue = _blob(rng, across, down, SIDE / 2, SIDE / 2, rng.uniform(0.3, 0.4) * SIDE)
    at = SIDE / 2 + rng.uniform(-0.12, 0.12, 2) * SIDE
    far = np.hypot(across - at[0], down - at[1])
    near = np.sort(far[tissue])
    tumour = tissue & (far < near[min(int(share * len(near)), len(near) - 1)])
    pixels = np.empty((SIDE, SIDE, 3), np.float32)
    pixels[:] = GLASS
    pixels[tissue] = STROMA
    pixels[tumour] = TUMOUR
    fibres = 7 * np.sin(across / 9 + 3 * np.sin(down / 60))
    pixels[tissue] += fibres[tissue][:, None] * [0.4, 1.0, 0.7]
    _nuclei(rng, pixels, tissue & ~tumour, SPARSE, 2.6)
    _nuclei(rng, pixels, tumour, DENSE, 3.8)
    # Grain in steps of four: it looks like a scan, and still packs well.
    pixels += 4 * rng.integers(-1, 2, (SIDE, SIDE, 1))
    finest = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    levels = (finest, _halved(finest, 2), _halved(finest, 4))
    return Stained(levels, float(tissue.mean()), float(tumour.sum() / tissue.sum()))


def _blob(
    rng: np.random.Generator,
    across: np.ndarray,
    down: np.ndarray,
    x: float,
    y: float,
    radius: float,
) -> np.ndarray:
    """Say what lies inside a wavy outline."""
    angle = np.arctan2(down - y, across - x)
    edge = np.ones_like(angle)
    for waves in (2, 3, 5):
        edge += rng.uniform(0.03, 0.1) / waves * np.cos(waves * angle + rng.uniform(0, 6))
    return np.asarray(np.hypot(across - x, down - y) < radius * edge)


def _nuclei(
    rng: np.random.Generator, pixels: np.ndarray, where: np.ndarray, apart: int, radius: float
) -> None:
    """Paint nuclei on a jittered grid of places, where tissue of one kind is."""
    places = np.mgrid[apart : SIDE - apart : apart, apart : SIDE - apart : apart].reshape(2, -1).T
    places = places + rng.integers(-apart // 3, apart // 3 + 1, places.shape)
    places = np.clip(places, 6, SIDE - 7)
    places = places[where[places[:, 0], places[:, 1]]]
    sizes = radius * rng.uniform(0.7, 1.3, len(places))
    reach = int(np.ceil(radius * 1.3))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            rows, columns = places[np.hypot(dy, 0.8 * dx) < sizes].T
            pixels[rows + dy, columns + dx] = NUCLEUS


def _halved(pixels: np.ndarray, times: int) -> np.ndarray:
    side = SIDE // times
    blocks = pixels.reshape(side, times, side, times, 3)
    return np.asarray(blocks.mean(axis=(1, 3)).round().astype(np.uint8))
