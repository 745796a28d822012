"""The shared CTs and masks, read as plainly as their headers allow."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "ct_chest"
shared = pytest.mark.skipif(not DATA.exists(), reason="no shared data")


def nifti(name: str) -> tuple[np.ndarray, float, np.ndarray]:
    """Return slices × rows × columns, the spacing, and the axes in LPS, of a simple NIfTI file."""
    data = gzip.decompress((DATA / name).read_bytes())
    columns, rows, slices = struct.unpack("<3h", data[42:48])
    (kind,) = struct.unpack("<h", data[70:72])
    (start,) = struct.unpack("<f", data[108:112])
    affine = np.array(struct.unpack("<12f", data[280:328])).reshape(3, 4)[:, :3]
    voxels = np.frombuffer(data, {2: np.uint8, 4: np.int16}[kind], offset=int(start))
    spacing = float(np.abs(affine[2, 2]))
    axes = (affine.T / spacing * (-1, -1, 1))[::-1]
    return voxels.reshape(slices, rows, columns), spacing, axes
