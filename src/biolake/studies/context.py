"""The engine's side of an analysis: samples as of the index time, models, and the lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from biolake.core.context import Samples, Split
from biolake.core.errors import DataRefused
from biolake.learning.block_fitting import Fusion, fit_blocks
from biolake.learning.fitting import Fitted, Part, Setting, fit_model, fit_survival
from biolake.learning.hazards import FollowUp
from biolake.learning.models import KINDS, Kind
from biolake.statistics.columns import Floats
from biolake.studies.dataset import Dataset
from biolake.studies.evaluating import known
from biolake.studies.held_out import HeldOut


@dataclass(frozen=True)
class Handle:
    """What an analysis sees of a model it had fitted."""

    name: str
    hyperparameters: dict[str, float | str]
    trials: Sequence[tuple[dict[str, float], float]]
    judged_on: str
    recalibration: str
    weights: Sequence[tuple[str, float]]


@dataclass
class StudyContext:
    """Hands out samples by split; `held_out` only once the lock has been opened."""

    door: HeldOut
    dataset: Dataset
    seed: int
    threads: int = 1
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fitted: list[Fitted] = field(default_factory=list)

    def samples(self, *splits: Split) -> Samples:
        """Return the samples of these splits with all that was known of them."""
        members, rows = self.door.part(*splits), self.door.deal.rows(*splits)
        return Samples(
            subject_id=members.subject_id,
            index_time=members.index_time,
            columns=self.dataset.columns,
            values=self.dataset.values[rows],
            outcome=members.outcome,
            duration=members.duration,
            observed=members.observed,
            split=self.door.deal.split[rows],
            site=members.site,
            groups={name: labels[rows] for name, labels in self.groups.items()},
            variables={name: column[rows] for name, column in self.variables.items()},
        )

    def progress(self, what: str, done: int, total: int) -> None:
        """Studies tell their stages, not their steps."""

    def fit(self, kind: str, *, recalibrate: bool = True) -> Handle:
        """Fit a model of the yes/no outcome on train, with tuning, and keep it."""
        train, tuning = self._part("train"), self._part("tuning")
        setting = Setting(self.seed, self.threads, recalibrate)
        name = self._name(kind)
        return self._kept(
            fit_model(_kind(kind), name, self.dataset.columns, train, tuning, setting)
        )

    def fit_survival(self, kind: str, horizons: Sequence[float]) -> Handle:
        """Fit a discrete-time model of time to event and keep it."""
        train, tuning = self._timed("train"), self._timed("tuning")
        setting = Setting(self.seed, self.threads)
        name = self._name(f"survival_{kind}")
        columns = self.dataset.columns
        return self._kept(
            fit_survival(_kind(kind), name, columns, train, tuning, horizons, setting)
        )

    def fit_ridge_cox(self, horizons: Sequence[float], fusions: Sequence[Fusion]) -> list[Handle]:
        """Fit ridge-Cox models on train and tuning: blocks together, then each alone."""
        part = self._timed("train", "tuning")
        columns, groups = self.dataset.columns, self.dataset.groups
        named = self.blocks or {"all": tuple(dict.fromkeys(groups))}
        blocks = {
            name: [place for place, group in enumerate(groups) if group in mine]
            for name, mine in named.items()
        }
        setting = Setting(self.seed, self.threads)
        fitted = fit_blocks(columns, part, blocks, horizons, fusions, setting)
        return [self._kept(one) for one in fitted]

    def _kept(self, fitted: Fitted) -> Handle:
        self.fitted.append(fitted)
        model = fitted.model
        return Handle(
            model.name,
            dict(model.hyperparameters),
            [(dict(trial.setting), trial.loss) for trial in fitted.trials],
            fitted.judged_on,
            model.recalibration.method,
            model.coefficients() or list(model.importance),
        )

    def _name(self, kind: str) -> str:
        taken = {one.model.name for one in self.fitted}
        names = [kind, *(f"{kind}_{n}" for n in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)

    def _part(self, split: Split) -> Part:
        """Return a split's rows whose outcome is known; censored early is refused, not guessed."""
        members, rows = self.door.part(split), self.door.deal.rows(split)
        everyone = self.door.members.outcome
        if unknown := len(everyone) - len(known(everyone)):
            raise DataRefused(
                f"{unknown} samples are censored before the horizon:"
                " a yes/no model would have to guess what became of them",
                next="Use the analysis discrete_survival, or a shorter horizon.",
            )
        return Part(self.dataset.values[rows], members.subject_id, members.outcome)

    def _timed(self, *splits: Split) -> Part:
        members, rows = self.door.part(*splits), self.door.deal.rows(*splits)
        if members.duration is None or members.observed is None:
            raise DataRefused(
                "a survival model needs durations, and the study's outcome is yes or no",
                next="Give the outcome codes and a horizon, or use the analysis predict.",
            )
        times = FollowUp(_floats(members.duration), _floats(members.observed))
        return Part(self.dataset.values[rows], members.subject_id, members.outcome, times)


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise DataRefused(f"no model is named '{name}'", next=f"Known: {', '.join(KINDS)}.")


def _floats(values: np.ndarray) -> Floats:
    return np.asarray(values, dtype=np.float64)
