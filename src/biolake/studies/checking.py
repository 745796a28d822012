"""Look before anything is fitted: who is in, how many events to learn from, is that enough."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biolake.cohorts.splits import NAMES
from biolake.core.catalogue import Catalogue
from biolake.lake.door import Access, View, open_view
from biolake.lake.lake import Lake, actor
from biolake.studies.binding import bind
from biolake.studies.dataset import build_dataset
from biolake.studies.definition import Study
from biolake.studies.gathering import gather, sizing
from biolake.studies.held_out import HeldOut, lock_name
from biolake.studies.population import Step
from biolake.studies.sizing import Sizing
from biolake.studies.splitting import deals, everyone

PURPOSE = "study check"


@dataclass(frozen=True)
class StudyCheck:
    """What a study would work with. Events are of train and tuning: no held-out label is read."""

    commit: int
    attrition: tuple[Step, ...]
    samples: int
    subjects: int
    split: dict[str, int]
    events: int
    columns: int
    sizing: Sizing
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what to print."""
        steps = [
            f"{step.samples:>9,} samples of {step.subjects:,} subjects after {step.step}"
            for step in self.attrition
        ]
        parts = ", ".join(f"{name} {count:,}" for name, count in self.split.items())
        return [
            *steps,
            f"split: {parts}",
            f"events in train and tuning: {self.events:,}; feature columns: {self.columns:,}",
            f"events per variable in train: {self.sizing.events_per_variable:.2f}",
            f"sample size: {self.sizing.verdict}",
            *(f"note: {note}" for note in self.notes),
        ]


def check_study(
    lake: Lake,
    study: Study,
    catalogue: Catalogue | None = None,
    *,
    at: int | None = None,
    threads: int = 1,
) -> StudyCheck:
    """Build the population and the features, and judge the sample size; fit nothing.

    Raises StudyInvalid where an analysis is wrong (with a catalogue), DataRefused when nobody is
    left in the cohort.
    """
    fits = catalogue is None or any(call.fits for call in bind(study, catalogue))
    access = Access(actor(), PURPOSE)
    with (
        open_view(lake, study.commit if at is None else at, access=access) as view,
        tempfile.TemporaryDirectory(prefix="biolake-check-") as scratch,
    ):
        return _checked(view, study, Path(scratch) / "features", threads, fits)


def _checked(view: View, study: Study, scratch: Path, threads: int, fits: bool) -> StudyCheck:
    gathered = gather(view, study)
    members = gathered.enrolled.members
    # A study that only describes needs no split: everybody is described.
    deal = next(deals(view, members, study.split)) if fits else everyone(members)
    name = lock_name(study.about.id, view.commit.number, deal.name)
    door = HeldOut(view.lake, name, members, deal)
    train = door.train_subjects()
    dataset = build_dataset(
        view, study.features, members, scratch, train_subjects=train, threads=threads
    )
    return StudyCheck(
        commit=view.commit.number,
        attrition=gathered.enrolled.attrition,
        samples=len(members),
        subjects=len(np.unique(members.subject_id)),
        split={name: len(deal.rows(name)) for name in NAMES},
        events=int(np.nansum(door.part("train", "tuning").outcome)),
        columns=len(dataset.columns),
        sizing=sizing(door, dataset),
        notes=(*gathered.enrolled.notes, *dataset.notes),
    )
