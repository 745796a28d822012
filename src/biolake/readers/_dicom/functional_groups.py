"""Geometry of multi-frame objects: functional groups, shared or one a frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.media import Volume
from biolake.readers._dicom import kinds, tags
from biolake.readers._dicom.fallback import dataset, quiet
from biolake.readers._dicom.header import Header
from biolake.readers._dicom.picture import stored_pixels
from biolake.readers._dicom.refusals import GroupsMissing, MixedSeries
from biolake.readers._dicom.values import Scale, units_of
from biolake.readers._dicom.volume import Slice, build

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Plane:
    """Where one frame lies, and how its values are scaled."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float | None
    between: float | None
    scale: Scale
    segment: int | None = None


def volume(header: Header, data: bytes) -> Volume:
    """Open an enhanced multi-frame object (CT, MR, PET) as one volume."""
    if tags.CONCATENATION in header:
        raise MixedSeries("this is one part of a concatenation: its other parts are needed too")
    pixels = stored_pixels(header)
    if pixels.ndim != 3 or not kinds.is_grey(header):
        raise MixedSeries("a volume is made of grey frames")
    planes = read_planes(data, len(pixels))
    slices = [
        Slice(
            plane.position,
            plane.orientation,
            plane.spacing,
            frame,
            plane.scale,
            plane.thickness,
            plane.between,
        )
        for plane, frame in zip(planes, pixels, strict=True)
    ]
    told = all(plane.scale.told for plane in planes)
    return build(slices, "HU" if told and header.text(tags.MODALITY) == "CT" else units_of(header))


def read_planes(data: bytes, count: int) -> list[Plane]:
    """Read the functional groups of every frame; `GroupsMissing` names the one not there."""
    read = dataset(data)
    with quiet():
        try:
            shared = _first(read, "SharedFunctionalGroupsSequence")
            per_frame = list(read.get("PerFrameFunctionalGroupsSequence") or ())
        except Exception:
            raise GroupsMissing("the functional groups are damaged") from None
        if len(per_frame) != count:
            raise GroupsMissing(f"{count} frames, but functional groups for {len(per_frame)}")
        return [_plane(each, shared, at) for at, each in enumerate(per_frame)]


def _plane(own: Dataset, shared: Dataset | None, at: int) -> Plane:
    measures = _group(own, shared, "PixelMeasuresSequence", at)
    scale = _group(own, shared, "PixelValueTransformationSequence", at, needed=False)
    segment = _group(own, shared, "SegmentIdentificationSequence", at, needed=False)
    position = _group(own, shared, "PlanePositionSequence", at)
    orientation = _group(own, shared, "PlaneOrientationSequence", at)
    return Plane(
        position=_numbers(position, "ImagePositionPatient", 3, at),
        orientation=_numbers(orientation, "ImageOrientationPatient", 6, at),
        spacing=_numbers(measures, "PixelSpacing", 2, at),
        thickness=_number(measures, "SliceThickness", at),
        between=_number(measures, "SpacingBetweenSlices", at),
        scale=_scale(scale, at),
        segment=_segment(segment, at),
    )


def _group(
    own: Dataset, shared: Dataset | None, name: str, at: int, needed: bool = True
) -> Dataset | None:
    """Return a functional group of a frame: its own, else the one all share."""
    for place in (own, shared):
        found = _first(place, name) if place is not None else None
        if found is not None:
            return found
    if needed:
        raise GroupsMissing(f"frame {at + 1} has no {name}, and none is shared")
    return None


def _first(place: Dataset, name: str) -> Dataset | None:
    try:
        found: Any = place.get(name)
        return found[0] if found else None
    except Exception:
        raise GroupsMissing(f"{name} is damaged") from None


def _value(group: Dataset | None, name: str, at: int) -> Any:
    try:
        return group.get(name) if group is not None else None
    except Exception:
        raise GroupsMissing(f"frame {at + 1}: {name} is malformed") from None


def _numbers(group: Dataset | None, name: str, count: int, at: int) -> tuple[float, ...]:
    value = _value(group, name, at)
    try:
        found = tuple(float(part) for part in value)
    except (TypeError, ValueError):
        found = ()
    if len(found) != count or not np.isfinite(found).all():
        raise GroupsMissing(f"frame {at + 1} has no {name}")
    return found


def _number(group: Dataset | None, name: str, at: int) -> float | None:
    value = _value(group, name, at)
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found) else None


def _scale(group: Dataset | None, at: int) -> Scale:
    if group is None:
        return Scale()
    slope, intercept = _number(group, "RescaleSlope", at), _number(group, "RescaleIntercept", at)
    if not slope or intercept is None:
        raise GroupsMissing(f"frame {at + 1} has a rescale without slope or intercept")
    return Scale(slope, intercept, True)


def _segment(group: Dataset | None, at: int) -> int | None:
    value = _number(group, "ReferencedSegmentNumber", at) if group is not None else None
    return None if value is None else int(value)
