"""What is diagnosed, prescribed, done and asked for at each contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY, NEVER
from biolake.testing.hospital.columns import Columns, stack
from biolake.testing.hospital.encounters import Encounters, ordinals
from biolake.testing.hospital.terms import (
    CHRONIC,
    DRUGS,
    INPATIENT,
    OBSERVATION,
    OUTPATIENT,
    diagnosis,
    drug,
    procedure,
)

if TYPE_CHECKING:
    from biolake.testing.hospital.population import Population
    from biolake.testing.hospital.truths import Sepsis, Treatment

USUAL = {
    "hypertension": "lisinopril",
    "diabetes": "metformin",
    "heart_failure": "furosemide",
    "copd": "albuterol",
}


@dataclass(frozen=True)
class Diagnoses(Columns):
    """One row per coded diagnosis; `rank` 1 is the main one."""

    encounter: np.ndarray
    rank: np.ndarray
    term: np.ndarray


@dataclass(frozen=True)
class Orders(Columns):
    """One row per drug ordered or procedure done; `term` is a row of DRUGS or PROCEDURES."""

    encounter: np.ndarray
    start: np.ndarray
    end: np.ndarray
    term: np.ndarray


@dataclass(frozen=True)
class Consults(Columns):
    """One row per palliative care consult asked for."""

    encounter: np.ndarray
    time: np.ndarray


def diagnose(rng: np.random.Generator, people: Population, found: Encounters) -> Diagnoses:
    """Code each contact: its reason first, then the diseases known by then (90 % of them)."""
    every = np.arange(len(found))
    main = Diagnoses(every, np.ones_like(every), found.reason)
    known = people.onset[found.subject] <= found.start[:, None]
    coded = known & (rng.random(known.shape) < 0.9)
    # Baseline kidney disease defines a truth, so the entry visit always codes it.
    entry = found.start == people.entry[found.subject]
    ckd = CHRONIC.index("ckd")
    coded[entry, ckd] = known[entry, ckd]
    coded[every, np.minimum(found.reason, len(CHRONIC) - 1)] &= found.reason >= len(CHRONIC)
    where, which = np.nonzero(coded)
    others = Diagnoses(where, np.ones_like(where), which)
    both = stack([main, others])
    both = both.take(np.argsort(both.encounter, kind="stable"))
    return Diagnoses(both.encounter, ordinals(both.encounter) + 1, both.term)


def order(found: Encounters, where: np.ndarray, name: str, delay: int) -> Orders:
    """Order one drug `delay` seconds into these contacts."""
    start = found.start[where] + delay
    length = int(DRUGS[drug(name)].days * DAY)
    return Orders(where, start, start + length, np.full(len(where), drug(name)))


def prescribe(
    rng: np.random.Generator,
    people: Population,
    found: Encounters,
    sepsis: Sepsis,
    treatment: Treatment,
) -> Orders:
    """Order the study drugs, the usual drugs of chronic disease and those of acute illness."""
    failure = (found.setting == OBSERVATION) & (found.reason == diagnosis("heart_failure"))
    chosen = treatment.study_drug[found.subject]
    infarct = np.flatnonzero(found.reason == diagnosis("myocardial_infarction"))
    septic = found.reason == diagnosis("sepsis")
    shock = septic & (sepsis.systolic[found.subject] < 100)
    parts = [
        order(found, np.flatnonzero(failure & chosen), "metoprolol", 3000),
        order(found, np.flatnonzero(failure & ~chosen), "carvedilol", 3000),
        order(found, infarct, "aspirin", 1800),
        order(found, infarct, "atorvastatin", 5400),
        order(found, np.flatnonzero(septic), "ceftriaxone", 3600),
        order(found, np.flatnonzero(shock), "norepinephrine", 5400),
    ]
    for disease, name in USUAL.items():
        column = people.onset[found.subject, CHRONIC.index(disease)]
        refills = (column <= found.start) & (rng.random(len(found)) < 0.55)
        parts.append(order(found, np.flatnonzero(refills & (found.setting != 2)), name, 1500))
    orders = stack(parts)
    orders = orders.take(orders.start < found.end[orders.encounter])
    return orders.take(np.lexsort((orders.term, orders.encounter)))


def operate(
    rng: np.random.Generator, people: Population, found: Encounters, sepsis: Sepsis
) -> Orders:
    """Choose the procedures that follow from the reason for contact."""
    chance = rng.random(len(found))
    septic = found.reason == diagnosis("sepsis")
    ckd = people.has("ckd", NEVER - 1)[found.subject]
    wanted = {
        "coronary_stent": (found.reason == diagnosis("myocardial_infarction")) & (chance < 0.7),
        "ventilation": septic & (sepsis.lactate[found.subject] > 4) & (chance < 0.6),
        "hip_replacement": (found.reason == diagnosis("hip_fracture")) & (chance < 0.9),
        "dialysis": ckd & (found.setting == INPATIENT) & (chance < 0.05),
        "colonoscopy": (found.setting == OUTPATIENT) & (chance < 0.04),
    }
    parts = []
    for name, where in wanted.items():
        at = np.flatnonzero(where)
        start = found.start[at] + rng.integers(10, 40, len(at)) * 60
        parts.append(Orders(at, start, start + 3600, np.full(len(at), procedure(name))))
    done = stack(parts)
    done = done.take(done.start < found.end[done.encounter])
    return done.take(np.lexsort((done.term, done.encounter)))


def consult(found: Encounters, sepsis: Sepsis) -> Consults:
    """Chart the palliative care consults: a day or more into sepsis, mostly before death."""
    asked = sepsis.consult[found.subject] < NEVER
    at = np.flatnonzero(asked & (found.reason == diagnosis("sepsis")))
    return Consults(at, sepsis.consult[found.subject[at]])
