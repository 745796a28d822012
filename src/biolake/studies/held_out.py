"""The held-out outcomes of a run: shut while models are made, opened by its evaluation."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import numpy as np

from biolake.cohorts import held_out, splits
from biolake.core.errors import NotPermitted
from biolake.lake.lake import Lake
from biolake.studies.population import Members
from biolake.studies.splitting import Deal, label_table


@dataclass
class HeldOut:
    """The members of one deal under the lake's lock of this name.

    Until `open` was called nothing tells what became of the held-out ones.
    """

    lake: Lake
    name: str
    members: Members
    deal: Deal
    _opened: bool = field(default=False, repr=False)

    def lock(self) -> None:
        """Fix who is held out; other subjects under the same name are refused."""
        held_out.lock(self.lake, self.name, self.deal.table)

    def part(self, *names: str) -> Members:
        """Return the members of these splits; `held_out` only once it has been opened."""
        shut = not self._opened and len(self.deal.rows(splits.HELD_OUT)) > 0
        if splits.HELD_OUT in names and shut:
            raise NotPermitted(
                "the held-out outcomes are locked until the models are fixed",
                next="They are opened by the evaluation of the study.",
            )
        return self.members.take(self.deal.rows(*names))

    def open(self, purpose: str) -> None:
        """Open the held-out outcomes through the lake's door, which records who asked and why."""
        labels = held_out.labels_for(
            self.lake,
            self.name,
            splits.HELD_OUT,
            purpose,
            labels=label_table(self.members),
            splits=self.deal.table,
        )
        self._opened = labels is not None

    def train_subjects(self) -> np.ndarray:
        return np.unique(self.members.subject_id[self.deal.rows(splits.TRAIN)])


def lock_name(study_id: str, commit: int, site: str = "") -> str:
    """Name the lock of a study at a commit: what is held out there is fixed by its first run."""
    words = [study_id, f"c{commit}", *([f"without-{site}"] if site else [])]
    name = re.sub(r"[^a-z0-9_-]", "-", "-".join(words).lower())
    if len(name) <= 63 and name[0].isalnum():
        return name
    return f"study-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
