"""Keep a fitted model as two plain files, numbers and facts; nothing in them is executed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from biolake.core.errors import DataRefused
from biolake.learning.methods.contract import Fitted
from biolake.learning.methods.known import method_named
from biolake.learning.models import read_json, write_json

FORMAT = "biolake-diagnosis/1"
_MOST_BYTES = 1 << 30  # of one model once unpacked


def save_fitted(fitted: Fitted, method: str, folder: Path, name: str = "model") -> None:
    """Write `name`.npz (compressed numbers) and `name`.json (what they are)."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f"{name}.npz", allow_pickle=False, **fitted.arrays())
    write_json(
        folder / f"{name}.json", {"format": FORMAT, "method": method, "facts": fitted.facts()}
    )


def load_fitted(folder: Path, name: str = "model") -> Fitted:
    """Read a model back; refuses other formats, damaged files and pickled content."""
    said = read_json(folder / f"{name}.json", "model")
    if said.get("format") != FORMAT:
        raise DataRefused(
            f"the model's format is not {FORMAT}",
            where=str(folder / f"{name}.json"),
            next="Read it with the Biolake release that wrote it.",
        )
    try:
        return method_named(said["method"]).restore(said["facts"], _arrays(folder / f"{name}.npz"))
    except (KeyError, TypeError, IndexError, AttributeError):
        raise DataRefused("the model's files do not fit together", where=str(folder)) from None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                raise DataRefused("the model's numbers are larger than 1 GiB", where=str(path))
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        raise DataRefused("the model's numbers cannot be read", where=str(path)) from None
