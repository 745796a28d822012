"""Whole-slide images of microscopy, through OpenSlide."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, DataRefused, SetupMissing, SourceUnreadable, WrongUse
from biolake.core.media import Image, Slide
from biolake.core.reading import SourceFile
from biolake.imaging.pictures import decode, found, perhaps_slide, tiled

if TYPE_CHECKING:
    from PIL.Image import Image as Pillow

_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".svslide", ".czi")
_TIFF_SUFFIXES = (".tif", ".tiff")
_IN_PARTS = (".vms", ".vmu")
# Outside these a "resolution" is that of a print or a screen, not of a microscope.
_MPP_BOUNDS = (0.02, 20.0)
_FINEST = 0.95  # of full resolution; more would be made up
_BLOCK = 2_048  # source pixels a side decoded at once
_MOST = 16_384  # pixels a side handed over at once
_DATE = re.compile(r"(\d\d)/(\d\d)/(\d\d|\d{4})\Z")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)\Z")


class WholeSlide:
    """A slide open in OpenSlide; its label and macro pictures, which show names, stay shut."""

    def __init__(self, handle: Any, name: str, folder: tempfile.TemporaryDirectory[str] | None):
        self._handle = handle
        self._name = name
        self._folder = folder
        self.size: tuple[int, int] = handle.dimensions
        self.levels: tuple[tuple[int, int], ...] = tuple(handle.level_dimensions)
        self.mpp = _mpp(handle.properties)

    @cached_property
    def downsamples(self) -> tuple[tuple[float, float], ...]:
        """How many full-resolution pixels one pixel of each level spans, across and down."""
        wide, high = self.size
        return tuple((wide / columns, high / rows) for columns, rows in self.levels)

    def read(self, at: tuple[int, int], size: tuple[int, int], mpp: float) -> np.ndarray:
        """Return rows × columns × 3 uint8 of `size` (columns, rows) pixels at this resolution.

        Taken from the nearest finer level and averaged by area; outside the slide is white.
        Raises `DataRefused` where the slide does not say its resolution, or is coarser.
        """
        if self.mpp is None:
            raise DataRefused(
                "the slide does not say how many micrometres a pixel spans",
                where=self._name,
                next="Read it by pixels (thumbnail, levels), or state its resolution.",
            )
        if not mpp > 0:
            raise WrongUse(f"micrometres per pixel must be above 0, not {mpp}")
        factors = (mpp / self.mpp[0], mpp / self.mpp[1])
        if min(factors) < _FINEST:
            raise DataRefused(
                f"{mpp} µm per pixel is finer than the slide ({self.mpp[0]:g} × {self.mpp[1]:g})",
                where=self._name,
                next="Ask for its own resolution or a coarser one.",
            )
        return self._averaged(at, size, factors)

    def thumbnail(self, longest: int) -> np.ndarray:
        """Return the whole slide, its longer side at most `longest` pixels."""
        factor = max(max(self.size) / max(longest, 1), 1.0)
        columns, rows = (max(1, int(side / factor)) for side in self.size)
        return self._averaged(
            (0, 0), (columns, rows), (self.size[0] / columns, self.size[1] / rows)
        )

    def close(self) -> None:
        self._handle.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _averaged(
        self, at: tuple[int, int], size: tuple[int, int], factors: tuple[float, float]
    ) -> np.ndarray:
        if not (0 < size[0] <= _MOST and 0 < size[1] <= _MOST):
            raise WrongUse(f"a slide is read in 1 to {_MOST} pixels a side, not {size}")
        level = self._level(min(factors))
        spans = self.downsamples[level]
        ratios = (factors[0] / spans[0], factors[1] / spans[1])
        if max(ratios) > 2 * _BLOCK:
            raise WrongUse("one pixel would average too many", where=self._name)
        across, down = (max(1, int(_BLOCK / ratio)) for ratio in ratios)
        out = np.empty((size[1], size[0], 3), np.uint8)
        for top in range(0, size[1], down):
            for left in range(0, size[0], across):
                part = (min(across, size[0] - left), min(down, size[1] - top))
                corner = (at[0] + left * factors[0], at[1] + top * factors[1])
                out[top : top + part[1], left : left + part[0]] = self._block(
                    level, corner, part, ratios
                )
        return out

    def _level(self, factor: float) -> int:
        """Return the coarsest level that is no coarser than asked (1 % is rounding)."""
        fits = [i for i, spans in enumerate(self.downsamples) if max(spans) <= factor * 1.01]
        return max(fits, key=lambda i: self.downsamples[i][0], default=0)

    def _block(
        self,
        level: int,
        corner: tuple[float, float],
        size: tuple[int, int],
        ratios: tuple[float, float],
    ) -> np.ndarray:
        from PIL.Image import Resampling

        start = (math.floor(corner[0]), math.floor(corner[1]))
        spans = self.downsamples[level]
        rest = [(corner[i] - start[i]) / spans[i] for i in (0, 1)]
        ends = [rest[i] + size[i] * ratios[i] for i in (0, 1)]
        source = self._region(start, level, (math.ceil(ends[0]), math.ceil(ends[1])))
        if rest == [0.0, 0.0] and source.size == size and max(ratios) < 1.0001:
            return np.asarray(source)
        averaging = Resampling.BOX if min(ratios) >= 1 else Resampling.BILINEAR
        box = (rest[0], rest[1], ends[0], ends[1])
        return np.asarray(source.resize(size, averaging, box))

    def _region(self, start: tuple[int, int], level: int, size: tuple[int, int]) -> Pillow:
        from PIL import Image as Pictures

        with _Refused(self._name):
            region = self._handle.read_region(start, level, size)
            if region.getextrema()[3][0] < 255:
                white = Pictures.new("RGBA", region.size, (255, 255, 255, 255))
                region = Pictures.alpha_composite(white, region)
            opaque: Pillow = region.convert("RGB")
        return opaque


class _Refused:
    """Turns whatever OpenSlide says of a damaged slide into one kind of error."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None or issubclass(kind, BiolakeError) or not issubclass(kind, Exception):
            return
        raise SourceUnreadable(
            f"the slide is damaged, cut short or of a kind OpenSlide does not read"
            f" ({kind.__name__})",
            where=self.name,
            next="Check the copy against the scanner's, or convert it to a tiled TIFF.",
        ) from None


def _mpp(properties: Any) -> tuple[float, float] | None:
    try:
        x, y = float(properties["openslide.mpp-x"]), float(properties["openslide.mpp-y"])
    except (KeyError, ValueError):
        return None
    low, high = _MPP_BOUNDS
    return (x, y) if low <= x <= high and low <= y <= high else None


def _openslide(name: str) -> Any:
    try:
        import openslide
    except ImportError:
        raise SetupMissing(
            "whole-slide images need OpenSlide", where=name, next="pip install 'biolake[slides]'"
        ) from None
    return openslide


def _open(
    path: Path, name: str, folder: tempfile.TemporaryDirectory[str] | None = None
) -> WholeSlide:
    openslide = _openslide(name)
    with _Refused(name):
        return WholeSlide(openslide.OpenSlide(path), name, folder)


def claims(name: str, head: bytes) -> bool:
    """Take the scanners' own suffixes, and TIFFs that are tiled or do not show it in their head."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _TIFF_SUFFIXES:
        return perhaps_slide(head)
    return suffix in _SUFFIXES + _IN_PARTS


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Open each slide and decode its corners and centre.

    What the scanner says of its user, the file and the label is not read.
    """
    for file in files:
        try:
            yield _found(file, surroundings)
        except SetupMissing:
            raise
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)


def _found(file: SourceFile, surroundings: Surroundings) -> FoundAsset:
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix in _IN_PARTS:
        raise SourceUnreadable("slides in many JPEG files (VMS, VMU) are not read: convert to TIFF")
    if suffix in _TIFF_SUFFIXES and _plain(file.path, file.name):
        return found(file, decode(file.path, file.name, "slides"))
    slide = _open(file.path, file.name)
    try:
        wide, high = slide.size
        for at in ((0, 0), (wide - 64, high - 64), (wide // 2, high // 2)):
            slide._region((max(0, at[0]), max(0, at[1])), 0, (64, 64))
        slide._region((0, 0), len(slide.levels) - 1, (64, 64))
        start = _scanned(slide._handle.properties)
        return FoundAsset("slide", (file, *_parts(file, surroundings)), _facts(slide), start=start)
    finally:
        slide.close()


def _plain(path: Path, name: str) -> bool:
    """Say whether a TIFF is an ordinary picture: no tiles, or none that OpenSlide takes."""
    with path.open("rb") as stream:
        if not tiled(stream):
            return True
    return _openslide(name).OpenSlide.detect_format(path) is None


def _parts(file: SourceFile, surroundings: Surroundings) -> tuple[SourceFile, ...]:
    """Return what lies in the folder of a MIRAX slide, which bears its name."""
    if not file.name.lower().endswith(".mrxs"):
        return ()
    folder = PurePosixPath(file.name).with_suffix("").as_posix() + "/"
    parts = tuple(v for name, v in sorted(surroundings.files.items()) if name.startswith(folder))
    if not parts:
        raise SourceUnreadable("the folder of this MIRAX slide is not beside it")
    return parts


def _facts(slide: WholeSlide) -> Facts:
    properties = slide._handle.properties
    vendor = str(properties.get("openslide.vendor", ""))
    attributes: dict[str, object] = {
        "vendor": vendor,
        "mpp": list(slide.mpp) if slide.mpp else None,
        "levels": [list(level) for level in slide.levels],
    }
    objective = re.fullmatch(r"\d{1,3}(\.\d+)?", properties.get("openslide.objective-power", ""))
    if objective:
        attributes["objective"] = float(objective.group())
    wide, high = slide.size
    return Facts("tiled", shape=(high, wide, 3), device=vendor, attributes=attributes)


def _scanned(properties: Any) -> int | None:
    """Return when an Aperio scanner says it scanned; others do not say it in one known way."""
    date = _DATE.match(properties.get("aperio.Date", ""))
    clock = _CLOCK.match(properties.get("aperio.Time", ""))
    if not date or not clock:
        return None
    month, day, year = map(int, date.groups())
    hour, minute, second = map(int, clock.groups())
    try:
        scanned = datetime(year + (2000 if year < 100 else 0), month, day, hour, minute, second,
                           tzinfo=UTC)  # fmt: skip
    except ValueError:
        return None
    return int(scanned.timestamp()) * 1_000_000


@asset_reader("Whole-slide images (OpenSlide)", claims=claims, find=find, extra="slides")
def slide(content: Content) -> Slide | Image:
    """Open a whole-slide image of Aperio, Hamamatsu (NDPI), MIRAX, Leica, Philips, Sakura, Trestle,
    Ventana, Zeiss or a generic tiled TIFF; a TIFF that is no slide opens as a picture.

    The resolution is the scanner's; one no microscope has (a print's) counts as unknown. Tested
    on Aperio and generic tiled TIFF files. Raises `SourceUnreadable`.
    """
    first = content.names[0]
    path = content.path(first)
    if PurePosixPath(first).suffix.lower() in _TIFF_SUFFIXES and _plain(path, first):
        return Image(decode(path, first, "slides").pixels)
    if len(content.names) == 1:
        return _open(path, first)
    return _assembled(content)


def _assembled(content: Content) -> WholeSlide:
    """Lay the files of a MIRAX slide out as OpenSlide expects them: a file and its folder."""
    folder = tempfile.TemporaryDirectory(prefix="biolake-slide-")
    try:
        first, *others = content.names
        whole = Path(folder.name) / "slide.mrxs"
        whole.symlink_to(content.path(first).resolve())
        whole.with_suffix("").mkdir()
        for name in others:
            part = whole.with_suffix("") / PurePosixPath(name).name
            part.symlink_to(content.path(name).resolve())
        return _open(whole, first, folder)
    except BaseException:
        folder.cleanup()
        raise
