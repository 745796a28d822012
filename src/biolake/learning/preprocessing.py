"""What is done to columns before a linear model sees them, learned on train and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from biolake.core.errors import DataRefused
from biolake.statistics.columns import Floats

_SKEWED = 1.0  # absolute skewness above which a positive column is tried on the log scale
_RARE = 0.01  # share of missing (or of known) values below which no indicator is made
_FLAT = 1e-9  # spread over size below which a column says nothing


@dataclass(frozen=True)
class Step:
    """What happens to one column: log, fill the gaps with the median, centre and scale."""

    column: str
    log: bool
    fill: float
    center: float
    scale: float


@dataclass(frozen=True)
class Indicator:
    """A column of its own that says whether another is missing."""

    column: str
    center: float
    scale: float


@dataclass(frozen=True)
class Preprocessing:
    """Learned on train; the same for every later row, at this site and at any other."""

    columns: tuple[str, ...]
    steps: tuple[Step, ...]
    indicators: tuple[Indicator, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        names = [f"log({s.column})" if s.log else s.column for s in self.steps]
        return (*names, *(f"missing({i.column})" for i in self.indicators))

    def apply(self, values: Floats) -> Floats:
        """Return rows × outputs, complete and standardised."""
        place = {name: n for n, name in enumerate(self.columns)}
        out = np.empty((len(values), len(self.steps) + len(self.indicators)))
        for n, step in enumerate(self.steps):
            column = (
                _logged(values[:, place[step.column]])
                if step.log
                else values[:, place[step.column]]
            )
            out[:, n] = (np.where(np.isnan(column), step.fill, column) - step.center) / step.scale
        for n, mark in enumerate(self.indicators, len(self.steps)):
            missing = np.isnan(values[:, place[mark.column]])
            out[:, n] = (missing - mark.center) / mark.scale
        return out

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Preprocessing:
        return Preprocessing(
            tuple(said["columns"]),
            tuple(Step(**step) for step in said["steps"]),
            tuple(Indicator(**mark) for mark in said["indicators"]),
        )


def learn_preprocessing(columns: Sequence[str], train: Floats) -> Preprocessing:
    """Learn each column's scale, centre and fill; columns that never vary are left out.

    A gap is filled with the median and marked by an indicator; of indicators that are equal row
    by row the first is kept. Raises DataRefused when no column varies.
    """
    steps, indicators, seen = [], [], set()
    for n, name in enumerate(columns):
        step = _step(name, train[:, n])
        if step is not None:
            steps.append(step)
        missing = np.isnan(train[:, n])
        pattern = np.packbits(missing).tobytes()
        share = float(missing.mean())
        if _RARE <= share <= 1.0 - _RARE and pattern not in seen:
            seen.add(pattern)
            indicators.append(Indicator(name, share, float(np.sqrt(share * (1.0 - share)))))
    if not steps and not indicators:
        raise DataRefused(
            "no feature varies among the training samples",
            next="Ask for features that this population has: biolake features check",
        )
    return Preprocessing(tuple(columns), tuple(steps), tuple(indicators))


def _step(name: str, column: Floats) -> Step | None:
    known = column[~np.isnan(column)]
    if not len(known):
        return None
    logged = bool(known.min() > 0.0) and _skewness(known) > _SKEWED
    logged = logged and abs(_skewness(np.log(known))) < abs(_skewness(known))
    scaled = np.log(known) if logged else known
    fill = float(np.median(scaled))
    gaps = len(column) - len(known)
    center = (float(scaled.sum()) + gaps * fill) / len(column)
    square = float(((scaled - center) ** 2).sum()) + gaps * (fill - center) ** 2
    scale = float(np.sqrt(square / len(column)))
    if scale <= _FLAT * max(abs(center), 1e-6):
        return None
    return Step(name, logged, fill, center, scale)


def _logged(column: Floats) -> Floats:
    # A value that train never had (zero or less) is treated as unknown, not as minus infinity.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(column > 0.0, np.log(column), np.nan)


def _skewness(values: Floats) -> float:
    away = values - values.mean()
    spread = float((away**2).mean())
    return float((away**3).mean()) / spread**1.5 if spread > 0.0 else 0.0
