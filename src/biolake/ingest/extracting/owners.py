"""Whose each finding is and when it was true: the asset's subject and time, or its sample's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.ingest.extracting.due import DueAsset

NO_TIME = np.iinfo(np.int64).min
OF_NOBODY = "of no sample, in an asset that has no subject"
SAMPLE_WAITS = "its sample waits for its subject"
TIMELESS_NEEDED = "no time"


class Owned:
    """Findings as arrays: item, sample (-1: none), subject, begin and end in microseconds."""

    def __init__(self, assets: Sequence[DueAsset], findings: pa.Table) -> None:
        self.item = findings["item"].to_numpy().astype(np.int64)
        self.sample = _filled(findings["sample"], -1).astype(np.int64)
        self.timeless = _filled(findings["timeless"], False).astype(bool)
        self.at = _filled(findings["at"], 0.0)
        self.lasts = _filled(findings["lasts"], np.nan)
        counts = np.array([len(asset.samples) for asset in assets], dtype=np.int64)
        of = counts[self.item]
        self.known_sample = (self.sample >= -1) & (self.sample < of)
        place = self._places(counts)
        owners = [(a.subject_id, a.start) for a in assets]
        owners += [
            (subject, a.start if time is None else time)
            for a in assets
            for subject, time in a.samples
        ]
        subjects = pa.array([subject for subject, _ in owners], pa.int64())
        starts = np.array([NO_TIME if time is None else time for _, time in owners], np.int64)
        self.has_subject = subjects.is_valid().to_numpy(zero_copy_only=False)[place]
        self.subject = pc.fill_null(subjects, 0).to_numpy(zero_copy_only=False)[place]
        self._timed(starts[place])

    def _places(self, counts: np.ndarray) -> np.ndarray:
        """Return where each finding's owner stands: assets first, then their samples in order."""
        firsts = len(counts) + np.cumsum(counts) - counts
        sampled = (self.sample >= 0) & self.known_sample
        return np.asarray(np.where(sampled, firsts[self.item] + self.sample, self.item))

    def _timed(self, starts: np.ndarray) -> None:
        needs = ~self.timeless
        self.untimed = needs & (starts == NO_TIME)
        timed = needs & ~self.untimed
        with np.errstate(invalid="ignore"):
            seconds = np.stack([self.at, np.where(np.isnan(self.lasts), 0.0, self.lasts)])
            self.possible = (np.isfinite(seconds) & (np.abs(seconds) < _LONGEST)).all(axis=0)
            self.possible &= seconds[1] >= 0
            spans = np.rint(np.where(self.possible, seconds, 0.0) * 1e6).astype(np.int64)
        begin = np.where(timed, starts, 0) + spans[0]
        end = begin + spans[1]
        self.timed = timed
        self.begin = np.where(timed, begin, NO_TIME)
        self.end = np.where(timed & ~np.isnan(self.lasts), end, NO_TIME)
        self.last = np.where(timed, end, 0)

    @property
    def kept(self) -> np.ndarray:
        """Mark the findings that become events."""
        return np.asarray(self.has_subject & ~self.untimed)

    def left_out(self) -> dict[str, np.ndarray]:
        """Return, by reason, the findings that become no event."""
        nobody = ~self.has_subject
        return {
            SAMPLE_WAITS: nobody & (self.sample >= 0),
            OF_NOBODY: nobody & (self.sample < 0),
            TIMELESS_NEEDED: self.has_subject & self.untimed,
        }


_LONGEST = 1e12  # seconds: beyond all years that can be said


def _filled(column: pa.ChunkedArray, value: object) -> np.ndarray:
    return np.asarray(pc.fill_null(column, value).to_numpy(zero_copy_only=False))
