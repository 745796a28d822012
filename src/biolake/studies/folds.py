"""One deal of the samples, worked through: features, models on train, then what they foretell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from biolake.cohorts.held_out import EVALUATION
from biolake.core.result import Result
from biolake.lake.door import View
from biolake.learning.fitting import Fitted
from biolake.learning.hazards import FollowUp
from biolake.learning.models import Model
from biolake.statistics.columns import Floats
from biolake.studies.binding import Call
from biolake.studies.context import StudyContext
from biolake.studies.dataset import Dataset, build_dataset
from biolake.studies.definition import Study
from biolake.studies.held_out import HeldOut, lock_name
from biolake.studies.metrics import Judged
from biolake.studies.population import Members
from biolake.studies.splitting import Deal
from biolake.studies.survival_metrics import JudgedTimes


@dataclass(frozen=True)
class Cast:
    """Everyone of the study, and what they are described and grouped by."""

    members: Members
    variables: Mapping[str, np.ndarray]
    groups: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Fold:
    """What one deal gave: its features, its models, and the locked outcomes."""

    deal: Deal
    door: HeldOut
    dataset: Dataset
    context: StudyContext
    answers: tuple[tuple[Call, Result], ...]

    @property
    def fitted(self) -> Sequence[Fitted]:
        return self.context.fitted

    def held_out(self, model: Model, threads: int) -> Judged | JudgedTimes:
        """Return a model's risks for the held-out samples beside what came of them."""
        return self.judged(model, "held_out", threads)

    def judged(self, model: Model, split: str, threads: int) -> Judged | JudgedTimes:
        members, rows = self.door.part(split), self.deal.rows(split)
        risk = model.predict(self.dataset.values[rows], threads)
        return judge(members, risk, model.horizon)


def work(
    view: View, study: Study, cast: Cast, deal: Deal, calls: Sequence[Call], folder: Path,
    threads: int,
) -> Fold:  # fmt: skip
    """Build features on the deal's own training subjects and fit; held-out outcomes stay shut."""
    name = lock_name(study.about.id, view.commit.number, deal.name)
    door = HeldOut(view.lake, name, cast.members, deal)
    dataset = build_dataset(
        view,
        study.features,
        cast.members,
        folder,
        train_subjects=door.train_subjects(),
        threads=threads,
    )
    context = StudyContext(
        door,
        dataset,
        study.split.seed,
        threads,
        dict(cast.variables),
        dict(cast.groups),
        dict(study.blocks),
    )
    answers = [(call, call.extension.call(context, **call.options)) for call in calls if call.fits]
    return Fold(deal, door, dataset, context, tuple(answers))


def open_held_out(fold: Fold) -> None:
    """Fix who is held out, then open their outcomes: both go on the lake's record."""
    fold.door.lock()
    fold.door.open(EVALUATION)


def judge(members: Members, risk: Floats, horizon: float | None) -> Judged | JudgedTimes:
    """Lay risks beside outcomes: yes/no, or follow-up when the model has a horizon."""
    if horizon is None:
        return Judged(members.outcome, risk, members.subject_id)
    assert members.duration is not None  # noqa: S101 - a model with a horizon was fitted to them
    assert members.observed is not None  # noqa: S101
    times = FollowUp(
        np.asarray(members.duration, dtype=np.float64),
        np.asarray(members.observed, dtype=np.float64),
    )
    return JudgedTimes(times, risk, horizon, members.subject_id)


def pooled(parts: Sequence[Judged | JudgedTimes]) -> Judged | JudgedTimes:
    """Put the held-out samples of several deals together."""
    first = parts[0]
    risk = np.concatenate([part.risk for part in parts])
    subjects = np.concatenate([part.subjects for part in parts])
    if isinstance(first, Judged):
        outcome = np.concatenate([part.outcome for part in parts if isinstance(part, Judged)])
        return Judged(outcome, risk, subjects)
    times = [part.follow_up for part in parts if isinstance(part, JudgedTimes)]
    joined = FollowUp(
        np.concatenate([one.duration for one in times]),
        np.concatenate([one.observed for one in times]),
    )
    return replace(first, follow_up=joined, risk=risk, subjects=subjects)
