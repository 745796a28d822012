"""Slides to test on: one of arrays, and one that OpenSlide opens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biolake.imaging.windows import fit_square


@dataclass
class DrawnSlide:
    """A slide that is one array of full resolution."""

    pixels: np.ndarray
    mpp: tuple[float, float] | None = (0.5, 0.5)

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        return (self.size,)

    def read(self, at: tuple[int, int], size: tuple[int, int], mpp: float) -> np.ndarray:
        columns, rows = (round(n * mpp / each) for n, each in zip(size, self.mpp, strict=True))
        cut = self.pixels[at[1] : at[1] + rows, at[0] : at[0] + columns]
        return np.rint(fit_square(cut, max(size))).astype(np.uint8)[: size[1], : size[0]]

    def thumbnail(self, longest: int) -> np.ndarray:
        step = max(1, -(-max(self.size) // longest))
        return self.pixels[::step, ::step]

    def close(self) -> None: ...


class OpenSlide:
    """A slide file opened with OpenSlide, as little as the tests need."""

    def __init__(self, path: Path) -> None:
        import openslide

        self._file = openslide.OpenSlide(str(path))
        self.size = self._file.dimensions
        self.levels = self._file.level_dimensions
        names = ("openslide.mpp-x", "openslide.mpp-y")
        self.mpp = tuple(float(self._file.properties[name]) for name in names)

    def read(self, at: tuple[int, int], size: tuple[int, int], mpp: float) -> np.ndarray:
        full = tuple(round(n * mpp / each) for n, each in zip(size, self.mpp, strict=True))
        picture = self._file.read_region(at, 0, full).convert("RGB").resize(size)
        return np.asarray(picture)

    def thumbnail(self, longest: int) -> np.ndarray:
        return np.asarray(self._file.get_thumbnail((longest, longest)).convert("RGB"))

    def close(self) -> None:
        self._file.close()


def drawn(blank: bool = False, pen: bool = False, seed: int = 0) -> tuple[DrawnSlide, np.ndarray]:
    """Return a slide of 1,600 × 1,200 pixels with a pink disc with violet nuclei, and its truth."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((1200, 1600))
    pixels = np.full((1200, 1600, 3), 244.0)
    truth = (rows - 600) ** 2 + (columns - 700) ** 2 < 350**2
    if not blank:
        pixels[truth] = (222.0, 160.0, 196.0)
        nuclei = truth & (rows % 24 < 7) & (columns % 24 < 7)
        pixels[nuclei] = (110.0, 80.0, 150.0)
    else:
        truth = np.zeros_like(truth)
    if pen:
        pixels[100:180, 200:900] = (30.0, 120.0, 60.0)
    pixels += rng.normal(0.0, 3.0, pixels.shape)
    return DrawnSlide(np.clip(pixels, 0, 255).astype(np.uint8)), truth
