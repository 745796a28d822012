"""A picture in millimetres: lines, curves and words, drawn smooth and saved as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.core.errors import SetupMissing

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
INK, GREY = (20, 20, 30), (110, 110, 120)
_SMOOTH = 2  # drawn so many times larger, then averaged


@dataclass(frozen=True)
class Canvas:
    """A white sheet of so many millimetres, `scale` pixels to each."""

    image: Image.Image
    pen: ImageDraw.ImageDraw
    scale: float

    def line(
        self, points: Sequence[tuple[float, float]] | np.ndarray, colour: Colour, width: float
    ) -> None:
        """Draw a line through points in millimetres, `width` in millimetres."""
        at = np.asarray(points, np.float64) * self._pixels
        if len(at) > 1:
            self.pen.line(at.ravel().tolist(), fill=colour, width=max(1, self._thick(width)))

    def words(
        self, at: tuple[float, float], text: str, size: float, colour: Colour = INK, to: str = "ls"
    ) -> None:
        """Write at a point; `size` is the height in millimetres, `to` the anchor of the text."""
        from PIL import ImageFont

        font = ImageFont.load_default(size=size * self._pixels)
        place = (at[0] * self._pixels, at[1] * self._pixels)
        self.pen.text(place, text, fill=colour, font=font, anchor=to)

    def png(self) -> bytes:
        from PIL import Image

        width, height = (side // _SMOOTH for side in self.image.size)
        small = self.image.resize((width, height), Image.Resampling.BOX)
        file = io.BytesIO()
        dots = self.scale * 25.4
        small.quantize(128).save(file, "PNG", dpi=(dots, dots), optimize=True)
        return file.getvalue()

    @property
    def _pixels(self) -> float:
        return self.scale * _SMOOTH

    def _thick(self, width: float) -> int:
        return round(width * self._pixels)


def canvas(width: float, height: float, scale: float) -> Canvas:
    """Lay out a sheet; `SetupMissing` without pillow."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise SetupMissing(
            "pictures of signals need pillow", next="pip install 'biolake[imaging]'"
        ) from None
    size = (round(width * scale) * _SMOOTH, round(height * scale) * _SMOOTH)
    image = Image.new("RGB", size, "white")
    return Canvas(image, ImageDraw.Draw(image), scale)


def runs(present: np.ndarray) -> list[tuple[int, int]]:
    """Return the stretches of true as (first, past the last): a gap is never drawn across."""
    padded = np.concatenate([[False], present, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def duration(seconds: float) -> str:
    """Return a length of time as people write it: 10 s, 2 min 30 s, 26 h 5 min."""
    whole = round(seconds)
    if seconds < 120:
        return f"{seconds:.4g} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = whole // 60
    return f"{minutes // 60:,} h" + (f" {minutes % 60} min" if minutes % 60 else "")
