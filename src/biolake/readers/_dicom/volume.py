"""Slices become one volume: sorted, checked, tilt removed, distances made even, or refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.media import Volume
from biolake.readers._dicom.geometry import SAME_PLACE, Frame, check_tilt, distance, shifts
from biolake.readers._dicom.refusals import DuplicateSlices, MixedSeries, SliceGap
from biolake.readers._dicom.resampling import evenly, straightened
from biolake.readers._dicom.values import Scale, rescaled

_TURN = 2e-3  # direction cosines, as in grouping with its own jitter twice
AIR = -1024.0  # HU


@dataclass(frozen=True)
class Slice:
    """One slice: its place (mm), orientation, pixel spacing and stored pixels."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    pixels: np.ndarray
    scale: Scale
    thickness: float | None = None
    between: float | None = None
    tilt: float | None = None
    original: bool = False
    mark: str = ""  # what must agree in one volume: type of pixels and units


def build(slices: list[Slice], units: str) -> Volume:
    """Make a volume of slices in any order.

    Slice distance along the normal comes from positions alone. Raises `MixedSeries`,
    `DuplicateSlices`, `SliceGap` or `TiltContradicted`, each telling where.
    """
    _check_alike(slices)
    first = slices[0]
    frame = Frame.of(np.array(first.orientation), (first.spacing[0], first.spacing[1]))
    notes: list[str] = []
    slices = _distinct(slices, frame, notes)
    if len(slices) == 1:
        return _single(slices[0], frame, units, notes)
    positions = np.array([each.position for each in slices])
    voxels, step, corner = _on_one_grid(slices, frame.places(positions), frame, units, notes)
    origin = positions[0] + np.array([0, *corner]) * np.array([1, *frame.spacing]) @ frame.axes
    return Volume(
        voxels=voxels,
        spacing=(step, *frame.spacing),
        units=units,
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        axes=frame.axes,
        notes=tuple(note for note in notes if note),
    )


def _on_one_grid(
    slices: list[Slice], places: np.ndarray, frame: Frame, units: str, notes: list[str]
) -> tuple[np.ndarray, float, tuple[int, int]]:
    """Return voxels, the mm between slices, and the corner in pixels against the first slice."""
    first = slices[0]
    moved, angle = shifts(places, frame.spacing)
    notes.append(check_tilt(first.tilt, angle, first.original))
    step, uneven = distance(places, np.array([each.thickness or np.nan for each in slices]))
    voxels = rescaled(np.stack([each.pixels for each in slices]), [s.scale for s in slices])
    straight = None
    if angle:
        outside = AIR if units == "HU" else float(voxels.min())
        straight = straightened(voxels, moved, outside)
        voxels = straight.slices
        notes.append(f"tilt of {angle:.2f}° removed; beyond the scanned field is {outside:g}")
    if uneven:
        voxels = evenly(voxels, places[:, 0], step, straight)
        notes.append(f"slices at varying distances resampled to {step:g} mm")
    return voxels, step, straight.corner if straight is not None else (0, 0)


def _check_alike(slices: list[Slice]) -> None:
    first = slices[0]
    for at, each in enumerate(slices):
        if each.pixels.shape != first.pixels.shape:
            raise _mixed(at, "another number of rows or columns")
        if np.abs(np.subtract(each.orientation, first.orientation)).max() > _TURN:
            raise _mixed(at, "another orientation")
        if not np.allclose(each.spacing, first.spacing, rtol=1e-3):
            raise _mixed(at, "another pixel spacing")
        if each.mark != first.mark or each.pixels.dtype != first.pixels.dtype:
            raise _mixed(at, "pixels of another kind")


def _mixed(at: int, what: str) -> MixedSeries:
    return MixedSeries(f"image {at + 1} has {what} than the first: this is not one volume")


def _distinct(slices: list[Slice], frame: Frame, notes: list[str]) -> list[Slice]:
    """Sort by place; drop repeats of an image and refuse two images at one place."""
    along = frame.places(np.array([each.position for each in slices]))[:, 0]
    found: list[Slice] = []
    last, dropped = -np.inf, 0
    for at in np.argsort(along, kind="stable"):
        if along[at] - last > SAME_PLACE:
            found.append(slices[at])
            last = along[at]
            continue
        if not _same(slices[at], found[-1]):
            raise DuplicateSlices(
                f"two different images lie at slice {len(found)}",
                next="They may be two echoes, phases or reconstructions sent as one series.",
            )
        dropped += 1
    if dropped:
        notes.append(f"{dropped} repeated slice{'s' * (dropped > 1)} dropped")
    return found


def _same(one: Slice, other: Slice) -> bool:
    near = np.abs(np.subtract(one.position, other.position)).max() <= SAME_PLACE
    return bool(near and one.scale == other.scale and np.array_equal(one.pixels, other.pixels))


def _single(only: Slice, frame: Frame, units: str, notes: list[str]) -> Volume:
    step = abs(only.between or 0.0) or abs(only.thickness or 0.0)
    if not step:
        raise SliceGap("there is one slice, and neither its thickness nor a distance is told")
    return Volume(
        voxels=rescaled(only.pixels[None], [only.scale]),
        spacing=(step, *frame.spacing),
        units=units,
        origin=(only.position[0], only.position[1], only.position[2]),
        axes=frame.axes,
        notes=(*notes, "one slice alone"),
    )
