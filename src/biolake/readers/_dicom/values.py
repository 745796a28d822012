"""From stored numbers to physical values: the Modality LUT (PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.readers._dicom import kinds, tags
from biolake.readers._dicom.header import Header

_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class Scale:
    """value = stored · slope + intercept; `told` is false where the header gives none."""

    slope: float = 1.0
    intercept: float = 0.0
    told: bool = False

    @property
    def whole(self) -> bool:
        return self.slope == 1.0 and self.intercept == int(self.intercept)


def scale_of(header: Header) -> Scale:
    """Read the rescale; refuse one that is malformed or zero."""
    if tags.SLOPE not in header and tags.INTERCEPT not in header:
        return Scale()
    slope = header.number(tags.SLOPE) if header.text(tags.SLOPE) else 1.0
    intercept = header.number(tags.INTERCEPT) if header.text(tags.INTERCEPT) else 0.0
    if not slope or intercept is None:
        raise SourceUnreadable("the rescale is no number, or zero", where=tags.name(tags.SLOPE))
    return Scale(slope, intercept, bool(header.text(tags.INTERCEPT)))


def units_of(header: Header) -> str:
    """Return what the values are: HU, BQML, or nothing known."""
    rescaled = header.text(tags.RESCALE_TYPE)
    if kinds.modality(header) == "ct":
        localizer = kinds.is_localizer(header)
        return "HU" if rescaled in ("", "HU") and scale_of(header).told and not localizer else ""
    if kinds.modality(header) == "pet":
        return header.text(tags.UNITS)
    return ""


def rescaled(stored: np.ndarray, scales: list[Scale]) -> np.ndarray:
    """Apply each slice its own scale; int16 where that is exact, float32 otherwise."""
    if all(scale.whole for scale in scales) and stored.dtype.kind in "iub":
        low, high = int(stored.min()), int(stored.max())
        steps = [int(scale.intercept) for scale in scales]
        if low + min(steps) >= _INT16.min and high + max(steps) <= _INT16.max:
            found = stored.astype(np.int16)
            if any(steps):
                found += np.array(steps, np.int32).astype(np.int16)[(...,) + (None,) * 2]
            return found
    values = stored.astype(np.float32)
    for at, scale in enumerate(scales):
        if scale != Scale():
            values[at] = stored[at] * np.float64(scale.slope) + scale.intercept
    return values
