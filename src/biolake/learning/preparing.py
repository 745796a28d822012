"""Bring an opened asset into the form an encoder or a model reads: n items × its declared shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.assets import EncoderInput, ImageInput, SignalInput, TextInput, TileInput
from biolake.core.errors import DataRefused
from biolake.core.media import Image, Note, Opened, Recording, Slide, Volume
from biolake.learning.signal_windows import signal_windows
from biolake.text.chunks import chunk_places

MOST_SLICES = 64  # of one volume, spread evenly
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Prepared:
    """Items as the encoder reads them, and what had to be done that a reader should know."""

    batch: np.ndarray
    notes: tuple[str, ...] = ()


def prepare(opened: Opened, wanted: EncoderInput) -> Prepared:
    """Return an asset's items: windows of a recording, a picture, slices, tissue tiles, chunks.

    Raises DataRefused where the asset is of another kind, or cannot be brought into the form
    without guessing (a unit nobody named, a slide of unknown resolution).
    """
    if isinstance(wanted, SignalInput):
        if not isinstance(opened, Recording):
            raise _other_kind("a recording")
        return Prepared(*signal_windows(opened, wanted))
    if isinstance(wanted, ImageInput):
        if isinstance(opened, Image):
            return Prepared(_picture(opened, wanted)[None])
        if isinstance(opened, Volume):
            return _slices(opened, wanted)
        raise _other_kind("a picture or a volume")
    if isinstance(wanted, TextInput):
        return _chunks(opened)
    if not isinstance(opened, Slide):
        raise _other_kind("a slide")
    return _tiles(opened, wanted)


def _chunks(note: Opened) -> Prepared:
    if not isinstance(note, Note):
        raise _other_kind("a note")
    chunks = [note.text[start:end] for start, end in chunk_places(note.text)]
    return Prepared(np.array(chunks, dtype=object))


def _other_kind(wanted: str) -> DataRefused:
    return DataRefused(
        f"the encoder reads {wanted}, and this asset is something else",
        next="Choose an encoder of the asset's modality: biolake assets list.",
    )


def _picture(image: Image, wanted: ImageInput) -> np.ndarray:
    from biolake.imaging.windows import fit_square, percentile_window

    pixels = np.asarray(image.pixels)
    if pixels.ndim == 3:
        pixels = pixels[..., :3].astype(np.float32) @ _GREY
    if wanted.window is not None:
        raise DataRefused(
            "the encoder wants Hounsfield units, which a picture does not have",
            next="Give it CT volumes.",
        )
    square = fit_square(percentile_window(pixels), wanted.size, image.spacing or (1.0, 1.0))
    return _normalised(square, wanted)


def _slices(volume: Volume, wanted: ImageInput) -> Prepared:
    from biolake.imaging.windows import fit_square, percentile_window, window

    if wanted.window is not None and volume.units != "HU":
        raise DataRefused("the encoder wants Hounsfield units, and the volume has none")
    count = len(volume.voxels)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_SLICES)).astype(np.intp))
    voxels = np.asarray(volume.voxels[chosen])
    if wanted.window is not None:
        scaled = window(voxels, *wanted.window)
    else:
        scaled = percentile_window(voxels)
    squares = [fit_square(one, wanted.size, volume.spacing[1:]) for one in scaled]
    notes = volume.notes
    if len(chosen) < count:
        notes += (f"{len(chosen)} slices, spread evenly, of more",)
    return Prepared(np.stack([_normalised(one, wanted) for one in squares]), notes)


def _normalised(square: np.ndarray, wanted: ImageInput) -> np.ndarray:
    if wanted.normalisation == "zscore":
        spread = float(square.std()) or 1.0
        square = (square - square.mean()) / spread
    elif wanted.normalisation != "unit":
        raise DataRefused(
            f"the encoder asks for the normalisation '{wanted.normalisation}', which is unknown",
            next="Known: unit, zscore.",
        )
    return np.asarray(square, dtype=np.float32)


def _tiles(slide: Slide, wanted: TileInput) -> Prepared:
    from biolake.imaging.tiles import read_tiles, tissue_tiles

    places = tissue_tiles(slide, wanted.size, wanted.mpp, wanted.most)
    if not places:
        raise DataRefused("no tissue was found on the slide")
    tiles = list(read_tiles(slide, places, wanted.size, wanted.mpp))
    return Prepared(np.stack(tiles).astype(np.uint8))
