"""What an analysis may ask of the engine that runs it: samples, a seed, progress. Nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

Split = Literal["train", "tuning", "held_out"]


@dataclass(frozen=True)
class Samples:
    """The samples of a study as of their index time: one row a (subject, index time).

    `values` is dense, samples × columns, NaN where missing. `outcome` is 0/1 (NaN unknown);
    `duration` in days with `observed` 0 censored, 1 event, 2 and more competing events.
    `variables` are the plain columns for description (age, sex …) by name: float or string arrays.
    """

    subject_id: np.ndarray
    index_time: np.ndarray  # microseconds since 1970
    columns: Sequence[str]
    values: np.ndarray
    outcome: np.ndarray | None = None
    duration: np.ndarray | None = None
    observed: np.ndarray | None = None
    split: np.ndarray | None = None  # of Split
    site: np.ndarray | None = None
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)  # subgroup variable → labels
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.subject_id)


class Context(Protocol):
    """The engine's side of an analysis: what it hands out is already as of the index time."""

    seed: int
    threads: int

    def samples(self, *splits: Split) -> Samples:
        """Return the samples of these splits; `held_out` only while a study is evaluated."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Tell how far the work is; raises when the person cancelled it."""
