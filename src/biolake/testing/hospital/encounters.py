"""Contacts with the hospital: planned, urgent, and those the planted truths need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY, NEVER, STUDY_END, YEAR
from biolake.testing.hospital.columns import Columns, stack
from biolake.testing.hospital.terms import (
    CHRONIC,
    EMERGENCY,
    INPATIENT,
    OBSERVATION,
    OUTPATIENT,
    diagnosis,
)

if TYPE_CHECKING:
    from biolake.testing.hospital.population import Population
    from biolake.testing.hospital.truths import Sepsis, Treatment

MAX_PER_SUBJECT = 200


@dataclass(frozen=True)
class Encounters(Columns):
    """One row per contact, ordered by subject and start; `subject` is a row of Population."""

    subject: np.ndarray
    start: np.ndarray
    end: np.ndarray
    setting: np.ndarray
    reason: np.ndarray
    icu_in: np.ndarray
    icu_out: np.ndarray
    died: np.ndarray
    site: np.ndarray
    number: np.ndarray


def contacts(
    subject: np.ndarray, start: np.ndarray, length: np.ndarray, setting: int, reason: np.ndarray
) -> Encounters:
    """Make contacts of one setting, without intensive care."""
    never = np.full(len(subject), NEVER)
    blank = np.zeros(len(subject), np.int64)
    return Encounters(
        subject,
        start,
        start + length,
        blank + setting,
        blank + reason,
        icu_in=never,
        icu_out=never,
        died=blank.astype(bool),
        site=blank,
        number=blank,
    )


def ordinary(rng: np.random.Generator, people: Population) -> Encounters:
    """Draw the contacts no truth depends on, more of them for subjects with more disease."""
    diseases = (people.onset < NEVER).sum(axis=1)
    every = np.exp(0.25 * people.frailty)
    parts = [
        _outpatient(rng, people, (0.5 + 0.3 * diseases) * every),
        _emergency(rng, people, (0.08 + 0.04 * diseases) * every),
        _inpatient(rng, people, (0.02 + 0.025 * diseases) * every),
    ]
    return stack(parts)


def _arrivals(
    rng: np.random.Generator, people: Population, rate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw Poisson arrivals between entry and the end of the study: subject and moment."""
    span = STUDY_END - 30 * DAY - people.entry
    count = np.minimum(rng.poisson(rate * span / YEAR), 50)
    subject = np.repeat(np.arange(len(people)), count)
    offset = DAY + rng.random(len(subject)) * (span[subject] - DAY)
    return subject, people.entry[subject] + offset.astype(np.int64) // 60 * 60


def _outpatient(rng: np.random.Generator, people: Population, rate: np.ndarray) -> Encounters:
    subject, start = _arrivals(rng, people, rate)
    start = start // DAY * DAY + rng.integers(8 * 12, 17 * 12, len(start)) * 300
    # The subject comes for one of the diseases known by then, or for a check-up.
    pick = rng.random((len(subject), people.onset.shape[1]))
    pick[people.onset[subject] > start[:, None]] = -1
    best = pick.argmax(axis=1)
    reason = np.where(pick.max(axis=1) < 0, diagnosis("check_up"), best)
    length = rng.integers(2, 12, len(start)) * 300
    return contacts(subject, start, length, OUTPATIENT, reason)


def _emergency(rng: np.random.Generator, people: Population, rate: np.ndarray) -> Encounters:
    subject, start = _arrivals(rng, people, rate)
    reasons = np.array([diagnosis("chest_pain"), diagnosis("abdominal_pain")])
    length = rng.integers(90, 600, len(start)) * 60
    return contacts(subject, start, length, EMERGENCY, rng.choice(reasons, len(start)))


def _inpatient(rng: np.random.Generator, people: Population, rate: np.ndarray) -> Encounters:
    subject, start = _arrivals(rng, people, rate)
    flare = people.onset[subject, CHRONIC.index("copd")] <= start
    other = np.where(
        rng.random(len(start)) < 0.6, diagnosis("pneumonia"), diagnosis("hip_fracture")
    )
    reason = np.where(flare & (rng.random(len(start)) < 0.6), diagnosis("copd_flare"), other)
    days = 1.5 + rng.gamma(2, 1.6, len(start))
    stays = contacts(subject, start, (days * DAY).astype(np.int64), INPATIENT, reason)
    return _intensive(rng, stays, 0.15)


def _intensive(rng: np.random.Generator, stays: Encounters, share: float) -> Encounters:
    """Send a share of stays to intensive care, soon after arrival."""
    goes = rng.random(len(stays)) < share
    enters = stays.start + np.where(share < 1, rng.integers(1, 8, len(stays)) * 1800, 600)
    fraction = rng.uniform(0.3, 0.8, len(stays))
    leaves = enters + (fraction * (stays.end - enters)).astype(np.int64) // 60 * 60
    return replace(
        stays, icu_in=np.where(goes, enters, NEVER), icu_out=np.where(goes, leaves, NEVER)
    )


def truth_contacts(
    rng: np.random.Generator, people: Population, infarction: np.ndarray, sepsis: Sepsis
) -> Encounters:
    """Make the entry visit, the heart failure visit, and the infarction and sepsis stays."""
    everyone = np.arange(len(people))
    failure = people.onset[:, CHRONIC.index("heart_failure")]
    ill = np.flatnonzero(failure < NEVER)
    heart = np.flatnonzero(infarction < STUDY_END)
    septic = np.flatnonzero(sepsis.exists)
    visit = rng.integers(4, 10, len(people)) * 1800
    days = rng.gamma(3, 1.6, len(people)) + 2
    stay = (days * DAY).astype(np.int64) // 60 * 60
    infarct, infected = diagnosis("myocardial_infarction"), diagnosis("sepsis")
    length = (sepsis.end - sepsis.start)[septic]
    coronary = contacts(heart, infarction[heart], stay[heart], INPATIENT, infarct)
    severe = contacts(septic, sepsis.start[septic], length, INPATIENT, infected)
    return stack(
        [
            contacts(everyone, people.entry, visit, OBSERVATION, diagnosis("check_up")),
            contacts(ill, failure[ill], visit[ill], OBSERVATION, diagnosis("heart_failure")),
            _intensive(rng, coronary, 0.4),
            _intensive(rng, severe, 1.0),
        ]
    )


def readmissions(rng: np.random.Generator, treatment: Treatment) -> Encounters:
    """Make the stays for acute heart failure that are the non-fatal outcome of treatment."""
    who = np.flatnonzero((treatment.when < NEVER) & ~treatment.fatal)
    length = ((2 + rng.gamma(2, 2, len(who))) * DAY).astype(np.int64) // 60 * 60
    reason = diagnosis("acute_heart_failure")
    return _intensive(rng, contacts(who, treatment.when[who], length, INPATIENT, reason), 0.2)


def prior_admissions(found: Encounters, index: np.ndarray) -> np.ndarray:
    """Count each subject's inpatient stays that start in the year before `index`."""
    at = index[found.subject]
    recent = (found.setting == INPATIENT) & (found.start < at) & (found.start >= at - 365 * DAY)
    return np.bincount(found.subject[recent], minlength=len(index))


def within_life(found: Encounters, people: Population, death: np.ndarray) -> Encounters:
    """Drop contacts after death, end those it interrupts, order and number the rest."""
    dies = death[found.subject]
    found = found.take(found.start < dies)
    found = found.take(np.lexsort((found.reason, found.start, found.subject)))
    dies = death[found.subject]
    end = np.minimum(found.end, dies)
    inside = found.icu_in < dies
    ordinal = ordinals(found.subject)
    return replace(
        found,
        end=end,
        died=(dies < NEVER) & (end == dies),
        icu_in=np.where(inside, found.icu_in, NEVER),
        icu_out=np.where(inside, np.minimum(found.icu_out, dies), NEVER),
        site=_sites(found, people),
        number=people.index[found.subject] * MAX_PER_SUBJECT + ordinal,
    )


def ordinals(subject: np.ndarray) -> np.ndarray:
    """Number the rows of each subject from 0, subjects being together."""
    if not len(subject):
        return np.zeros(0, np.int64)
    new = np.r_[True, subject[1:] != subject[:-1]]
    starts = np.flatnonzero(new)
    return np.arange(len(subject)) - np.repeat(starts, np.diff(np.r_[starts, len(subject)]))


def _sites(found: Encounters, people: Population) -> np.ndarray:
    """Place contacts at the subject's site; shared subjects take every other visit elsewhere."""
    home = people.site[found.subject]
    away = people.second_site[found.subject]
    moves = (away >= 0) & (found.setting == OUTPATIENT) & (found.start // DAY % 2 == 0)
    return np.where(moves, away, home)
