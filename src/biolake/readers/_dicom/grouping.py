"""Which files of a series belong together: sets that can be one volume."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from biolake.core.reading import SourceFile
from biolake.readers._dicom import kinds, tags
from biolake.readers._dicom.header import Header
from biolake.readers._dicom.times import Moment

_TURN = 1e-3  # direction cosines this near are one orientation: scanners jitter by 1e-4
_SAME_PLACE = 1e-3  # mm
# What tells several images at one place apart, tried in this order.
_SOFT = (
    tags.TEMPORAL_POSITION,
    tags.ECHO_NUMBERS,
    tags.ECHO_TIME,
    tags.ACQUISITION_NUMBER,
    tags.TRIGGER_TIME,
    tags.IMAGE_TYPE,
    tags.KERNEL,
)
# These number images at one place, so a part may be a single slice; an acquisition number of its
# own for every slice splits nothing.
_MOMENTS = frozenset(_SOFT[:3])
# All that grouping asks of a slice.
GROUPING = (
    *_SOFT,
    tags.PATIENT_ID,
    tags.ISSUER,
    tags.SERIES_UID,
    tags.SOP_UID,
    tags.SOP_CLASS,
    tags.MODALITY,
    tags.FRAMES,
    tags.POSITION,
    tags.ORIENTATION,
    tags.ROWS,
    tags.COLUMNS,
    tags.SAMPLES,
    tags.PHOTOMETRIC,
    tags.PIXEL_SPACING,
    tags.FRAME_OF_REFERENCE,
)


@dataclass(frozen=True, slots=True)
class Indexed:
    """One file, its header and when it was taken, as `times.taken` says.

    Of a slice only what groups it is kept of the header: a source may hold millions.
    """

    file: SourceFile
    header: Header
    taken: Moment = (None, None)


@dataclass(frozen=True)
class Group:
    """The files of one asset, in the order of their places; `key` is the source's own identity."""

    key: str
    members: tuple[Indexed, ...]
    places: int = 1  # how many of the slices lie at a place of their own


def groups(indexed: Sequence[Indexed]) -> Iterator[Group]:
    """Group slices by series and what makes them one volume; every other file stands alone."""
    slices: dict[str, list[Indexed]] = {}
    for each in indexed:
        header = each.header
        series = header.text(tags.SERIES_UID)
        if series and kinds.is_slice(header):
            slices.setdefault(series, []).append(each)
        else:
            yield Group(header.text(tags.SOP_UID), (each,))
    for series, members in slices.items():
        yield from _volumes(series, members)


def _volumes(series: str, members: list[Indexed]) -> Iterator[Group]:
    """Split one series by shape and orientation, then where images share their place."""
    parts: list[tuple[str, tuple[float, ...], list[Indexed]]] = []
    for each in members:
        shape, turn = _shape(each.header), each.header.numbers(tags.ORIENTATION)
        for known, direction, held in parts:
            if known == shape and max(map(_gap, direction, turn)) <= _TURN:
                held.append(each)
                break
        else:
            parts.append((shape, turn, [each]))
    for shape, turn, held in parts:
        # The key tells the part by what it is, so that files loaded later find the same one.
        name = shape + ",".join(f"{round(part, 2) + 0.0:.2f}" for part in turn)
        for soft, few in _soft(held):
            yield _in_place(f"{series}/{_digest(name + soft)}", few)


def _gap(one: float, other: float) -> float:
    return abs(one - other)


def _shape(header: Header) -> str:
    spacing = ",".join(f"{value:.4g}" for value in header.numbers(tags.PIXEL_SPACING))
    frame = header.text(tags.FRAME_OF_REFERENCE)
    size = f"{header.short(tags.ROWS)}x{header.short(tags.COLUMNS)}x{header.short(tags.SAMPLES)}"
    return f"{size}/{spacing}/{frame}/{header.text(tags.SOP_CLASS)}/"


def _soft(members: list[Indexed]) -> list[tuple[str, list[Indexed]]]:
    """Split by time, echo or acquisition where places are taken twice; else leave whole."""
    if not _crowded(members):
        return [("", members)]
    for tag in _SOFT:
        by: dict[str, list[Indexed]] = {}
        for each in members:
            by.setdefault(each.header.text(tag), []).append(each)
        if len(by) > 1 and (tag in _MOMENTS or all(len(part) > 1 for part in by.values())):
            return [
                (f"|{tag:08x}={value}{deeper}", few)
                for value, part in by.items()
                for deeper, few in _soft(part)
            ]
    return [("", members)]


def _crowded(members: list[Indexed]) -> bool:
    places = sorted(each.header.numbers(tags.POSITION) for each in members)
    return any(max(map(_gap, one, other)) < _SAME_PLACE for one, other in pairwise(places))


def _in_place(key: str, members: list[Indexed]) -> Group:
    """Sort slices along their normal."""
    a, b, c, d, e, f = members[0].header.numbers(tags.ORIENTATION)
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    placed = []
    for each in members:
        p, q, r = each.header.numbers(tags.POSITION)
        placed.append((p * x + q * y + r * z, each.file.name, each))
    placed.sort(key=lambda item: item[:2])
    apart = sum(there[0] - here[0] > _SAME_PLACE for here, there in pairwise(placed))
    return Group(key, tuple(each for _, _, each in placed), 1 + apart)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
