"""Whether lungs that were found look whole: as large as each other, without pieces bitten out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.imaging.lungs import LEFT, RIGHT, UNPARTED, Lungs

# Left beside right in volume: 0.8 to 0.9 in health, as the heart lies left.
_LEFT_TO_RIGHT = (0.65, 1.1)
_MOST_BITTEN = 0.06  # of a lung; a whole one's outer edge, ribs and steps included, is below 0.03
_SMALLEST = 50  # voxels of a lung in a slice: a smaller outline is steps, not shape


def doubts(lungs: Lungs) -> tuple[str, ...]:
    """Return why the lungs may be found in part only; empty when they look whole.

    Dense tissue at the chest wall makes a lung small, or bites into its outer edge. What is as
    large on both sides and leaves smooth edges, or is small, is not noticed.
    """
    if lungs.volume_of(UNPARTED) or not (lungs.volume_of(LEFT) and lungs.volume_of(RIGHT)):
        return ("right and left lung were not told apart",)
    found = []
    ratio = lungs.volume_of(LEFT) / lungs.volume_of(RIGHT)
    if not _LEFT_TO_RIGHT[0] <= ratio <= _LEFT_TO_RIGHT[1]:
        found.append(f"left lung has {ratio:.2f} of the right one's volume")
    for name, share in zip(("right", "left"), _bitten(lungs.mask), strict=True):
        if share > _MOST_BITTEN:
            found.append(f"outer edge of the {name} lung is hollow by {share:.2f} of its volume")
    return tuple(found)


def _bitten(mask: NDArray[np.uint8]) -> tuple[float, float]:
    """Return how much is missing at the outer edge of right and left lung, as shares of them."""
    centres = np.array([np.argwhere(mask == label).mean(axis=0)[1:] for label in (RIGHT, LEFT)])
    axis = int(np.abs(centres[1] - centres[0]).argmax())
    across = mask if axis == 1 else mask.transpose(0, 2, 1)
    right, left = (float(centre) for centre in centres[:, axis])
    middle = round((right + left) / 2)
    low, high = across[:, :, :middle][:, :, ::-1], across[:, :, middle:]
    sides = {RIGHT: high, LEFT: low} if right > left else {RIGHT: low, LEFT: high}
    return _hollow(sides[RIGHT] == RIGHT), _hollow(sides[LEFT] == LEFT)


def _hollow(lung: NDArray[np.bool_]) -> float:
    """Return what the outlines of one lung lack to be convex outwards, as a share of it.

    Columns run outwards from the body's middle. All that lies inwards of lung counts as filled:
    heart and vessels hollow the inner edge of every lung.
    """
    lacking = 0.0
    for section in lung:
        if np.count_nonzero(section) >= _SMALLEST:
            rows = np.flatnonzero(section.any(axis=1))
            outer = section.shape[1] - section[rows, ::-1].argmax(axis=1)
            lacking += _hull_area(rows, outer) - float(outer.sum())
    return lacking / max(int(np.count_nonzero(lung)), 1)


def _hull_area(rows: NDArray[np.intp], outer: NDArray[np.intp]) -> float:
    """Return the area of the convex hull of rows filled from 0 to `outer`."""
    from scipy.spatial import ConvexHull

    ends = [
        (row + side, reach)
        for row, end in zip(rows, outer, strict=True)
        for side in (0, 1)
        for reach in (0, end)
    ]
    return float(ConvexHull(np.asarray(ends, dtype=np.float64)).volume)
