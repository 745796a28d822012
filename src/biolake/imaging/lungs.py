"""Lungs in a chest CT, by threshold and connected parts: no weights, no training.

After Hu, Hoffman & Reinhardt, IEEE Trans Med Imaging 2001;20:490: air inside the body, without the
airway and bowel gas, left parted from right, notches of vessels closed. Dense tissue that reaches
the lung's surface (effusion, consolidation, large tumours) looks like chest wall and is left out,
so that volumes and opacities are lower bounds there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused
from biolake.core.media import Volume
from biolake.imaging.body import AIR, Body, body_of, coarse, spread
from biolake.imaging.trachea import trachea_of

Flags = NDArray[np.bool_]
Labels = NDArray[np.uint8]

RIGHT, LEFT, UNPARTED = 1, 2, 3

_SMALLEST = 10.0  # mL: smaller pockets of air are bowel, oesophagus or noise
_GAS = -950.0  # HU: a part with a lower median is bowel gas
_LARGE, _LARGE_GAS = 500.0, -985.0  # mL, HU: no bowel is as large as a lung full of emphysema
_TISSUE = -500.0  # HU: a part with a higher median is the rim of something else
_ONE_SIDE = 0.1  # least share of a part beyond the midline for it to be both lungs joined
_CLOSING = 5.0  # mm: radius of the notches that vessels cut into the lung
_AXIAL = 0.8  # cosine between slice axis and body axis
_ONE_LUNG = 0.05  # of both lungs: a lung smaller than this was not found
_CUT = 0.03  # of the largest section: what an end slice may show of a complete lung


@dataclass(frozen=True)
class Lungs:
    """Where the lungs are: `mask` is 1 right, 2 left, 3 where they could not be parted.

    It lies on every `step`-th voxel's block (slice, row, column); `missing` says what of them is
    not in view (top, bottom, sides, or all), and which lung was not found (right, left).
    """

    mask: Labels
    step: tuple[int, int, int]
    spacing: tuple[float, float, float]
    missing: tuple[str, ...]

    @property
    def volume(self) -> float:
        """Volume of both lungs in mL."""
        return self.volume_of(RIGHT, LEFT, UNPARTED)

    def volume_of(self, *labels: int) -> float:
        voxels = sum(int(np.count_nonzero(self.mask == label)) for label in labels)
        return float(voxels * np.prod(self.spacing) * np.prod(self.step) / 1000.0)

    def slice_of(self, number: int, shape: tuple[int, ...]) -> Labels:
        """Return one slice of the mask at the volume's own resolution (rows × columns)."""
        section = self.mask[min(number // self.step[0], len(self.mask) - 1)]
        return spread(section, self.step, shape)

    def values(self, number: int, section: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the lungs' values in one slice of the volume (rows × columns).

        The outermost voxel of the mask is mixed with chest wall, and would pass for ground glass:
        the nearest voxel further inside stands for it. What is all edge has no values.
        """
        from scipy import ndimage

        whole = self.mask[min(number // self.step[0], len(self.mask) - 1)] > 0
        core = ndimage.binary_erosion(whole, border_value=1)
        if not core.any():
            return section[:0, 0]
        nearest: Any = ndimage.distance_transform_edt(
            ~core, return_distances=False, return_indices=True
        )
        inside = np.nonzero(self.slice_of(number, section.shape))
        places = [
            np.minimum(i // s, n - 1)
            for i, s, n in zip(inside, self.step[1:], whole.shape, strict=True)
        ]
        moved = [axis[tuple(places)] - place for axis, place in zip(nearest, places, strict=True)]
        rows, columns = (i + m * s for i, m, s in zip(inside, moved, self.step[1:], strict=True))
        return np.asarray(section[rows, columns])

    def full(self, shape: tuple[int, ...]) -> Labels:
        """Return the mask at the volume's own resolution."""
        return np.stack([self.slice_of(number, shape) for number in range(shape[0])])


def lungs_of(volume: Volume) -> Lungs:
    """Find the lungs of a CT in Hounsfield units.

    Raises DataRefused for a volume that is not CT in HU, or too few or too thick slices.
    """
    _refuse_unfit(volume)
    small = coarse(volume)
    body = body_of(small)
    air = body.filled & (small.hu < AIR)
    air &= ~trachea_of(air, small)
    parts = _lung_parts(air, small.hu, small.voxel_ml)
    if not parts.any():
        why = "sides" if body.cut else "all"
        return Lungs(parts.astype(np.uint8), small.step, volume.spacing, (why,))
    sides = _parted(parts, small.leftward(), _midline(body, parts, small.leftward()))
    mask = _closed(sides, body.filled, small.spacing)
    missing = (*_cut(mask, body, small.upward), *_not_found(mask))
    return Lungs(mask, small.step, volume.spacing, missing)


def _refuse_unfit(volume: Volume) -> None:
    if volume.units != "HU":
        raise DataRefused("Lungs are sought in Hounsfield units, and this volume has others.")
    if volume.voxels.ndim != 3 or min(volume.voxels.shape) < 8:
        raise DataRefused("Lungs are sought in a volume of at least 8 slices, rows and columns.")
    if abs(volume.axes[0][2]) < _AXIAL:
        raise DataRefused("Lungs are sought in axial slices, and these are cut another way.")
    if not 0.1 <= min(volume.spacing) <= max(volume.spacing) <= 10.0:
        raise DataRefused("Lungs are sought in voxels of 0.1 to 10 mm.")


def _lung_parts(air: Flags, hu: NDArray[np.float32], voxel_ml: float) -> Flags:
    """Keep the connected parts of air that are large enough and hold tissue as lungs do."""
    from scipy import ndimage

    labels, _ = ndimage.label(air)
    sizes = np.bincount(labels.ravel()) * voxel_ml
    sizes[0] = 0.0
    keep = np.zeros(sizes.size, dtype=np.bool_)
    boxes = ndimage.find_objects(labels)
    largest = sizes.max()
    for label in np.flatnonzero(sizes >= max(_SMALLEST, 0.02 * largest)):
        box = boxes[label - 1]
        inside = labels[box] == label
        # The rim is half chest wall: without it, bowel gas is told from lung.
        core = ndimage.binary_erosion(inside)
        middle = float(np.median(hu[box][core if core.sum() > 50 else inside]))
        keep[label] = (_LARGE_GAS if sizes[label] > _LARGE else _GAS) < middle < _TISSUE
    return np.asarray(keep[labels])


def _midline(body: Body, parts: Flags, leftward: tuple[int, int]) -> float:
    """Return where the body's middle lies along the left-right axis, in the lungs' slices."""
    axis, _ = leftward
    rows = parts.any(axis=(1, 2))
    shade = body.filled[rows].sum(axis=tuple(a for a in range(3) if a != axis))
    return float(shade @ np.arange(shade.size) / max(shade.sum(), 1))


def _parted(parts: Flags, leftward: tuple[int, int], midline: float) -> Labels:
    """Tell right from left; parts joined across the midline are parted where they are thinnest."""
    from scipy import ndimage

    axis, sign = leftward
    labels, _ = ndimage.label(parts)
    found = np.zeros(parts.shape, dtype=np.uint8)
    beyond = (np.arange(parts.shape[axis]) > midline) == (sign > 0)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        left_side = beyond[box[axis]]
        shape = [1, 1, 1]
        shape[axis] = -1
        on_left = (inside & left_side.reshape(shape)).sum() / inside.sum()
        if _ONE_SIDE < on_left < 1.0 - _ONE_SIDE and inside.sum() > 0.3 * parts.sum():
            part = _torn(inside, axis, sign)
        else:
            part = np.where(inside, np.uint8(LEFT if on_left > 0.5 else RIGHT), np.uint8(0))
        found[box] = np.where(inside, part, found[box])
    return found


def _torn(inside: Flags, axis: int, sign: int) -> Labels:
    """Part two joined lungs: erode until they fall apart, then give each voxel to the nearest."""
    from scipy import ndimage

    core = inside
    for _ in range(8):
        core = ndimage.binary_erosion(core)
        labels, _count = ndimage.label(core)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        first, second = np.argsort(sizes)[-2:][::-1] if sizes.size > 2 else (0, 0)
        if second and sizes[second] > 0.15 * sizes.sum():
            centres = ndimage.center_of_mass(core, labels, [first, second])
            first_left = (centres[0][axis] > centres[1][axis]) == (sign > 0)
            seeds = np.zeros(inside.shape, dtype=np.uint8)
            seeds[labels == first] = LEFT if first_left else RIGHT
            seeds[labels == second] = RIGHT if first_left else LEFT
            nearest: Any = ndimage.distance_transform_edt(
                seeds == 0, return_distances=False, return_indices=True
            )
            return np.where(inside, seeds[tuple(nearest)], np.uint8(0))
    return np.where(inside, np.uint8(UNPARTED), np.uint8(0))


def _closed(sides: Labels, filled: Flags, spacing: tuple[float, float, float]) -> Labels:
    """Close vessel notches and fill vessels, slice by slice, each lung for itself."""
    from scipy import ndimage

    found = sides.copy()
    margin = int(np.ceil(_CLOSING / min(spacing[1:]))) + 1
    for number in range(len(sides)):
        for label in np.unique(sides[number]):
            if label == 0:
                continue
            inside = np.pad(sides[number] == label, margin)
            near = ndimage.distance_transform_edt(~inside, sampling=spacing[1:]) <= _CLOSING
            deep = ndimage.distance_transform_edt(near, sampling=spacing[1:]) > _CLOSING
            whole = ndimage.binary_fill_holes(deep | inside)[margin:-margin, margin:-margin]
            free = (found[number] == 0) & filled[number]
            found[number][whole & free] = label
    return found


def _cut(mask: Labels, body: Body, upward: int) -> tuple[str, ...]:
    """Say which ends of the lungs are not in view."""
    area = np.count_nonzero(mask, axis=(1, 2))
    first, last = area[0] > _CUT * area.max(), area[-1] > _CUT * area.max()
    if upward < 0:
        first, last = last, first
    ends = (("bottom", first), ("top", last), ("sides", body.cut))
    return tuple(name for name, cut in ends if cut)


def _not_found(mask: Labels) -> tuple[str, ...]:
    """Say which lung was not found: collapsed, drowned, removed, or missed."""
    voxels = np.bincount(mask.ravel(), minlength=UNPARTED + 1)
    if voxels[UNPARTED]:
        return ()
    least = _ONE_LUNG * voxels[1:].sum()
    return tuple(n for n, label in (("right", RIGHT), ("left", LEFT)) if voxels[label] < least)
