"""Pictures of image assets as PNG: volumes as a sheet of slices, slides with a scale bar."""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from biolake.core.errors import SetupMissing
from biolake.core.media import Image, Slide, Volume

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as PlainFont

# Centre and width in HU, as radiology departments use them.
WINDOWS = {"lung": (-600.0, 1500.0), "soft tissue": (40.0, 400.0), "brain": (40.0, 80.0)}
_COLUMNS, _SLICES, _GAP, _EDGE, _NARROWEST = 5, 20, 4, 30, 640
_TILES = ((1, 640), (2, 420), (_SLICES, 240))  # up to so many slices: pixels of the longer side
_BODY = -300.0
_YELLOW, _WHITE, _INK = (255, 220, 90), (240, 240, 240), (20, 20, 30)
# Toward which side an index grows, in patient space (left, posterior, superior).
_SIDES = (("R", "L"), ("A", "P"), ("F", "H"))


@dataclass(frozen=True)
class _View:
    """Slices turned as they are read: slice × row × column, with the sides they show."""

    voxels: np.ndarray
    spacing: tuple[float, float]  # mm a row, mm a column
    left: str
    top: str


def montage(volume: Volume, title: str = "", window: str | None = None) -> bytes:
    """Draw up to twenty slices, evenly spaced from the first to the last, as PNG.

    CT (in HU) is shown in the window its content asks for, or the one named (lung, soft tissue,
    brain); anything else between its 1st and 99.5th percentile. The patient's right is left on
    axial and coronal slices, anterior left on sagittal ones. Slices are numbered as stored, from 1.
    """
    view = _turned(volume)
    numbers = np.unique(np.linspace(0, len(view.voxels) - 1, _SLICES).round().astype(int))
    chosen = view.voxels[numbers].astype(np.float32)
    low, high, words = _range(chosen, volume, window)
    longest = next(side for most, side in _TILES if len(chosen) <= most)
    tiles = [_tile(_grey(plane, low, high), view.spacing, longest) for plane in chosen]
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    wide, tall = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    sheet = _sheet(columns * (wide + _GAP) + _GAP, rows * (tall + _GAP) + _GAP + 2 * _EDGE)
    for place, (number, tile) in enumerate(zip(numbers, tiles, strict=True)):
        x = _GAP + place % columns * (wide + _GAP)
        y = _EDGE + _GAP + place // columns * (tall + _GAP)
        sheet.paste(tile, (x, y))
        _words(sheet, (x + 5, y + 4), str(number + 1), 15, _YELLOW)
    _sides(sheet, view, tiles[0].size)
    millimetres = _pixel(view, tiles[0])
    _bar(sheet, (_GAP + 6, _EDGE + _GAP + tall - 8), wide * 0.4 * millimetres, millimetres, "mm")
    spacing = " x ".join(f"{step:.3g}" for step in volume.spacing)
    slices = "1 slice" if len(view.voxels) == 1 else f"{len(view.voxels):,} slices"
    foot = f"{slices}   {spacing} mm   {words}"
    return _finished(sheet, title, foot)


def picture(image: Image, title: str = "", longest: int = 1024) -> bytes:
    """Draw one picture as PNG; more than 8 bits between the 0.5th and 99.5th percentile."""
    pixels, words = image.pixels, f"{image.pixels.shape[1]} x {image.pixels.shape[0]} pixels"
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        finite = pixels[np.isfinite(pixels)]
        low, high = np.percentile(finite, (0.5, 99.5)) if len(finite) else (0.0, 1.0)
        pixels = _grey(pixels.astype(np.float32), float(low), float(high))
        words += f"   shown from {low:.4g} to {high:.4g}"
    if image.frames > 1:
        words += f"   first of {image.frames} frames"
    made = _pillow().fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    spacing = image.spacing or (1.0, 1.0)
    small = max(made.size) < _NARROWEST
    made = _fitted(made, spacing, _NARROWEST if small else longest, enlarge=small)
    sheet = _framed(made)
    if image.spacing:
        step = image.spacing[1] * pixels.shape[1] / made.width
        _bar(sheet, (14, _EDGE + made.height - 12), made.width * 0.2 * step, step, "mm")
    return _finished(sheet, title, words)


def slide_overview(slide: Slide, title: str = "", longest: int = 1024) -> bytes:
    """Draw the whole slide as PNG, with a scale bar where its resolution is known."""
    thumbnail = slide.thumbnail(longest)
    sheet = _framed(_pillow().fromarray(np.ascontiguousarray(thumbnail)).convert("RGB"))
    words = f"{slide.size[0]:,} x {slide.size[1]:,} pixels"
    if slide.mpp:
        step = slide.mpp[0] * slide.size[0] / thumbnail.shape[1]
        words += f"   {slide.mpp[0]:.4g} um a pixel"
        at = (14, _EDGE + thumbnail.shape[0] - 12)
        _bar(sheet, at, thumbnail.shape[1] * 0.2 * step, step, "um")
    else:
        words += "   resolution unknown"
    return _finished(sheet, title, words)


def _turned(volume: Volume) -> _View:
    """Turn the planes so that rows run down and columns across as they are read on a screen."""
    voxels, spacing = volume.voxels, (volume.spacing[1], volume.spacing[2])
    axes = [np.asarray(axis, np.float64) for axis in volume.axes]
    main = [int(np.argmax(np.abs(axis))) for axis in axes]
    if sorted(main) != [0, 1, 2]:
        return _View(voxels, spacing, "", "")
    across, down = (1, 2) if main[0] == 0 else (0, 2) if main[0] == 1 else (0, 1)
    row, column = axes[1], axes[2]
    if main[2] != across:
        voxels, spacing = voxels.transpose(0, 2, 1), (spacing[1], spacing[0])
        row, column = column, row
    if column[across] < 0:
        voxels = voxels[:, :, ::-1]
    head_up = down == 2  # rows run from the head down, while positions grow towards it
    if (row[down] > 0) == head_up:
        voxels = voxels[:, ::-1, :]
    top = _SIDES[down][1 if head_up else 0]
    return _View(voxels, spacing, _SIDES[across][0], top)


def _range(chosen: np.ndarray, volume: Volume, window: str | None) -> tuple[float, float, str]:
    """Return what is black and what is white, and the words that say so."""
    if volume.units == "HU":
        name = window or content_window(chosen, volume.spacing)
        centre, width = WINDOWS[name]
        words = f"{name} window, centre {centre:g}, width {width:g} HU"
        return centre - width / 2, centre + width / 2, words
    inside = chosen[np.isfinite(chosen) & (chosen != 0)]
    low, high = np.percentile(inside, (1.0, 99.5)) if len(inside) else (0.0, 1.0)
    low = low if low < high else min(0.0, low)
    unit = f" {volume.units}" if volume.units not in ("", "1") else ""
    return float(low), float(high), f"shown from {low:.4g} to {high:.4g}{unit}"


def content_window(voxels: np.ndarray, spacing: tuple[float, float, float]) -> str:
    """Tell the window that suits CT slices (HU): lung, brain or soft tissue.

    Lung: within the body lies aerated tissue (-900 to -500 HU), a tenth or more of its other
    tissue. Brain: less of it, a twentieth is bone (over 300 HU) and no slice holds more tissue
    than a head, 450 cm².
    """
    planes = [plane for plane in voxels if (plane > _BODY).any()]
    if not planes:
        return "soft tissue"
    tissue = sum(int((plane > _BODY).sum()) for plane in planes)
    aerated = sum(_aerated(plane) for plane in planes)
    bone = sum(int((plane > 300).sum()) for plane in planes)
    square = spacing[1] * spacing[2] / 100
    largest = max(int((plane > _BODY).sum()) for plane in planes) * square
    if aerated > 0.1 * tissue and largest > 200:
        return "lung"
    return "brain" if bone > 0.05 * tissue and largest < 450 else "soft tissue"


def _aerated(plane: np.ndarray) -> int:
    """Count aerated pixels with tissue on all four sides: not the air around the body."""
    enclosed, tissue = (plane > -900) & (plane < -500), plane > _BODY
    for axis in (0, 1):
        before = np.maximum.accumulate(tissue, axis)
        after = np.flip(np.maximum.accumulate(np.flip(tissue, axis), axis), axis)
        enclosed &= before & after
    return int(enclosed.sum())


def _grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    span = high - low if high > low else 1.0
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / span, 0.0, 1.0)
    grey: np.ndarray = (scaled * 255 + 0.5).astype(np.uint8)
    return grey


def _tile(grey: np.ndarray, spacing: tuple[float, float], longest: int) -> Picture:
    made = _pillow().fromarray(np.ascontiguousarray(grey)).convert("RGB")
    return _fitted(made, spacing, longest, enlarge=True)


def _fitted(
    made: Picture, spacing: tuple[float, float], longest: int, *, enlarge: bool = False
) -> Picture:
    """Make pixels square, and the longer side so long at most."""
    finest = min(spacing) or 1.0
    wide, tall = made.width * spacing[1] / finest, made.height * spacing[0] / finest
    factor = min(longest / max(wide, tall), np.inf if enlarge else 1.0)
    size = (max(round(wide * factor), 1), max(round(tall * factor), 1))
    return made.resize(size, _pillow().Resampling.LANCZOS) if size != made.size else made


def _pixel(view: _View, tile: Picture) -> float:
    """Return the millimetres of one pixel of a tile."""
    return float(view.voxels.shape[2] * view.spacing[1] / tile.width)


def _sides(sheet: Picture, view: _View, tile: tuple[int, int]) -> None:
    x, y = _GAP, _EDGE + _GAP
    _words(sheet, (x + 5, y + tile[1] // 2), view.left, 15, _WHITE, "lm")
    _words(sheet, (x + tile[0] // 2, y + 4), view.top, 15, _WHITE, "ma")


def _bar(sheet: Picture, at: tuple[float, float], most: float, step: float, unit: str) -> None:
    """Draw a bar of a round length, at most `most` long; a pixel is `step` long."""
    from PIL import ImageDraw

    power = 10.0 ** np.floor(np.log10(most)) if most > 0 else 0.0
    length = max((n * power for n in (1, 2, 5) if n * power <= most), default=0.0)
    if not length or not step:
        return
    pen, (x, y) = ImageDraw.Draw(sheet), at
    pen.rectangle((x - 1, y - 1, x + length / step + 1, y + 4), fill=_INK)
    pen.rectangle((x, y, x + length / step, y + 3), fill=_YELLOW)
    shown = f"{length / 1000:g} mm" if unit == "um" and length >= 1000 else f"{length:g} {unit}"
    _words(sheet, (x, y - 4), shown, 14, _YELLOW, "ls")


def _sheet(width: int, height: int) -> Picture:
    sheet: Picture = _pillow().new("RGB", (max(width, _NARROWEST), height), (0, 0, 0))
    return sheet


def _framed(made: Picture) -> Picture:
    sheet = _sheet(made.width, made.height + 2 * _EDGE)
    sheet.paste(made, (0, _EDGE))
    return sheet


def _finished(sheet: Picture, title: str, foot: str) -> bytes:
    _words(sheet, (8, _EDGE // 2), title, 16, _WHITE, "lm")
    _words(sheet, (8, sheet.height - _EDGE // 2), foot, 15, _WHITE, "lm")
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _words(
    sheet: Picture,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: tuple[int, int, int],
    anchor: str = "la",
) -> None:
    """Write with a dark rim, so that it is read on tissue too; the font has plain letters only."""
    from PIL import ImageDraw, ImageFont

    font: FreeTypeFont | PlainFont = ImageFont.load_default(size=size)
    pen = ImageDraw.Draw(sheet)
    pen.text(at, text, fill=colour, font=font, anchor=anchor, stroke_width=1, stroke_fill=_INK)


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError:
        raise SetupMissing("pictures need pillow", next="pip install 'biolake[imaging]'") from None
    return Image
