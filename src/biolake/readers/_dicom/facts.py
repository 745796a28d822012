"""What the index tells of a DICOM asset: technical facts only, never words typed by people."""

from __future__ import annotations

import re
from typing import Any

from biolake.core.assets import Facts
from biolake.readers._dicom import kinds, tags
from biolake.readers._dicom.header import Header

_CODE = re.compile(r"[A-Z0-9 _/-]{1,32}")  # a CS; longer or lower case was typed by someone


def facts(first: Header, last: Header, count: int) -> Facts:
    """Describe an asset by its first and last file in place."""
    kind = kinds.kind(first)
    return Facts(
        kind=kind,
        shape=_shape(first, kind, count),
        units="HU" if kind == "volume" and _is_hounsfield(first) else "",
        device=" ".join(filter(None, (first.text(tags.MANUFACTURER), first.text(tags.MODEL)))),
        attributes={key: value for key, value in _attributes(first, last, count).items() if value},
    )


def _is_hounsfield(header: Header) -> bool:
    named = header.text(tags.RESCALE_TYPE) in ("", "HU")
    return kinds.modality(header) == "ct" and tags.INTERCEPT in header and named


def _shape(header: Header, kind: str, count: int) -> tuple[int, ...]:
    rows, columns = header.short(tags.ROWS), header.short(tags.COLUMNS)
    if not rows or not columns or kind == kinds.WAVEFORM:
        return ()
    frames = header.integer(tags.FRAMES) or 1
    if kind == "image":
        return (rows, columns)
    return (count if count > 1 else max(frames, 1), rows, columns)


def _attributes(first: Header, last: Header, count: int) -> dict[str, Any]:
    window = (first.number(tags.WINDOW_CENTER), first.number(tags.WINDOW_WIDTH))
    return {
        "spacing": _spacing(first, last, count),
        "pixel_spacing": list(first.numbers(tags.PIXEL_SPACING)),
        "imager_pixel_spacing": list(first.numbers(tags.IMAGER_SPACING)),
        "slice_thickness": first.number(tags.SLICE_THICKNESS),
        "kernel": first.text(tags.KERNEL)[:32],
        "kvp": first.number(tags.KVP),
        "tilt": first.number(tags.TILT),
        "body_part": _code(first, tags.BODY_PART),
        "view": _code(first, tags.VIEW),
        "laterality": _code(first, tags.IMAGE_LATERALITY) or _code(first, tags.LATERALITY),
        "image_type": [part for part in first.texts(tags.IMAGE_TYPE) if _CODE.fullmatch(part)],
        "photometric": _code(first, tags.PHOTOMETRIC),
        "transfer_syntax": first.syntax,
        "sop_class": first.text(tags.SOP_CLASS),
        "bits": first.short(tags.BITS_STORED),
        "window": list(window) if None not in window else None,
        "localizer": kinds.is_localizer(first),
        "secondary_capture": kinds.is_secondary(first),
        "burned_in": first.text(tags.BURNED_IN) == "YES",
    }


def _code(header: Header, tag: int) -> str:
    value = header.text(tag)
    return value if _CODE.fullmatch(value) else ""


def _spacing(first: Header, last: Header, count: int) -> list[float]:
    """Return mm between slices, rows and columns; the slices' is their mean along the normal."""
    within = first.numbers(tags.PIXEL_SPACING)
    if len(within) != 2:
        return []
    if count == 1:
        between = first.number(tags.SLICE_SPACING) or first.number(tags.SLICE_THICKNESS)
        return [abs(between), *within] if between else []
    a, b, c, d, e, f = first.numbers(tags.ORIENTATION)
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    ends = zip(first.numbers(tags.POSITION), last.numbers(tags.POSITION), normal, strict=True)
    length = abs(sum((there - here) * along for here, there, along in ends))
    return [round(length / (count - 1), 6), *within]
