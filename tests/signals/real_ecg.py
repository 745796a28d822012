"""Shared real recordings, opened by our own reader; tests skip where they are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent
from biolake.core.media import Recording

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
BEATS = frozenset("NLRaVFJASEj/QenfB?r")


def folder(name: str) -> Path:
    """Return a folder of shared data, or skip."""
    if not (SHARED / name).is_dir():
        pytest.skip("no shared data")
    return SHARED / name


def record(path: Path) -> Recording:
    """Open one WFDB record by its path without suffix."""
    from biolake.readers.wfdb import wfdb

    others = [p for p in path.parent.glob(path.name + ".*") if p.suffix != ".hea"]
    opened = wfdb.call(FileContent.of(path.with_suffix(".hea"), *others))
    assert isinstance(opened, Recording)
    return opened


def beat_times(recording: Recording) -> np.ndarray:
    """Return when the annotated beats are, in seconds."""
    (marks,) = recording.annotations.values()
    return np.array([mark.at for mark in marks if mark.symbol in BEATS])


def mistakes(truth: np.ndarray, found: np.ndarray, within: float = 0.15) -> tuple[int, int]:
    """Return false and missed beats after matching one to one in order of time."""
    i = j = hits = 0
    while i < len(truth) and j < len(found):
        gap = found[j] - truth[i]
        if abs(gap) <= within:
            hits, i, j = hits + 1, i + 1, j + 1
        elif gap < 0:
            j += 1
        else:
            i += 1
    return len(found) - hits, len(truth) - hits
