"""What opened assets are: signals, images, volumes, slides. Plain values, in physical units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa


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


@runtime_checkable
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


@dataclass(frozen=True)
class Note:
    """A clinical text. Spans count its characters (code points) from 0.

    `language` is BCP 47's primary subtag (en, es, zh), empty where nobody says. `sections` are
    those that the source itself marks (C-CDA): kind, start, end.
    """

    text: str
    kind: str = ""  # discharge summary, radiology report
    title: str = ""
    language: str = ""
    sections: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class VariantList:
    """The variants of a genotype asset in its own order; arrays of one length.

    Dosages count `alt`. `chromosome` has no `chr` before it.
    """

    chromosome: np.ndarray  # of str
    position: np.ndarray  # int64, from 1
    name: np.ndarray  # of str, empty where the file has none
    ref: np.ndarray  # of str
    alt: np.ndarray  # of str
    build: str = ""  # GRCh37, GRCh38, or empty where the file does not say

    def __len__(self) -> int:
        return len(self.position)


@runtime_checkable
class Genotypes(Protocol):
    """Genotypes, read some variants at a time. Close it when done."""

    samples: tuple[str, ...]
    sexes: np.ndarray  # int8, one a sample: 1 male, 2 female, 0 not told
    variants: VariantList

    def dosages(self, variants: np.ndarray | slice) -> np.ndarray:
        """Return variants × samples int8: alt alleles 0, 1, 2; -1 missing."""

    def close(self) -> None: ...


@runtime_checkable
class RowBlocks(Protocol):
    """A matrix too large for memory, read some rows at a time; its file is open for no longer."""

    shape: tuple[int, int]
    dtype: np.dtype

    def rows(self, start: int, stop: int) -> object:
        """Return these rows as a SciPy CSR matrix or a NumPy array."""


@dataclass(frozen=True)
class Cells:
    """A matrix of cells (or spots) × features with what is known of each.

    `counts` is a SciPy CSR matrix, a NumPy array or, of a large file, `RowBlocks`: cells ×
    features, as the file has it. `raw` says that they are counts: whole and not negative; `log1p`
    that the file says they are ln(1 + normalised counts). `sample` numbers, for each cell, the
    sample it is of (`samples` are their names; -1: of none that is told). `coordinates` is cells ×
    2, of spatial assays only. `obs` and `var` are all that the file has of each cell and feature;
    their first column is its name.
    """

    counts: object
    raw: bool
    samples: tuple[str, ...]
    sample: np.ndarray  # int32
    features: np.ndarray  # of str: gene symbols
    feature_ids: np.ndarray  # of str: Ensembl ids or what the file has; empty strings without
    cell_type: np.ndarray | None = None  # of str; empty where the file tells none
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)  # the rest of what is per cell
    coordinates: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    log1p: bool = False
    obs: pa.Table | None = None
    var: pa.Table | None = None


Opened = Recording | Image | Volume | Slide | Note | Genotypes | Cells
