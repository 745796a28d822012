"""Where slices lie: their order, distances and in-plane shifts, from position and orientation.

Patient coordinates are LPS in mm (PS3.3 C.7.6.2.1.1). Gantry tilt needs no sign convention here:
the positions themselves tell how each slice is shifted against the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.readers._dicom.refusals import MixedSeries, SliceGap, TiltContradicted

SAME_PLACE = 1e-3  # mm
_EVEN = 0.01  # of the distance between slices: what rounding in headers explains
_STILL = 0.05  # pixels of in-plane shift that need no resampling
_STRAIGHT = 1.0  # pixels a shift may leave the straight line of a tilt
_TOUCHING = 1.05  # slices at most this × their mean thickness apart leave nothing unseen
_ANGLE = 1.0  # degrees
_MOST_RESAMPLED = 8  # times as many slices as there were


@dataclass(frozen=True)
class Frame:
    """The plane all slices share: unit directions of slice, row and column index."""

    axes: np.ndarray
    spacing: tuple[float, float]

    @staticmethod
    def of(orientation: np.ndarray, spacing: tuple[float, float]) -> Frame:
        """Make the frame of an Image Orientation (Patient); refuse one that is no right angle."""
        along_columns, along_rows = orientation[:3], orientation[3:]
        lengths = float(np.linalg.norm(along_columns)), float(np.linalg.norm(along_rows))
        skew = abs(float(along_columns @ along_rows))
        if max(abs(lengths[0] - 1), abs(lengths[1] - 1), skew) > 0.01:
            raise MixedSeries("the orientation's rows and columns are not at right angles")
        if min(spacing) <= 0:
            raise MixedSeries("the pixel spacing is not positive")
        column = along_columns / lengths[0]
        row = along_rows - (along_rows @ column) * column
        row = row / np.linalg.norm(row)
        return Frame(np.stack([np.cross(column, row), row, column]), spacing)

    def places(self, positions: np.ndarray) -> np.ndarray:
        """Return slices × (mm along the normal, rows, columns), in pixels within the plane."""
        return np.asarray(positions @ self.axes.T / np.array([1.0, *self.spacing]))


def shifts(places: np.ndarray, spacing: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Return each slice's shift in rows and columns against the first, and the tilt in degrees.

    Zero where the stack is upright. Raises `MixedSeries` when the shifts follow no straight line.
    """
    moved = places[:, 1:] - places[0, 1:]
    if np.abs(moved).max() <= _STILL:
        return np.zeros_like(moved), 0.0
    along = places[:, 0] - places[0, 0]
    slope = moved.T @ along / (along @ along)
    if np.abs(moved - np.outer(along, slope)).max() > _STRAIGHT:
        raise MixedSeries("the slices are shifted within their plane along no straight line")
    angle = np.degrees(np.arctan(np.linalg.norm(slope * np.array(spacing))))
    return moved, float(angle)


def check_tilt(named: float | None, angle: float, original: bool) -> str:
    """Compare the tilt the header names with the one the positions show; return a note or nothing.

    Raises `TiltContradicted` for images as acquired: one of the two is wrong, and which cannot
    be told. Reformatted ones may carry the tag of what they were made from.
    """
    if named is None or abs(abs(named) - angle) <= _ANGLE:
        return ""
    if named == 0.0:
        return f"the positions show a tilt of {angle:.1f}° that the header does not name"
    told = f"the header names a gantry tilt of {named:.1f}°, the positions show {angle:.1f}°"
    if original:
        raise TiltContradicted(told, next="Ask the scanner's maker which of the two is right.")
    return told


def distance(places: np.ndarray, thickness: np.ndarray) -> tuple[float, bool]:
    """Return the mm between slices, and whether they must be resampled to be that far apart.

    `thickness` is in mm, NaN where the header does not tell. Slices whose distance varies but
    that touch are resampled onto the smallest distance; `SliceGap` where something lies unseen.
    """
    steps = np.diff(places[:, 0])
    mean = float(steps.mean())
    even = places[0, 0] + mean * np.arange(len(places))
    if np.abs(places[:, 0] - even).max() <= _EVEN * mean:
        return mean, False
    reach = (thickness[:-1] + thickness[1:]) / 2
    usual = float(np.median(steps))
    for at, (step, touching) in enumerate(zip(steps, reach, strict=True)):
        if step > usual * (1 + _EVEN) and not step <= touching * _TOUCHING:
            raise SliceGap(
                f"between slices {at + 1} and {at + 2} of {len(places)} lie {step:.3f} mm,"
                f" where {usual:.3f} mm are usual",
                next="Send the missing slices, or load the parts as series of their own.",
            )
    finest = float(steps.min())
    if (places[-1, 0] - places[0, 0]) / finest > _MOST_RESAMPLED * len(places):
        raise SliceGap("the distances between slices differ too much for one grid")
    return finest, True
