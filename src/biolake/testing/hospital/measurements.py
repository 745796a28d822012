"""Laboratory values and vital signs: a set point, disease, illness and memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY, HOUR, NEVER
from biolake.testing.hospital.columns import Columns, stack
from biolake.testing.hospital.encounters import Encounters
from biolake.testing.hospital.items import LABS, NOT_MEASURED, VITALS, item
from biolake.testing.hospital.measurable import ACUTE, Item
from biolake.testing.hospital.terms import EMERGENCY, INPATIENT, OBSERVATION, diagnosis

if TYPE_CHECKING:
    from biolake.testing.hospital.population import Population
    from biolake.testing.hospital.truths import Sepsis, Treatment

MEMORY_DAYS = 30.0
"""Time over which a deviation from the set point is forgotten (e-fold)."""
RECOVERY_DAYS = 3.0
"""Time over which the effect of acute illness fades (e-fold)."""
CREATININE_CALIBRATION = (1.0, 1.0, 1.06, 0.97)
"""Factor by which each site's creatinine assay reads high; further sites begin again."""
MAX_DRAWS = 60


@dataclass(frozen=True)
class Measurements(Columns):
    """One row per value in the item's own unit; `encounter` is a row of Encounters or -1."""

    subject: np.ndarray
    encounter: np.ndarray
    time: np.ndarray
    item: np.ndarray
    value: np.ndarray
    key: np.ndarray
    fault: np.ndarray


def rows(
    subject: np.ndarray,
    encounter: np.ndarray,
    time: np.ndarray,
    row: int | np.ndarray,
    value: np.ndarray,
) -> Measurements:
    """Make faultless measurements of one item."""
    blank = np.zeros(len(subject), np.int64)
    return Measurements(subject, encounter, time, blank + row, value, blank, blank)


def measure(
    rng: np.random.Generator, people: Population, found: Encounters, formats: tuple[str, ...]
) -> Measurements:
    """Draw every laboratory value and vital sign of every contact."""
    labs = _panel(rng, people, found, LABS, 0, (18 * HOUR, 8 * HOUR))
    vitals = _panel(rng, people, found, VITALS, len(LABS), (8 * HOUR, 3 * HOUR))
    return _calibrated(_available(stack([labs, vitals]), found, formats), found)


def _panel(
    rng: np.random.Generator,
    people: Population,
    found: Encounters,
    items: tuple[Item, ...],
    first: int,
    interval: tuple[int, int],
) -> Measurements:
    draw, time = _draws(rng, found, interval)
    subject = found.subject[draw]
    order = np.lexsort((time, subject))
    draw, time, subject = draw[order], time[order], subject[order]
    centre = _centre(rng, people, items)[subject]
    centre += _chronic_effect(people, items, subject, time) + _acute_effect(
        found, items, draw, time
    )
    within = np.array([i.within for i in items])
    log = np.array([i.log for i in items])
    level = centre + within * _memory(rng, subject, time, len(items))
    value = np.where(log, np.exp(np.where(log, level, 0)), level)
    taken = rng.random(value.shape) < _taken(people, found, items, draw)
    where, which = np.nonzero(taken)
    value = _rounded(value, items)[where, which]
    return rows(subject[where], draw[where], time[where], first + which, value)


def _draws(
    rng: np.random.Generator, found: Encounters, interval: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Place the draws of each contact: one, or at intervals that shorten in intensive care."""
    ward, intensive = interval
    every = np.where(found.icu_in < NEVER, intensive, ward)
    count = np.where(found.setting == INPATIENT, 1 + (found.end - found.start) // every, 1)
    count = np.minimum(count, MAX_DRAWS) + (found.setting == EMERGENCY)
    draw = np.repeat(np.arange(len(found)), count)
    starts = np.cumsum(count) - count
    step = np.arange(len(draw)) - starts[draw]
    # The first draw comes a while after arrival: values at admission are the truths' own.
    first = np.where(found.setting == INPATIENT, 7200, 1200)[draw]
    jitter = rng.integers(0, 15, len(draw)) * 60
    gap = np.where(found.setting == EMERGENCY, 3600, every)[draw]
    time = found.start[draw] + first + step * gap + jitter
    inside = time < found.end[draw]
    return draw[inside], time[inside]


def _centre(rng: np.random.Generator, people: Population, items: tuple[Item, ...]) -> np.ndarray:
    """Draw each subject's set point of each item."""
    mean = np.array([i.mean for i in items])
    between = np.array([i.between for i in items])
    centre = mean + between * rng.normal(size=(len(people), len(items)))
    for column, one in enumerate(items):
        if one.name == "weight":
            centre[:, column] = people.weight
        if one.name == "hemoglobin":
            centre[:, column] += np.where(people.male, 0.7, -0.5)
        if one.name == "creatinine":
            centre[:, column] += np.where(people.male, 0.1, -0.1)
    return centre


def _chronic_effect(
    people: Population, items: tuple[Item, ...], subject: np.ndarray, time: np.ndarray
) -> np.ndarray:
    has = (people.onset[subject] <= time[:, None]).astype(float)
    return has @ np.array([i.chronic for i in items]).T


def _acute_effect(
    found: Encounters, items: tuple[Item, ...], draw: np.ndarray, time: np.ndarray
) -> np.ndarray:
    illness = np.array([diagnosis(name) for name in ACUTE])
    is_ill = (found.reason[draw][:, None] == illness).astype(float)
    # Nobody gets better on the first day: before the prediction nothing may tell who will die.
    waited = np.maximum(time - found.start[draw] - DAY, 0)
    fading = np.exp(-waited / (RECOVERY_DAYS * DAY))
    fading = np.where(found.died[draw], 1.0, fading)
    return (is_ill * fading[:, None]) @ np.array([i.acute for i in items]).T


def _memory(
    rng: np.random.Generator, subject: np.ndarray, time: np.ndarray, width: int
) -> np.ndarray:
    """Draw a unit-variance AR(1) in continuous time for each subject (rows by subject, time)."""
    noise = rng.normal(size=(len(subject), width))
    if not len(subject):
        return noise
    new = np.r_[True, subject[1:] != subject[:-1]]
    starts = np.flatnonzero(new)
    counts = np.diff(np.r_[starts, len(subject)])
    gap = np.r_[0, np.diff(time)] / (MEMORY_DAYS * DAY)
    keep = np.where(new, 0, np.exp(-np.maximum(gap, 0)))
    scale = np.sqrt(1 - keep**2)
    for step in range(1, counts.max()):
        at = starts[counts > step] + step
        noise[at] = keep[at, None] * noise[at - 1] + scale[at, None] * noise[at]
    return noise


def _taken(
    people: Population, found: Encounters, items: tuple[Item, ...], draw: np.ndarray
) -> np.ndarray:
    """Return the probability of each value being measured: higher in the sick and the frail."""
    routine = np.array([i.routine for i in items])
    ill = np.array([i.ill for i in items])
    acute = (found.setting[draw] == INPATIENT) | (found.setting[draw] == EMERGENCY)
    base = np.where(acute[:, None], ill, routine)
    frail = 1 / (1 + np.exp(-0.5 * people.frailty[found.subject[draw]]))
    chance = base * (0.5 + frail)[:, None]
    for column, one in enumerate(items):
        if one.name == "hba1c":
            chance[:, column] *= np.where(people.has("diabetes", NEVER - 1), 1.6, 0.4)[
                found.subject[draw]
            ]
        if one.name in ("bnp", "creatinine"):
            # The heart failure visit has exactly one of each: the value the prescriber saw.
            chance[_is_failure_visit(found)[draw], column] = 0
    return np.minimum(chance, 1)


def _is_failure_visit(found: Encounters) -> np.ndarray:
    return (found.setting == OBSERVATION) & (found.reason == diagnosis("heart_failure"))


def _rounded(value: np.ndarray, items: tuple[Item, ...]) -> np.ndarray:
    value = np.clip(value, [i.low for i in items], [i.high for i in items])
    for column, one in enumerate(items):
        value[:, column] = np.round(value[:, column], one.decimals)
    return value


def _available(found: Measurements, at: Encounters, formats: tuple[str, ...]) -> Measurements:
    """Drop the tests a site does not run."""
    absent = np.zeros((len(formats), len(LABS) + len(VITALS)), bool)
    for site, name in enumerate(formats):
        absent[site, [item(test) for test in NOT_MEASURED[name]]] = True
    return found.take(~absent[at.site[found.encounter], found.item])


def _calibrated(found: Measurements, at: Encounters) -> Measurements:
    """Shift creatinine as each site's assay does."""
    factor = np.take(CREATININE_CALIBRATION, at.site[found.encounter] % 4)
    shifted = np.round(found.value * factor, 2)
    return replace(found, value=np.where(found.item == item("creatinine"), shifted, found.value))


def truth_values(
    rng: np.random.Generator, found: Encounters, sepsis: Sepsis, treatment: Treatment
) -> Measurements:
    """Place the values the truths depend on: at the heart failure visit and on sepsis admission."""
    failure = np.flatnonzero(_is_failure_visit(found))
    septic = np.flatnonzero(found.reason == diagnosis("sepsis"))
    who, ill = found.subject[failure], found.subject[septic]
    seen = found.start[failure] + 900
    arrived = found.start[septic] + 60 * rng.integers(20, 60, len(septic))
    return stack(
        [
            rows(who, failure, seen, item("bnp"), treatment.bnp[who]),
            rows(who, failure, seen, item("creatinine"), treatment.creatinine[who]),
            rows(ill, septic, arrived, item("lactate"), sepsis.lactate[ill]),
            rows(ill, septic, arrived, item("systolic"), sepsis.systolic[ill]),
        ]
    )
