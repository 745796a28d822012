"""Is the sample large enough for a model of this many columns? Asked before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.errors import BiolakeError
from biolake.statistics import sample_size
from biolake.studies.population import Members

_EXPECTED = 0.15  # of the largest R² possible: Riley et al. 2019's advice where none is known
_FAR = 0.5


@dataclass(frozen=True)
class Sizing:
    """What Riley et al. (BMJ 2020;368:m441) ask, and whether the training samples meet it."""

    samples: int
    events: int
    parameters: int
    events_per_variable: float
    required: int | None
    verdict: str
    criteria: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "events": self.events,
            "parameters": self.parameters,
            "events_per_variable": self.events_per_variable,
            "required": self.required,
            "verdict": self.verdict,
            "criteria": [{"name": name, "required": n} for name, n in self.criteria],
            "assumption": "Cox-Snell R² is 15 % of the largest possible",
        }


def size_up(train: Members, parameters: int) -> Sizing:
    """Judge the training samples against the size that this many parameters need."""
    events = int(np.nansum(train.outcome))
    per_variable = events / max(parameters, 1)
    try:
        needed = _needed(train, events, parameters)
    except BiolakeError as refused:
        verdict = f"not enough: {refused.message}"
        return Sizing(len(train), events, parameters, per_variable, None, verdict)
    found = sample_size.judge(needed, len(train))
    size = "enough" if found.enough else "too small"
    if len(train) < _FAR * needed.subjects:
        size = "far too small"
    criteria = tuple((c.name, c.subjects) for c in needed.criteria)
    verdict = f"{size}: {found.sentence}"
    return Sizing(len(train), events, parameters, per_variable, needed.subjects, verdict, criteria)


def _needed(train: Members, events: int, parameters: int) -> sample_size.SampleSize:
    if train.duration is not None and train.observed is not None:
        years = train.duration / 365.25
        rate, follow_up = events / float(years.sum()), float(years.mean())
        r2 = _EXPECTED * _highest_timed(rate, follow_up)
        return sample_size.time_to_event(parameters, rate, follow_up, float(years.max()), r2)
    share = events / len(train)
    return sample_size.binary(parameters, share, _EXPECTED * _highest(share))


def _highest(share: float) -> float:
    """Return the largest Cox-Snell R² of a yes/no outcome (Riley 2019, section 3.1)."""
    if not 0.0 < share < 1.0:
        return 0.5
    entropy = share * np.log(share) + (1.0 - share) * np.log(1.0 - share)
    return float(1.0 - np.exp(2.0 * entropy))


def _highest_timed(rate: float, follow_up: float) -> float:
    events = rate * follow_up
    if events <= 0.0:
        return 0.5
    return float(1.0 - np.exp(2.0 * (events * np.log(events) - events)))
