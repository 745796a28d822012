"""How many subjects a new prediction model needs (Riley et al., BMJ 2020;368:m441)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biolake.core.errors import WrongUse
from biolake.statistics.distributions import normal_quantile
from biolake.statistics.logistic import expit

_OPTIMISM = 0.05  # tolerated optimism in Nagelkerke's R² (Riley 2019, criterion 2)
_MARGIN = 0.05  # tolerated error of the overall risk (Riley 2019, criterion 3)
_Z = 1.96  # as in the papers, and in the R package pmsampsize
_PERSONS = 10_000  # the reference size that pmsampsize rounds its events at


@dataclass(frozen=True)
class Criterion:
    """One requirement, and the subjects it asks for."""

    name: str
    subjects: int


@dataclass(frozen=True)
class SampleSize:
    """What is needed, by each criterion and in all."""

    criteria: tuple[Criterion, ...]
    parameters: int
    r2: float  # Cox-Snell, as expected
    subjects: int
    events: float
    events_per_parameter: float
    shrinkage: float  # expected with that many subjects
    max_r2: float  # the largest Cox-Snell R² possible
    nagelkerke_r2: float
    risk_margin: float | None = None  # of the overall risk at the time point; time to event only


@dataclass(frozen=True)
class Verdict:
    """Whether the subjects at hand are enough."""

    enough: bool
    subjects: int
    needed: int
    events: float
    events_per_parameter: float
    shrinkage: float  # expected with the subjects at hand
    most_parameters: int  # that the subjects at hand can carry
    sentence: str


def binary(parameters: int, prevalence: float, r2: float, *, shrinkage: float = 0.9) -> SampleSize:
    """Return the size for a yes/no outcome; `r2` is the Cox-Snell R² expected, adjusted.

    Riley et al., Stat Med 2019;38:1276, by three criteria: shrinkage of predictor effects
    at least `shrinkage`, optimism in R² at most 0.05, overall risk within ± 0.05.
    """
    _check(parameters, shrinkage)
    if not 0.0 < prevalence < 1.0:
        raise WrongUse("prevalence must lie between 0 and 1.")
    entropy = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    highest = 1.0 - math.exp(2.0 * entropy)
    common = _common_criteria(parameters, r2, highest, shrinkage)
    precise = math.ceil((_Z / _MARGIN) ** 2 * prevalence * (1.0 - prevalence))
    criteria = (*common, Criterion("overall risk within ± 0.05", precise))
    return _size(criteria, parameters, prevalence, r2, highest, None)


def time_to_event(
    parameters: int,
    rate: float,
    follow_up: float,
    timepoint: float,
    r2: float,
    *,
    shrinkage: float = 0.9,
) -> SampleSize:
    """Return the size for a time-to-event outcome: `rate` events per unit of person-time, mean
    `follow_up`, risks wanted at `timepoint`; `r2` is the Cox-Snell R² expected, adjusted.

    Riley et al., Stat Med 2019;38:1276. As in pmsampsize, the precision
    of the overall risk is reported at the size found (`risk_margin`).
    """
    _check(parameters, shrinkage)
    if min(rate, follow_up, timepoint) <= 0.0:
        raise WrongUse("rate, follow_up and timepoint must be positive.")
    events = math.ceil(rate * (follow_up * _PERSONS))
    null = events * math.log(events / _PERSONS) - events
    highest = 1.0 - math.exp(2.0 * null / _PERSONS)
    criteria = _common_criteria(parameters, r2, highest, shrinkage)
    subjects = max(criterion.subjects for criterion in criteria)
    upper = rate + _Z * math.sqrt(rate / (subjects * follow_up))
    margin = math.exp(-rate * timepoint) - math.exp(-upper * timepoint)
    return _size(criteria, parameters, rate * follow_up, r2, highest, margin)


def r2_from_c(c: float, prevalence: float) -> float:
    """Return the Cox-Snell R² of a model with this C statistic.

    As Riley et al., Stat Med 2021;40:859, but integrated, not simulated: the linear predictor is
    taken as normal with one variance among those with and without the outcome, so that the
    logistic model is exact.
    """
    if not 0.5 < c < 1.0 or not 0.0 < prevalence < 1.0:
        raise WrongUse("c must lie between 0.5 and 1, prevalence between 0 and 1.")
    gap = math.sqrt(2.0) * normal_quantile(c)
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    start = math.log(prevalence / (1.0 - prevalence)) - gap * gap / 2.0
    events = float(weights @ np.log(expit(start + gap * (nodes + gap))))
    others = float(weights @ np.log(expit(-(start + gap * nodes))))
    full = prevalence * events + (1.0 - prevalence) * others
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return 1.0 - math.exp(2.0 * (null - full))


def judge(needed: SampleSize, subjects: int) -> Verdict:
    """Say whether `subjects` are enough, what shrinkage to expect, and how many parameters fit."""
    share = needed.events / needed.subjects
    parameters = needed.parameters
    expected = _shrinkage(parameters, needed.r2, subjects)
    most = int(parameters * subjects / needed.subjects)
    enough = subjects >= needed.subjects
    sentence = (
        f"{subjects} subjects are {'enough' if enough else 'too few'}: "
        f"{needed.subjects} are needed for {parameters} parameters; "
        f"expected shrinkage {expected:.2f}."
    )
    return Verdict(
        enough,
        subjects,
        needed.subjects,
        subjects * share,
        subjects * share / parameters,
        expected,
        most,
        sentence,
    )


def events_per_variable(events: float, parameters: int) -> float:
    """Return events per candidate parameter; a rule of thumb, weaker than the criteria above."""
    if parameters < 1:
        raise WrongUse("A model needs at least one parameter.")
    return events / parameters


def _check(parameters: int, shrinkage: float) -> None:
    if parameters < 1:
        raise WrongUse("A model needs at least one parameter.")
    if not 0.0 < shrinkage < 1.0:
        raise WrongUse("shrinkage must lie between 0 and 1.")


def _common_criteria(
    parameters: int, r2: float, highest: float, shrinkage: float
) -> tuple[Criterion, Criterion]:
    if not 0.0 < r2 < min(highest, shrinkage):
        raise WrongUse(f"r2 must lie between 0 and {min(highest, shrinkage):.3f} here.")
    small_optimism = r2 / (r2 + _OPTIMISM * highest)
    return (
        Criterion(f"shrinkage of at least {shrinkage:g}", _for(parameters, r2, shrinkage)),
        Criterion("optimism in R² of at most 0.05", _for(parameters, r2, small_optimism)),
    )


def _for(parameters: int, r2: float, shrinkage: float) -> int:
    """Return the size that keeps this expected shrinkage (Riley 2019, criterion 1)."""
    return math.ceil(parameters / ((shrinkage - 1.0) * math.log(1.0 - r2 / shrinkage)))


def _shrinkage(parameters: int, r2: float, subjects: int) -> float:
    """Solve criterion 1 for the shrinkage, by bisection: it rises with the subjects."""
    low, high = r2 * (1.0 + 1e-12), 1.0 - 1e-15
    for _ in range(100):
        middle = 0.5 * (low + high)
        asked = parameters / ((middle - 1.0) * math.log(1.0 - r2 / middle))
        low, high = (middle, high) if asked < subjects else (low, middle)
    return 0.5 * (low + high)


def _size(
    criteria: tuple[Criterion, ...],
    parameters: int,
    events_each: float,
    r2: float,
    highest: float,
    margin: float | None,
) -> SampleSize:
    subjects = max(criterion.subjects for criterion in criteria)
    events = subjects * events_each
    return SampleSize(
        criteria,
        parameters,
        r2,
        subjects,
        events,
        events_per_variable(events, parameters),
        _shrinkage(parameters, r2, subjects),
        highest,
        r2 / highest,
        margin,
    )
