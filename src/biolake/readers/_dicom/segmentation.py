"""Open a segmentation as a volume of labels: each voxel its segment's number, 0 for none."""

from __future__ import annotations

import numpy as np

from biolake.core.media import Volume
from biolake.readers._dicom import tags
from biolake.readers._dicom.fallback import dataset, quiet
from biolake.readers._dicom.functional_groups import Plane, read_planes
from biolake.readers._dicom.geometry import SAME_PLACE, Frame
from biolake.readers._dicom.header import Header
from biolake.readers._dicom.picture import stored_pixels
from biolake.readers._dicom.refusals import KeptNotOpened, MixedSeries, OverlappingSegments

_MOST_SLICES = 10_000
_OFF = 0.02  # of a slice distance


def labels(header: Header, data: bytes) -> Volume:
    """Open a binary or label-map segmentation (PS3.3 A.51); fractional ones are kept only.

    Slices without any segment are often left out of the file: they are filled with 0.
    """
    read = dataset(data, to_pixels=False)
    try:
        with quiet():
            kind = str(read.get("SegmentationType", ""))
    except Exception:
        kind = ""
    if kind not in ("BINARY", "LABELMAP"):
        raise KeptNotOpened("only binary and label-map segmentations are opened as labels")
    pixels = stored_pixels(header)
    planes = read_planes(data, len(pixels))
    frame = Frame.of(np.array(planes[0].orientation), (planes[0].spacing[0], planes[0].spacing[1]))
    _check(planes)
    places = frame.places(np.array([plane.position for plane in planes]))
    if np.abs(places[:, 1:] - places[0, 1:]).max() > 0.5:
        raise MixedSeries("the segmented planes are shifted against each other")
    step = _step(places[:, 0], planes[0])
    at = _indices(places[:, 0], step)
    voxels = np.zeros((int(at.max()) + 1, *pixels.shape[1:]), np.uint16)
    for index, plane, mask in zip(at, planes, pixels, strict=True):
        _paint(voxels[index], mask, plane, kind)
    lowest = np.array(planes[int(np.argmin(places[:, 0]))].position)
    return Volume(
        voxels=voxels if voxels.max() > 255 else voxels.astype(np.uint8),
        spacing=(step, *frame.spacing),
        units="1",
        origin=(float(lowest[0]), float(lowest[1]), float(lowest[2])),
        axes=frame.axes,
    )


def _check(planes: list[Plane]) -> None:
    first = planes[0]
    for at, plane in enumerate(planes):
        turned = np.abs(np.subtract(plane.orientation, first.orientation)).max() > 1e-3
        if turned or not np.allclose(plane.spacing, first.spacing, rtol=1e-3):
            raise MixedSeries(f"frame {at + 1} lies in another plane or grid than the first")


def _paint(under: np.ndarray, mask: np.ndarray, plane: Plane, kind: str) -> None:
    if kind == "LABELMAP":
        under[:] = mask
        return
    if not plane.segment or not 0 < plane.segment < 1 << 16:
        raise MixedSeries("a frame does not name its segment", where=tags.name(0x0062000B))
    inside = mask != 0
    if (under[inside] != 0).any():
        raise OverlappingSegments(
            "segments overlap: one label a voxel would hide one of them",
            next="Export each segment as a segmentation of its own.",
        )
    under[inside] = plane.segment


def _step(along: np.ndarray, first: Plane) -> float:
    """Return the mm between planes: what the file says, else the smallest there is."""
    steps = np.diff(np.unique(np.round(along / SAME_PLACE) * SAME_PLACE))
    told = abs(first.between or 0.0) or (0.0 if len(steps) else abs(first.thickness or 0.0))
    found = told or (float(steps.min()) if len(steps) else 0.0)
    if not found:
        raise MixedSeries("the distance between planes is not told")
    return found


def _indices(along: np.ndarray, step: float) -> np.ndarray:
    exact = (along - along.min()) / step
    found = np.rint(exact)
    if np.abs(exact - found).max() > _OFF * max(1.0, 0.1 * float(found.max())):
        raise MixedSeries("the planes do not lie on one regular grid")
    if found.max() >= _MOST_SLICES:
        raise MixedSeries("the planes lie too far apart for one volume")
    return np.asarray(found.astype(int))
