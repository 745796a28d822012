"""Chest CTs of a phantom in Hounsfield units, with lungs, emphysema and opacities of known size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.testing.hospital.dicom_files import CT_STORAGE, Element, pixel_elements

SIDE, SLICES = 112, 32
SPACING, BETWEEN = 3.1, 10.0  # mm in the slice, between slices
FINER = 2
"""Drawn this much finer in the slice, then averaged: edges are partly filled, as in scanners."""
AIR, LUNG, TISSUE, FAT, BONE = -1000.0, -860.0, 40.0, -95.0, 420.0
EMPHYSEMA, GLASS, CONSOLIDATION = -985.0, -520.0, 20.0
NOISE = 12.0  # HU


@dataclass(frozen=True)
class Lungs:
    """What a CT shows of the lungs: their size, and the shares that are emphysema or opaque."""

    size: float = 1.0
    emphysema: float = 0.0
    glass: float = 0.0
    consolidation: float = 0.0


@dataclass(frozen=True)
class Scan:
    """A CT as drawn (slice from the feet × row × column, HU), and what is true of its lungs.

    Shares are of the lungs, counted by density in the scan itself, in voxels that lie wholly in the
    lungs: half-filled ones at the edge look like ground glass and are none.
    """

    voxels: np.ndarray
    volume: float  # mL
    emphysema: float  # below -950 HU
    glass: float  # from -750 to -300 HU
    consolidation: float  # from -300 to 50 HU


def draw_scan(rng: np.random.Generator, lungs: Lungs) -> Scan:
    """Draw one chest, from below the lungs to above them."""
    step = SPACING / FINER
    line = (np.arange(SIDE * FINER) - (SIDE * FINER - 1) / 2) * step
    height = (np.arange(SLICES) - (SLICES - 1) / 2) * BETWEEN
    z, y, x = np.meshgrid(height, line, line, indexing="ij", sparse=True)
    hu = _body(x, y, z)
    inside = _lungs(x, y, z, lungs.size)
    hu = np.where(inside, LUNG + 12 * np.sin(x / 31 + y / 23 + z / 40), hu)
    for value, share in (
        (EMPHYSEMA, lungs.emphysema),
        (GLASS, lungs.glass),
        (CONSOLIDATION, lungs.consolidation),
    ):
        hu = _filled(rng, hu, x, y, z, inside, value, share, lungs.size)
    hu = np.where(_vessels(x, y, z) & inside & (hu < -700), 30.0, hu)
    hu = np.where(_trachea(x, y, z), AIR, hu)
    voxels = _averaged(hu) + rng.normal(0, NOISE, (SLICES, SIDE, SIDE))
    return _measured(np.round(voxels).astype(np.int16), _averaged(inside.astype(float)))


def _ball(x: np.ndarray, y: np.ndarray, z: np.ndarray, *at: float) -> np.ndarray:
    """Return the squared distance from a centre in half axes: below 1 is inside."""
    cx, cy, cz, rx, ry, rz = at
    return np.asarray(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2)


def _body(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Draw the chest without its lungs: skin fat, muscle, ribs and spine, air around."""
    shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
    across = (x / 165) ** 2 + (y / 115) ** 2 + 0 * z
    hu = np.where(across < 1, FAT, AIR)
    hu = np.where((x / 153) ** 2 + (y / 103) ** 2 + 0 * z < 1, TISSUE, hu)
    shell = (x / 143) ** 2 + (y / 96) ** 2
    rib = (np.abs(shell - 1) < 0.05) & (np.cos(2 * np.pi * (z - 0.25 * y) / 36) > 0.6)
    hu = np.where(rib, BONE, hu)
    spine = (x / 17) ** 2 + ((y - 72) / 17) ** 2 < 1
    return np.asarray(np.where(np.broadcast_to(spine, shape), BONE - 150, hu))


def _lungs(x: np.ndarray, y: np.ndarray, z: np.ndarray, size: float) -> np.ndarray:
    """Say where lung is: two domes over the diaphragm, hollowed by heart and mediastinum."""
    tall = 118 * size ** (1 / 3)
    found = _ball(x, y, z, -68, 0, 0, 54, 82, tall) < 1
    found |= _ball(x, y, z, 68, 0, 0, 54, 82, tall) < 1
    found &= np.abs(x) > 17
    found &= _ball(x, y, z, 28, -28, -30, 52, 50, 62) > 1
    # The diaphragm bulges into each base.
    found &= _ball(x, y, z, -68, 0, -128, 62, 90, 52) > 1
    return np.asarray(found & (_ball(x, y, z, 68, 0, -128, 62, 90, 46) > 1))


def _trachea(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.asarray((x / 9) ** 2 + ((y - 5) / 9) ** 2 + 0 * z < 1) & (z > 45)


def _vessels(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Say where the larger vessels run: spokes from each hilum, thinner outwards."""
    found = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.bool_)
    for side in (-1, 1):
        for dx, dy, dz in ((1, 0.3, 0.9), (1, -0.5, 0.4), (1, 0.5, -0.5), (0.6, 0.9, 0.1)):
            away = np.array([side * dx, dy, dz]) / np.linalg.norm([dx, dy, dz])
            px, py, pz = x - side * 30, y, z - 5
            along = px * away[0] + py * away[1] + pz * away[2]
            off = px**2 + py**2 + pz**2 - along**2
            found |= (off < (5.5 - along / 22) ** 2) & (along > 0) & (along < 70)
    return found


def _filled(
    rng: np.random.Generator,
    hu: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    inside: np.ndarray,
    value: float,
    share: float,
    size: float,
) -> np.ndarray:
    """Give round parts of the lungs another density until they make up this share.

    They keep off the lungs' surface: what reaches the chest wall cannot be told from it.
    """
    core = inside & _lungs(x * 1.12, y * 1.12, z * 1.1, size) & (np.abs(x) > 32)
    core &= _ball(x, y, z, 28, -28, -30, 66, 64, 76) > 1
    wanted = share * inside.sum()
    done = 0
    for _ in range(60):
        if done >= wanted:
            break
        at = rng.uniform((-100, -55, -55), (100, 55, 85))
        ball = (_ball(x, y, z, *at, 17, 17, 17) < 1) & core & (hu < -700) & (hu > -930)
        done += int(ball.sum())
        hu = np.where(ball, value, hu)
    return hu


def _averaged(fine: np.ndarray) -> np.ndarray:
    blocks = fine.reshape(len(fine), SIDE, FINER, SIDE, FINER)
    return np.asarray(blocks.mean(axis=(2, 4)))


def _measured(voxels: np.ndarray, lung: np.ndarray) -> Scan:
    seen = voxels[lung > 1 - 1e-6]
    shares = [
        float(((seen >= low) & (seen < high)).mean())
        for low, high in ((-2000, -950), (-750, -300), (-300, 50))
    ]
    millilitres = float(lung.sum() * SPACING**2 * BETWEEN / 1000)
    return Scan(voxels, millilitres, *shares)


def slice_elements(scan: Scan, number: int, series: str, frame: str) -> tuple[str, list[Element]]:
    """Return the SOP class and the elements of one slice, stored as HU + 1024 (PS3.3 A.3)."""
    corner = -(SIDE - 1) / 2 * SPACING
    height = (number - (SLICES - 1) / 2) * BETWEEN
    stored = np.clip(scan.voxels[number].astype(np.int32) + 1024, 0, 4095).astype(np.uint16)
    return CT_STORAGE, [
        (0x00080008, "CS", ("ORIGINAL", "PRIMARY", "AXIAL")),
        (0x00080060, "CS", "CT"),
        (0x00080070, "LO", "Biolake"),
        (0x00081090, "LO", "Phantom CT"),
        (0x00180015, "CS", "CHEST"),
        (0x00180050, "DS", BETWEEN),
        (0x00180060, "DS", 120),
        (0x00181210, "SH", "SOFT"),
        (0x00185100, "CS", "HFS"),
        (0x0020000E, "UI", series),
        (0x00200011, "IS", 2),
        (0x00200012, "IS", 1),
        (0x00200013, "IS", number + 1),
        (0x00200032, "DS", (corner, corner, height)),
        (0x00200037, "DS", (1, 0, 0, 0, 1, 0)),
        (0x00200052, "UI", frame),
        (0x00201040, "LO", ""),
        (0x00280030, "DS", (SPACING, SPACING)),
        (0x00281050, "DS", -600),
        (0x00281051, "DS", 1500),
        (0x00281052, "DS", -1024),
        (0x00281053, "DS", 1),
        (0x00281054, "LO", "HU"),
        *pixel_elements(stored, 12),
    ]
