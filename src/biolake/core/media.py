"""What opened assets are: signals, images, volumes, slides. Plain values, in physical units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Annotation:
    """A mark in a recording: where it stands in seconds, what it says, and its symbol."""

    at: float
    symbol: str
    text: str = ""
    lasts: float | None = None


@dataclass(frozen=True)
class Signal:
    """Channels sampled together: `samples` is channels × samples, float32, NaN where missing."""

    samples: np.ndarray
    rate: float  # Hz
    channels: tuple[str, ...]
    units: tuple[str, ...]  # UCUM, one a channel: mV, uV, m/s2, 1
    start: float = 0.0  # seconds after the recording's start

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate)

    def channel(self, name: str) -> np.ndarray:
        """Return one channel's samples; `KeyError` when there is none of that name."""
        try:
            return np.asarray(self.samples[self.channels.index(name)])
        except ValueError:
            raise KeyError(name) from None


@dataclass(frozen=True)
class Recording:
    """A waveform asset opened: one `Signal` a sampling rate, and what was annotated in it.

    `started` is its local time, microseconds since 1970 on the clock of the place, so that days
    begin at midnight there. The engine that opens an asset fills it in from the asset's row, unless
    the site keeps UTC and names no zone; readers leave it out.
    """

    signals: tuple[Signal, ...]
    annotations: Mapping[str, tuple[Annotation, ...]] = field(default_factory=dict)
    age: float | None = None  # years, as the file says
    sex: str = ""
    comments: tuple[str, ...] = ()
    started: int | None = None

    @property
    def seconds(self) -> float:
        return max((s.start + s.seconds for s in self.signals), default=0.0)


@dataclass(frozen=True)
class Image:
    """One picture, or frames of one size: high values are bright.

    `pixels` is rows × columns [× 3]; with `frames` > 1, frames × rows × columns [× 3].
    """

    pixels: np.ndarray
    spacing: tuple[float, float] | None = None  # mm between rows, between columns
    frames: int = 1


@dataclass(frozen=True)
class Volume:
    """Voxels on a regular grid, slice × row × column, in `units` (HU for CT).

    `origin` is the patient position (LPS, mm) of voxel (0, 0, 0); the rows of `axes` are the unit
    directions of slice, row and column index in patient space.
    """

    voxels: np.ndarray
    spacing: tuple[float, float, float]
    units: str = ""
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    axes: np.ndarray = field(default_factory=lambda: np.eye(3)[::-1].copy())
    notes: tuple[str, ...] = ()  # what had to be mended: tilt removed, duplicates dropped


class Slide(Protocol):
    """A whole-slide image, read tile by tile. Close it when done."""

    size: tuple[int, int]  # columns, rows at full resolution
    mpp: tuple[float, float] | None  # micrometres per pixel at full resolution, or unknown
    levels: tuple[tuple[int, int], ...]

    def read(self, at: tuple[int, int], size: tuple[int, int], mpp: float) -> np.ndarray:
        """Return rows × columns × 3 uint8 of `size` (columns, rows) pixels at this resolution.

        `at` is the upper left corner (column, row) in full-resolution pixels.
        """

    def thumbnail(self, longest: int) -> np.ndarray:
        """Return the whole slide, its longer side at most `longest` pixels."""

    def close(self) -> None: ...


Opened = Recording | Image | Volume | Slide
