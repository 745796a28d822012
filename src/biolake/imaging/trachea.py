"""The windpipe and the main bronchi, followed from the top of a chest CT downwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.body import Coarse

Flags = NDArray[np.bool_]

_GAS = -900.0  # HU: air alone; lung tissue is denser
_AREA = (40.0, 700.0)  # mm2: cross sections of a windpipe (Breatnach et al., AJR 1984;142:903)
_OFF_CENTRE = 50.0  # mm from the body's middle
_LEAK = 1.8  # growth from one slice to the next that is a leak into the lung
_SEEK = 0.4  # of the volume's height, from the top: where the windpipe must begin


def trachea_of(air: Flags, small: Coarse) -> Flags:
    """Return the airway inside the body's air, one voxel wider than its gas; empty if not found."""
    from scipy import ndimage

    gas = air & (small.hu < _GAS)
    found = np.zeros(air.shape, dtype=np.bool_)
    order = range(len(air))[:: -1 if small.upward > 0 else 1]
    pixel = small.spacing[1] * small.spacing[2]
    cross = np.ones((3, 3), dtype=np.bool_)
    current: Flags | None = None
    for number in order:
        if current is None:
            if abs(number - order[0]) > _SEEK * len(air):
                break
            current = _begin(gas[number], air[number], small, pixel)
        else:
            current = _follow(gas[number], current, pixel)
            if current is None:
                break
        if current is not None:
            found[number] = ndimage.binary_dilation(current, cross)
    return found & air


def _begin(gas: Flags, air: Flags, small: Coarse, pixel: float) -> Flags | None:
    """Find the round patch of gas near the middle of a slice."""
    from scipy import ndimage

    labels, _ = ndimage.label(gas)
    middle = gas.shape[1] / 2.0
    best: tuple[float, int] | None = None
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[rows, columns] == label
        area = inside.sum() * pixel
        off = abs((columns.start + columns.stop) / 2.0 - middle) * small.spacing[2]
        full = inside.sum() / inside.size
        if _AREA[0] <= area <= _AREA[1] and off < _OFF_CENTRE and full > 0.5:
            alone = _alone(labels == label, air)
            if alone and (best is None or off < best[0]):
                best = (off, label)
    return None if best is None else labels == best[1]


def _alone(patch: Flags, air: Flags) -> bool:
    """Say whether a patch of gas fills its patch of air: in lung, gas is only the darkest part."""
    from scipy import ndimage

    labels, _ = ndimage.label(air)
    whole = np.isin(labels, np.unique(labels[patch]))
    return bool(whole.sum() < 2.5 * patch.sum())


def _follow(gas: Flags, above: Flags, pixel: float) -> Flags | None:
    """Return the patches of gas below the airway of the slice above, unless they leak."""
    from scipy import ndimage

    labels, _ = ndimage.label(gas)
    met = np.unique(labels[above & gas])
    met = met[met > 0]
    if met.size == 0:
        return None
    patch = np.isin(labels, met)
    area, before = patch.sum() * pixel, above.sum() * pixel
    if area > max(_LEAK * before, before + _AREA[0]) or area > 2.0 * _AREA[1]:
        return None
    return patch
