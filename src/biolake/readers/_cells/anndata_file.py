"""AnnData's HDF5 files (.h5ad), from the first layout to today's, read without AnnData."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.readers._cells.assembling import Candidate, Read, Sheet, assembled
from biolake.readers._cells.frames import frame
from biolake.readers._cells.hdf5 import attribute, dataset, guarded, needs_hdf5, opened
from biolake.readers._cells.matrices import Stored, dense, encoded

_COUNTS = ("counts", "raw_counts", "count", "umi_counts", "umis", "raw")
_PLACES = ("spatial", "X_spatial")


@needs_hdf5
def read_anndata(path: Path) -> Read:
    """Read a file; raises `SourceUnreadable`."""
    with opened(path) as file:
        sheet = guarded(_sheet, path, file)
    return guarded(assembled, sheet)


def _sheet(path: Path, file: Any) -> Sheet:
    if "mod" in file and "X" not in file:
        raise SourceUnreadable("it is MuData, of several matrices: write each as .h5ad of its own")
    if not {"X", "obs", "var"} <= set(file):
        missing = ", ".join(name for name in ("X", "obs", "var") if name not in file)
        raise SourceUnreadable(f"it is no AnnData file: it has no {missing}")
    notes: list[str] = []
    main = encoded(path, file, "X")
    obs = frame(file, "obs", main.shape[0], notes)
    var = frame(file, "var", main.shape[1], notes)
    candidates = [Candidate("X", main, var), *_layers(path, file, var), *_raw(path, file, notes)]
    for other in candidates[1:]:
        if other.matrix.shape[0] != main.shape[0]:
            raise SourceUnreadable(
                f"{other.where} has {other.matrix.shape[0]:,} cells, X {main.shape[0]:,}:"
                " they do not fit"
            )
    places = _places(file, main.shape[0])
    attributes = {"format": _version(file), **_slide(file)}
    log1p = "uns/log1p" in file
    return Sheet(candidates, obs, log1p, places, attributes, tuple(notes))


def _version(file: Any) -> str:
    version = attribute(file, "encoding-version")
    return f"AnnData {version}" if version else "AnnData, legacy"


def _layers(path: Path, file: Any, var: pa.Table) -> list[Candidate]:
    names = [name for name in _COUNTS if f"layers/{name}" in file]
    return [
        Candidate(f"layers['{name}']", encoded(path, file, f"layers/{name}"), var) for name in names
    ]


def _raw(path: Path, file: Any, notes: list[str]) -> list[Candidate]:
    """Describe `raw`, which may have more features than X; `raw.X` in old files."""
    for matrix, table in (("raw/X", "raw/var"), ("raw.X", "raw.var")):
        if matrix in file and table in file:
            found: Stored = encoded(path, file, matrix)
            return [Candidate("raw.X", found, frame(file, table, found.shape[1], notes))]
    return []


def _places(file: Any, cells: int) -> np.ndarray | None:
    """Return the coordinates in `obsm`, in the file's own unit (pixels, or micrometres)."""
    for name in _PLACES:
        if f"obsm/{name}" not in file:
            continue
        found = dense(Path(), dataset(file["obsm"], name, dimensions=2))
        if found.shape[0] != cells or found.shape[1] < 2:
            raise SourceUnreadable(f"obsm['{name}'] does not fit the {cells:,} cells")
        places = np.asarray(file[f"obsm/{name}"][:, :2], dtype=np.float64)
        if not np.isfinite(places).all():
            row = int((~np.isfinite(places).all(axis=1)).argmax())
            raise SourceUnreadable(f"obsm['{name}']: the place of cell {row + 1:,} is no number")
        return places
    return None


def _slide(file: Any) -> dict[str, Any]:
    """Return the scale factors and chemistry of a Visium slide, where there is one."""
    import h5py

    slides = file.get("uns/spatial")
    if not isinstance(slides, h5py.Group) or len(slides) != 1:
        return {}
    (slide,) = slides.values()
    told: dict[str, Any] = {}
    if "scalefactors" in slide:
        factors = slide["scalefactors"]
        told["scale_factors"] = {n: _number(factors[n]) for n in factors if factors[n].shape == ()}
    if "metadata/chemistry_description" in slide:
        value = slide["metadata/chemistry_description"][()]
        told["chemistry"] = value.decode() if isinstance(value, bytes) else str(value)
    return told


def _number(found: Any) -> float | None:
    value = float(found[()])
    return round(value, 6) if np.isfinite(value) else None
