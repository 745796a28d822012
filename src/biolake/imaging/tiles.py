"""Tiles of tissue, spread over a slide: what encoders look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused, WrongUse
from biolake.core.media import Slide
from biolake.imaging.tissue import Tissue, resolution_of, tissue_of

Place = tuple[int, int]

_LEAST_TISSUE = 0.5  # of a tile
_FEWEST = 4  # with fewer such tiles, those with some tissue count too
_SOME_TISSUE = 0.1
_MOST_PLACES = 20_000_000


def tissue_tiles(
    slide: Slide,
    size: int,
    mpp: float,
    most: int = 256,
    seed: int = 0,
    *,
    tissue: Tissue | None = None,
) -> list[Place]:
    """Return where tissue tiles begin (column, row at full resolution), in reading order.

    Tiles are `size` pixels at `mpp` micrometres a pixel, side by side. When there are more than
    `most`, they are taken evenly along a curve through the slide, from a place the seed draws: the
    same seed gives the same tiles. Raises DataRefused when the slide does not tell its resolution.
    """
    if size < 1 or most < 1 or not mpp > 0:
        raise WrongUse("Tiles need a size, a resolution and a number above 0.")
    resolution = resolution_of(slide)
    if resolution is None:
        raise DataRefused(
            "The slide does not say how many micrometres a pixel is: tiles would have no scale."
        )
    across, down = (max(1, round(size * mpp / each)) for each in resolution)
    columns, rows = max(1, slide.size[0] // across), max(1, slide.size[1] // down)
    if columns * rows > _MOST_PLACES:
        raise WrongUse(f"Tiles of {size} pixels at {mpp:g} µm are too small for this slide.")
    found = tissue or tissue_of(slide)
    share = _shares(found, (columns, rows), (across, down))
    chosen = np.argwhere(share >= _LEAST_TISSUE)
    if len(chosen) < _FEWEST:
        chosen = np.argwhere(share >= _SOME_TISSUE)
    if len(chosen) > most:
        chosen = chosen[_spread(chosen, most, seed)]
    return [(int(column * across), int(row * down)) for row, column in chosen]


def read_tiles(
    slide: Slide, places: list[Place], size: int, mpp: float
) -> Iterator[NDArray[np.uint8]]:
    """Read tiles one after another: size × size × 3 each."""
    for place in places:
        yield slide.read(place, (size, size), mpp)


def _shares(found: Tissue, count: Place, each: Place) -> NDArray[np.float64]:
    """Return the share of tissue in every tile of the grid (rows × columns)."""
    total = np.zeros(tuple(n + 1 for n in found.mask.shape))
    total[1:, 1:] = found.mask.cumsum(axis=0).cumsum(axis=1)
    across = _edges(count[0], each[0] / found.pixel[0], found.mask.shape[1])
    down = _edges(count[1], each[1] / found.pixel[1], found.mask.shape[0])
    inside = np.diff(np.diff(total[np.ix_(down, across)], axis=0), axis=1)
    pixels = np.outer(np.diff(down), np.diff(across))
    shares = inside / np.maximum(pixels, 1)
    if pixels.min() > 0:
        return np.asarray(shares)
    # Tiles smaller than a pixel of the overview: ask the pixel in their middle.
    x = ((np.arange(count[0]) + 0.5) * each[0] / found.pixel[0]).astype(np.intp)
    y = ((np.arange(count[1]) + 0.5) * each[1] / found.pixel[1]).astype(np.intp)
    rows, columns = found.mask.shape
    middles = np.ix_(np.minimum(y, rows - 1), np.minimum(x, columns - 1))
    return found.mask[middles].astype(np.float64)


def _edges(count: int, each: float, length: int) -> NDArray[np.intp]:
    return np.asarray(np.minimum(np.rint(np.arange(count + 1) * each), length), dtype=np.intp)


def _spread(places: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """Choose evenly along the Z-order curve: neighbours on it are neighbours on the slide."""
    order = np.argsort(_interleaved(places), kind="stable")
    step = len(places) / most
    start = np.random.default_rng(seed).random()
    taken = ((np.arange(most) + start) * step).astype(np.intp)
    return np.sort(order[taken])


def _interleaved(places: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the place of each (row, column) along the Z-order curve (Morton, IBM 1966)."""
    found = np.zeros(len(places), dtype=np.int64)
    for bit in range(24):
        for axis in range(2):
            found |= ((places[:, 1 - axis].astype(np.int64) >> bit) & 1) << (2 * bit + axis)
    return found
