"""A region's surface as triangles: marching cubes on a mask (Lorensen & Cline, SIGGRAPH 1987).

Every corner is in or out, so a vertex lies in the middle of an edge and each of the 256 cases of a
cube has one fixed set of triangles: area and volume are sums over how often each case comes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biolake.core.compiled import compiled

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The triangles of the cases with corner 7 out, three edges (hexadecimal) each: Bourke's published
# table (Polygonising a scalar field, 1994), in the order of triangles that pyradiomics uses. A case
# with corner 7 in is its complement turned inside out.
_TABLE = """
- 083 190 183198 12a 08312a 92a029 2832a8a98 b23 b2008b 190b23 b2119b98b 3a1ba3 a1008a8ba
9033b9ba9 98aba8 478 043473 190478 194147173 12a478 34730412a 92a902478 2a9297273479 478b23
b47b24204 190478b23 47b94bb29192 3a1ba3478 ba114b10447b 4789033b9ba9 47b4b99ba 954 954083
054015 854835315 12a954 08312a954 2a5542240 2a5325354834 954b23 b2008b954 054015b23
215258b28548 3a1ba3954 549a1008a8ba 54050ba5bb03 548a58ba8 789579 309539357 780017715 157173
78957912a 12a309395357 0288258572a5 2a5253357 579789b23 579972209b27 b23018178157 21b17b157
7895793a1ba3 5705097b0a10ba0 ba003ba50078570 ba557b 65a 08365a 19065a 18319865a 165126
165126083 965906026 598582526832 b2365a b2008b65a 190b2365a b2119b98b65a 63b653513
08b0b50515b6 63b036065059 65969bb98 47865a 04347365a 19047865a 19414717365a 478165126
043473165126 478965906026 739479329596269 b2347865a b47b2420465a 190b2347865a
47b94bb2919265a 47863b653513 51b5b610b47b04b 47863b036065059 65969b4797b9 a4964a a4964a083
01aa60640 18316886461a 149124264 149124264083 024426 832824426 b23a4964a b2008ba4964a
b2301aa60640 64161a148b2118b 964369139b63 18b081b61149641 63b036640 86468b 67a78a89a
67a0a709a073 67a1a7178018 67a1a7173 126168189678 269129679309739 078706602 273267
b2367a78a89a 207b2709767a9a7 67a1a7178018b23 b2117ba61167 896678169b63136 09167b
07870603bb60 67b
"""
_TRIANGLES = _TABLE.split()

# Corner 0 to 7 of a cube as (slice, row, column) steps, and the middles of its edges 0 to 11.
_CORNERS = np.array(
    [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0)],
    dtype=np.int64,
)
_ENDS = np.array(
    [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)]
)
_MIDDLES = _CORNERS[_ENDS].mean(axis=1)


def area_and_volume(inside: Flags, spacing: tuple[float, float, float]) -> tuple[float, float]:
    """Return a mask's mesh surface (mm2) and the volume it encloses (mm3).

    The mask needs an empty rim. Volume is summed over tetrahedra from the corner of the mask.
    """
    met, signed, corners = _cases(inside, _CORNERS)
    scale = np.asarray(spacing, dtype=np.float64)
    area = volume = 0.0
    for case in np.flatnonzero(met):
        edges = _TRIANGLES[case].strip("-")
        points = _MIDDLES[[int(edge, 16) for edge in edges]].reshape(-1, 3, 3)
        a, b, c = points[:, 0], points[:, 1], points[:, 2]
        faces = np.cross((a - c) * scale, (b - c) * scale)
        area += met[case] * 0.5 * np.sqrt((faces**2).sum(axis=1)).sum()
        around = (np.cross(a, b) + np.cross(b, c) + np.cross(c, a)).sum(axis=0)
        volume += signed[case] * np.linalg.det(points).sum() + corners[case] @ around
    return float(area), float(volume * scale.prod() / 6.0)


@compiled
def _cases(
    inside: Flags, steps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return how often each case comes, that with its sign, and its signed sum of corners."""
    met = np.zeros(128, dtype=np.int64)
    signed = np.zeros(128, dtype=np.int64)
    corners = np.zeros((128, 3), dtype=np.float64)
    for z in range(inside.shape[0] - 1):
        for y in range(inside.shape[1] - 1):
            for x in range(inside.shape[2] - 1):
                case = 0
                for corner in range(8):
                    if inside[z + steps[corner, 0], y + steps[corner, 1], x + steps[corner, 2]]:
                        case |= 1 << corner
                sign = 1
                if case >= 128:
                    case, sign = 255 - case, -1
                if case == 0:
                    continue
                met[case] += 1
                signed[case] += sign
                corners[case, 0] += sign * z
                corners[case, 1] += sign * y
                corners[case, 2] += sign * x
    return met, signed, corners


def surface_points(inside: Flags) -> NDArray[np.int32]:
    """Return the mesh's vertices in half voxels (points × 3): the middle of every crossed edge."""
    found = []
    for axis in range(3):
        crossed = np.argwhere(np.diff(inside, axis=axis)).astype(np.int32) * 2
        crossed[:, axis] += 1
        found.append(crossed)
    return np.concatenate(found)
