"""The planted truths: their parameters, potential outcomes and what a perfect analysis finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.testing.hospital.clock import DAY, HOUR, NEVER, STUDY_END, YEAR
from biolake.testing.hospital.population import Population, expit


@dataclass(frozen=True)
class TreatmentEffect:
    """Metoprolol against carvedilol in new heart failure, sicker subjects getting metoprolol."""

    bnp_mean: float = 7.3
    bnp_sd: float = 0.8
    severity_bnp: float = 0.7
    severity_creatinine: float = 0.4
    severity_age: float = 0.3
    severity_admissions: float = 0.4
    choice_intercept: float = -0.3
    choice_severity: float = 1.8
    outcome_intercept: float = -0.6
    outcome_severity: float = 2.0
    outcome_study_drug: float = -1.0
    death_share: float = 0.35
    horizon_days: int = 365

    def severity(
        self, bnp: np.ndarray, creatinine: np.ndarray, age: np.ndarray, admissions: np.ndarray
    ) -> np.ndarray:
        """Combine what the prescriber sees at the index visit."""
        return (
            self.severity_bnp * (np.log(bnp) - self.bnp_mean) / self.bnp_sd
            + self.severity_creatinine * (np.minimum(creatinine, 4) - 1.2) / 0.5
            + self.severity_age * (age - 65) / 10
            + self.severity_admissions * np.minimum(admissions, 3)
        )


@dataclass(frozen=True)
class HazardRatio:
    """First myocardial infarction: exponential, proportional in kidney disease, age and sex."""

    rate_per_year: float = 0.009
    log_ckd: float = 0.7
    log_age_decade: float = 0.3
    log_male: float = 0.4

    def draw(self, rng: np.random.Generator, people: Population) -> np.ndarray:
        """Draw each subject's moment of infarction, however late."""
        log = (
            self.log_ckd * people.has("ckd", people.entry)
            + self.log_age_decade * (people.age(people.entry) - 60) / 10
            + self.log_male * people.male
        )
        years = rng.exponential(size=len(people)) / (self.rate_per_year * np.exp(log))
        return people.entry + 2 * HOUR + np.ceil(np.minimum(years, 1000) * YEAR).astype(np.int64)


@dataclass(frozen=True)
class Prediction:
    """In-hospital death in the first sepsis admission, from values at admission."""

    intercept: float = -1.9
    log_lactate: float = 2.0
    age_decade: float = 0.5
    systolic: float = -0.03
    leak_if_dead: float = 0.92
    leak_if_alive: float = 0.01
    prediction_hours: int = 24

    def score(self, lactate: np.ndarray, age: np.ndarray, systolic: np.ndarray) -> np.ndarray:
        """Return the log odds of dying in the stay."""
        return (
            self.intercept
            + self.log_lactate * (np.log(lactate) - 0.7)
            + self.age_decade * (age - 65) / 10
            + self.systolic * (systolic - 108)
        )


EFFECT, HAZARD, PREDICTION = TreatmentEffect(), HazardRatio(), Prediction()


@dataclass(frozen=True)
class Sepsis:
    """Each subject's first sepsis admission; `start` is NEVER for those without one."""

    start: np.ndarray
    end: np.ndarray
    lactate: np.ndarray
    systolic: np.ndarray
    score: np.ndarray
    died: np.ndarray
    consult: np.ndarray

    @property
    def exists(self) -> np.ndarray:
        return self.start < NEVER


def draw_sepsis(
    rng: np.random.Generator, people: Population, failure: np.ndarray, death: np.ndarray
) -> Sepsis:
    """Draw who is admitted with sepsis, their values at admission and who dies of it.

    The admission keeps away from other deaths and from the year after new heart failure, so
    that its outcome and the treatment effect stay what their models say.
    """
    n = len(people)
    rate = 0.035 * np.exp(0.02 * (people.age(people.entry) - 60) + 0.3 * people.frailty)
    wait = np.minimum(rng.exponential(size=n) / rate, 100) * YEAR
    start = people.entry + 2 * DAY + wait.astype(np.int64) // 60 * 60
    near_failure = (start > failure - 40 * DAY) & (start < failure + 410 * DAY)
    exists = (start + 40 * DAY < np.minimum(death, STUDY_END)) & ~near_failure
    lactate = np.round(np.clip(np.exp(rng.normal(0.7, 0.5, n)), 0.4, 20), 1)
    systolic = np.round(np.clip(rng.normal(108, 18, n), 55, 190))
    score = PREDICTION.score(lactate, people.age(start), systolic)
    died = exists & (rng.random(n) < expit(score))
    days = np.where(died, 2.2 + rng.gamma(2, 1.8, n), 4 + rng.gamma(2, 2, n))
    stay = (np.minimum(days, 30) * DAY).astype(np.int64) // 60 * 60
    asked = rng.random(n) < np.where(died, PREDICTION.leak_if_dead, PREDICTION.leak_if_alive)
    consult = start + DAY + HOUR + (rng.random(n) * (stay - DAY - 2 * HOUR)).astype(int) // 60 * 60
    return Sepsis(
        start=np.where(exists, start, NEVER),
        end=np.where(exists, start + stay, NEVER),
        lactate=lactate,
        systolic=systolic,
        score=score,
        died=died,
        consult=np.where(exists & asked, consult, NEVER),
    )


@dataclass(frozen=True)
class Treatment:
    """New heart failure: what was seen and given, and both potential one-year outcomes."""

    index: np.ndarray
    bnp: np.ndarray
    creatinine: np.ndarray
    admissions: np.ndarray
    study_drug: np.ndarray
    risk: np.ndarray  # (subjects, 2): comparator, study drug
    outcome: np.ndarray  # (subjects, 2): what would happen under each
    when: np.ndarray  # of the outcome under the drug given, else NEVER
    fatal: np.ndarray

    @property
    def eligible(self) -> np.ndarray:
        return self.index < NEVER


def draw_treatment(
    rng: np.random.Generator,
    people: Population,
    index: np.ndarray,
    admissions: np.ndarray,
) -> Treatment:
    """Draw the drug choice and, with one uniform per subject, the outcome under each drug."""
    n = len(people)
    bnp = np.round(np.exp(rng.normal(EFFECT.bnp_mean, EFFECT.bnp_sd, n)))
    kidneys = np.where(people.has("ckd", people.entry), 0.6, -0.1)
    creatinine = np.round(np.exp(rng.normal(kidneys, 0.2)), 2)
    severity = EFFECT.severity(bnp, creatinine, people.age(index), admissions)
    choice = EFFECT.choice_intercept + EFFECT.choice_severity * severity
    study_drug = rng.random(n) < expit(choice)
    base = EFFECT.outcome_intercept + EFFECT.outcome_severity * severity
    risk = np.stack([expit(base), expit(base + EFFECT.outcome_study_drug)], axis=1)
    outcome = rng.random(n)[:, None] < risk
    happens = outcome[np.arange(n), study_drug.astype(int)] & (index < NEVER)
    days = 3 + rng.random(n) ** 1.3 * (EFFECT.horizon_days - 4)
    when = index + (days * DAY).astype(np.int64) // 60 * 60
    return Treatment(
        index,
        bnp,
        creatinine,
        admissions,
        study_drug,
        risk,
        outcome,
        when=np.where(happens, when, NEVER),
        fatal=happens & (rng.random(n) < EFFECT.death_share),
    )


def background_death(
    rng: np.random.Generator, people: Population, failure: np.ndarray
) -> np.ndarray:
    """Draw death from all else; with heart failure its clock starts after the first year."""
    log = 0.07 * (people.age(people.entry) - 60) + 0.3 * people.frailty
    for disease, effect in (("ckd", 0.4), ("copd", 0.3), ("cancer", 0.8)):
        log = log + effect * people.has(disease, people.entry)
    years = np.minimum(rng.exponential(size=len(people)) / (0.012 * np.exp(log)), 200)
    # Ten days after the first contact, so that a death never precedes the record.
    start = np.where(failure < NEVER, failure + 367 * DAY, people.entry + 10 * DAY)
    death = start + (years * YEAR).astype(np.int64) // 60 * 60
    return np.where(death < STUDY_END, death, NEVER)
