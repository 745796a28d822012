"""A CT made small enough to work on, and the body in it: without the table, holes filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from biolake.core.errors import DataRefused
from biolake.core.media import Volume

Flags = NDArray[np.bool_]
Cell = TypeVar("Cell", bound=np.generic)

AIR = -400.0  # HU: between lung (about −850) and soft tissue (about 40)
_FINEST, _COARSEST = 0.05, 20.0  # mm
_FINE = 1.5  # mm: voxels finer than this are averaged in blocks
_TABLE = 3.0  # mm: what a table's shell or a blanket is thinner than, and the chest wall is not
_PADDING = -1500.0  # HU: below lies what scanners write outside their circle
_LUNG_LIKE = (-900.0, -500.0)
_MOST_LUNG_OUTSIDE = 0.3


@dataclass(frozen=True)
class Coarse:
    """A CT averaged over blocks of `step` voxels; the index axes still run as in the original."""

    hu: NDArray[np.float32]
    step: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: NDArray[np.float64]

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing) / 1000.0)

    @property
    def upward(self) -> int:
        """1 when slices run from feet to head, −1 when the other way."""
        return 1 if self.axes[0][2] >= 0 else -1

    def leftward(self) -> tuple[int, int]:
        """Return the index axis nearest the patient's left-right line, and 1 if it runs left."""
        along = self.axes[:, 0]
        axis = int(np.argmax(np.abs(along)))
        return axis, 1 if along[axis] >= 0 else -1


@dataclass(frozen=True)
class Body:
    """The body with all that it encloses; `cut` when lung reaches the picture's sides."""

    filled: Flags
    cut: bool


def coarse(volume: Volume) -> Coarse:
    """Average blocks so that no voxel is much finer than 1.5 mm: bounded memory, less noise.

    Raises DataRefused for a volume without voxels, or whose spacing cannot be.
    """
    if volume.voxels.ndim != 3 or volume.voxels.size == 0:
        raise DataRefused("A volume of slices, rows and columns is needed.")
    if not all(_FINEST <= spacing <= _COARSEST for spacing in volume.spacing):
        raise DataRefused(f"Voxels of {_FINEST:g} to {_COARSEST:g} mm are needed.")
    z, y, x = (max(1, int(_FINE / spacing + 0.2)) for spacing in volume.spacing)
    voxels = volume.voxels
    slices, rows, columns = (max(n // s, 1) for n, s in zip(voxels.shape, (z, y, x), strict=True))
    found = np.empty((slices, rows, columns), dtype=np.float32)
    for number in range(slices):
        block = voxels[number * z : (number + 1) * z, : rows * y, : columns * x]
        blocks = block.reshape(len(block), rows, y, columns, x)
        found[number] = blocks.mean(axis=(0, 2, 4), dtype=np.float32)
    np.nan_to_num(found, copy=False, nan=-1024.0)
    spacing = tuple(s * d for s, d in zip((z, y, x), volume.spacing, strict=True))
    return Coarse(found, (z, y, x), (spacing[0], spacing[1], spacing[2]), volume.axes)


def spread(
    section: NDArray[Cell], step: tuple[int, int, int], shape: tuple[int, ...]
) -> NDArray[Cell]:
    """Return one coarse slice's mask on the rows × columns of the original volume's `shape`."""
    down = np.minimum(np.arange(shape[-2]) // step[1], section.shape[0] - 1)
    across = np.minimum(np.arange(shape[-1]) // step[2], section.shape[1] - 1)
    return section[np.ix_(down, across)]


def body_of(small: Coarse) -> Body:
    """Find the largest piece of tissue thicker than a table's shell, and fill it slice by slice."""
    from scipy import ndimage

    tissue = small.hu > AIR
    rounds = max(1, round(_TABLE / min(small.spacing[1:])))
    flat = ndimage.generate_binary_structure(2, 1)[None]
    thick = ndimage.binary_erosion(tissue, flat, iterations=rounds, border_value=1)
    labels, count = ndimage.label(thick)
    if count == 0:
        return Body(np.zeros(tissue.shape, dtype=np.bool_), cut=False)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    main = labels == int(sizes.argmax())
    main = ndimage.binary_dilation(main, flat, iterations=rounds + 1) & tissue
    around = _border_connected(~main)
    outside = around & (small.hu > _PADDING)
    low, high = _LUNG_LIKE
    lung_like = outside & (small.hu > low) & (small.hu < high)
    share = int(np.count_nonzero(lung_like)) / max(int(np.count_nonzero(outside)), 1)
    return Body(~around, cut=bool(share > _MOST_LUNG_OUTSIDE))


def _border_connected(free: Flags) -> Flags:
    """Return what, slice by slice, is connected with the slice's border."""
    from scipy import ndimage

    flat = np.zeros((3, 3, 3), dtype=np.bool_)
    flat[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(free, flat)
    touched = np.zeros(count + 1, dtype=np.bool_)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        touched[np.unique(edge)] = True
    touched[0] = False
    return np.asarray(touched[labels])
