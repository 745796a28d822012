"""Who the hospital serves: age, sex, chronic disease and the moments fixed for each subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.testing.hospital.clock import (
    DAY,
    HOUR,
    LAST_ENTRY,
    NEVER,
    STUDY_END,
    STUDY_START,
    YEAR,
    year_of,
)
from biolake.testing.hospital.columns import Columns
from biolake.testing.hospital.terms import CHRONIC

AGE_SHIFT = (0.0, 4.0, -8.0, 2.0)
"""Years by which each site's subjects are older; sites beyond the fourth begin again."""
DISEASE_SHIFT = (0.0, 0.2, -0.2, 0.1)
"""Log odds by which chronic disease is commoner at each site."""

# Intercept, then log odds per 10 years over 60, of each disease of terms.CHRONIC.
PREVALENCE = ((-0.2, 0.5), (-1.3, 0.25), (-1.6, 0.5), (-1.1, 0.55), (-2.0, 0.4), (-2.4, 0.5))


@dataclass(frozen=True)
class Population(Columns):
    """One row per subject; moments in seconds, `onset` is NEVER without the disease."""

    index: np.ndarray
    site: np.ndarray
    male: np.ndarray
    birth: np.ndarray
    entry: np.ndarray
    frailty: np.ndarray
    onset: np.ndarray
    height: np.ndarray
    weight: np.ndarray
    race: np.ndarray
    language: np.ndarray
    marital: np.ndarray
    insurance: np.ndarray
    allergy: np.ndarray
    second_site: np.ndarray

    def age(self, when: np.ndarray) -> np.ndarray:
        """Return age at each subject's moment as a difference of calendar years."""
        return year_of(when) - year_of(self.birth)

    def has(self, disease: str, when: np.ndarray | int) -> np.ndarray:
        """Say who has a chronic disease at this moment."""
        return self.onset[:, CHRONIC.index(disease)] <= when


def expit(x: np.ndarray) -> np.ndarray:
    """Return the inverse logit."""
    return 1 / (1 + np.exp(-x))


def draw_population(
    rng: np.random.Generator, first: int, count: int, sites: int, shared: tuple[int, int] | None
) -> Population:
    """Draw subjects `first` to `first + count`, dealt to sites in turn."""
    index = first + np.arange(count)
    site = index % sites
    entry = STUDY_START + rng.integers(0, (LAST_ENTRY - STUDY_START) // DAY, count) * DAY
    entry += 9 * HOUR + rng.integers(0, 420, count) * 60
    age = rng.normal(60, 17, count) + np.take(AGE_SHIFT, site % 4)
    birth = (entry - (np.clip(age, 18, 95) * YEAR).astype(np.int64)) // DAY * DAY
    male = rng.random(count) < 0.48
    frailty = rng.normal(size=count)
    onset = _onsets(rng, birth, entry, site)
    height = np.round(rng.normal(163, 7, count) + 13 * male)
    weight = np.round(np.clip(rng.normal(27, 4.5, count), 16, 50) * (height / 100) ** 2, 1)
    return Population(
        index,
        site,
        male,
        birth,
        entry,
        frailty,
        onset,
        height,
        weight,
        race=rng.choice(5, count, p=[0.62, 0.16, 0.08, 0.08, 0.06]),
        language=rng.choice(2, count, p=[0.9, 0.1]),
        marital=rng.choice(4, count, p=[0.45, 0.35, 0.12, 0.08]),
        insurance=rng.choice(3, count, p=[0.4, 0.1, 0.5]),
        allergy=np.where(rng.random(count) < 0.15, rng.integers(0, 3, count), -1),
        second_site=_second_site(rng, site, shared),
    )


def _onsets(
    rng: np.random.Generator, birth: np.ndarray, entry: np.ndarray, site: np.ndarray
) -> np.ndarray:
    """Draw when each chronic disease is first diagnosed: kidney disease at entry or never."""
    decades = ((entry - birth) / YEAR - 60) / 10
    shift = np.take(DISEASE_SHIFT, site % 4)
    odds = np.stack([a + b * decades + shift for a, b in PREVALENCE], axis=1)
    ckd, failure = CHRONIC.index("ckd"), CHRONIC.index("heart_failure")
    sick = rng.random(odds.shape) < expit(odds)
    later = entry[:, None] + (rng.random(odds.shape) * (STUDY_END - entry)[:, None]).astype(int)
    starts_later = rng.random(odds.shape) < 0.3
    starts_later[:, ckd] = False
    onset = np.where(starts_later, later, entry[:, None])
    # A full year must follow the start of heart failure before the study ends.
    span = STUDY_END - 400 * DAY - entry - 30 * DAY
    days = 30 + (rng.random(len(entry)) ** 1.5 * span / DAY).astype(int)
    onset[:, failure] = entry // DAY * DAY + days * DAY + 10 * HOUR
    return np.where(sick, onset, NEVER)


def _second_site(
    rng: np.random.Generator, site: np.ndarray, shared: tuple[int, int] | None
) -> np.ndarray:
    """Choose the 3 % of one site's subjects who are also seen at another (-1: nobody else)."""
    chosen = rng.random(len(site)) < 0.03
    if shared is None:
        return np.full(len(site), -1)
    home, other = shared
    return np.where(chosen & (site == home), other, -1)
