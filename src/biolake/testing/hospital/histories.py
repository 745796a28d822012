"""One chunk of subjects, complete: the single version of events that every writer formats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from biolake.testing.hospital import care, faults
from biolake.testing.hospital.clock import NEVER, STUDY_END
from biolake.testing.hospital.columns import stack
from biolake.testing.hospital.encounters import (
    Encounters,
    ordinary,
    prior_admissions,
    readmissions,
    truth_contacts,
    within_life,
)
from biolake.testing.hospital.measurements import Measurements, measure, truth_values
from biolake.testing.hospital.population import Population, draw_population
from biolake.testing.hospital.terms import CHRONIC
from biolake.testing.hospital.truths import (
    HAZARD,
    Sepsis,
    Treatment,
    background_death,
    draw_sepsis,
    draw_treatment,
)

CHUNK = 500
"""Subjects drawn together from one random stream; part of the output, so never a setting."""


@dataclass(frozen=True)
class History:
    """Everything that happened to a chunk of subjects; all tables refer to rows of each other."""

    people: Population
    death: np.ndarray
    infarction: np.ndarray
    sepsis: Sepsis
    treatment: Treatment
    encounters: Encounters
    diagnoses: care.Diagnoses
    drugs: care.Orders
    procedures: care.Orders
    consults: care.Consults
    measurements: Measurements

    def first(self, count: int) -> History:
        """Keep the first `count` subjects."""
        if count >= len(self.people):
            return self
        keep = self.encounters.subject < count
        kept = {
            name: getattr(self, name).take(keep[getattr(self, name).encounter])
            for name in ("diagnoses", "drugs", "procedures", "consults")
        }
        truths = {
            name: replace(t, **{k: v[:count] for k, v in vars(t).items()})
            for name, t in (("sepsis", self.sepsis), ("treatment", self.treatment))
        }
        return replace(
            self,
            people=self.people.take(slice(count)),
            death=self.death[:count],
            infarction=self.infarction[:count],
            encounters=self.encounters.take(keep),
            measurements=self.measurements.take(self.measurements.subject < count),
            **kept,
            **truths,
        )

    def site_of(self, encounter: np.ndarray, subject: np.ndarray) -> np.ndarray:
        """Return where rows were recorded: the contact's site, or the subject's without one."""
        return np.where(encounter >= 0, self.encounters.site[encounter], self.people.site[subject])

    def patients_of(self, site: int) -> np.ndarray:
        """Return the rows of the subjects a site has a record of."""
        known = self.people.site == site
        known[self.encounters.subject[self.encounters.site == site]] = True
        return np.flatnonzero(known)

    def last_contact(self) -> np.ndarray:
        """Return when each subject's observation ends: death or the end of the study."""
        return np.minimum(self.death, STUDY_END)


def draw_history(
    seed: int, chunk: int, formats: tuple[str, ...], shared: tuple[int, int] | None
) -> History:
    """Draw chunk number `chunk`; its random stream depends on the seed and this number alone."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, chunk]))
    people = draw_population(rng, chunk * CHUNK, CHUNK, len(formats), shared)
    failure = people.onset[:, CHRONIC.index("heart_failure")]
    infarction = HAZARD.draw(rng, people)
    death = background_death(rng, people, failure)
    sepsis = draw_sepsis(rng, people, failure, death)
    death = np.where(sepsis.died, sepsis.end, death)
    index = np.where(failure < death, failure, NEVER)
    found = stack([ordinary(rng, people), truth_contacts(rng, people, infarction, sepsis)])
    treatment = draw_treatment(rng, people, index, prior_admissions(found, index))
    death = np.minimum(death, np.where(treatment.fatal, treatment.when, NEVER))
    found = stack([found, readmissions(rng, treatment)])
    found = within_life(found, people, death)
    sepsis = _reached(sepsis, death)
    return _cared_for(rng, people, found, death, infarction, sepsis, treatment, formats)


def _reached(sepsis: Sepsis, death: np.ndarray) -> Sepsis:
    """Forget the sepsis admissions that heart failure death forestalls."""
    lived = sepsis.start < death
    return replace(
        sepsis,
        start=np.where(lived, sepsis.start, NEVER),
        died=sepsis.died & lived,
        consult=np.where(lived, sepsis.consult, NEVER),
    )


def _cared_for(
    rng: np.random.Generator,
    people: Population,
    found: Encounters,
    death: np.ndarray,
    infarction: np.ndarray,
    sepsis: Sepsis,
    treatment: Treatment,
    formats: tuple[str, ...],
) -> History:
    measured = stack(
        [
            measure(rng, people, found, formats),
            truth_values(rng, found, sepsis, treatment),
        ]
    )
    diagnoses = care.diagnose(rng, people, found)
    drugs = care.prescribe(rng, people, found, sepsis, treatment)
    procedures = care.operate(rng, people, found, sepsis)
    measured = faults.finish(rng, people, found, measured, death)
    return History(
        people,
        death,
        infarction,
        sepsis,
        treatment,
        encounters=faults.reverse_some(rng, found),
        diagnoses=diagnoses,
        drugs=drugs,
        procedures=procedures,
        consults=care.consult(found, sepsis),
        measurements=measured,
    )
