"""Who is given an ECG, a film, a CT or a biopsy, when, and what it will show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import DAY
from biolake.testing.hospital.electrocardiograms import Heart
from biolake.testing.hospital.faults import NONE
from biolake.testing.hospital.items import item
from biolake.testing.hospital.population import expit
from biolake.testing.hospital.radiographs import Chest
from biolake.testing.hospital.terms import (
    CHRONIC,
    EMERGENCY,
    INPATIENT,
    OBSERVATION,
    OUTPATIENT,
    diagnosis,
)
from biolake.testing.hospital.tomograms import Lungs

if TYPE_CHECKING:
    from biolake.testing.hospital.histories import History

STREAM = 7_919
"""Sets these draws apart from those of the records, which stay what they are without assets."""
MOST = 10
"""No subject has as many examinations; they are numbered subject × MOST and on."""


@dataclass(frozen=True)
class Biopsy:
    """Share of a slide's tissue that is tumour, about."""

    tumour: float


@dataclass(frozen=True)
class Planned:
    """One examination to be made: whose (a row of people), when, and what it shows."""

    number: int
    subject: int
    encounter: int
    start: int
    shows: Heart | Chest | Lungs | Biopsy
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Visits:
    """The contacts of a chunk of subjects that an examination can belong to."""

    history: History
    rates: dict[int, float]
    of: dict[int, list[int]]


def visits(history: History) -> Visits:
    """Gather each subject's contacts (no outpatients: some sources do not show those)."""
    found, measured = history.encounters, history.measurements
    rows = (measured.item == item("heart_rate")) & (measured.fault == NONE)
    rows &= measured.encounter >= 0
    rates = dict(zip(measured.encounter[rows].tolist(), measured.value[rows].tolist(), strict=True))
    # A contact that ends before it starts holds nothing.
    usable = (found.setting != OUTPATIENT) & (found.setting != EMERGENCY)
    usable &= found.end > found.start + 1800
    of: dict[int, list[int]] = {}
    for row in np.flatnonzero(usable).tolist():
        of.setdefault(int(found.subject[row]), []).append(row)
    return Visits(history, rates, of)


def examinations(seen: Visits, site: int, seed: int, share: float) -> Iterator[Planned]:
    """Yield the examinations made at a site, of this share of the subjects."""
    people = seen.history.people
    for subject, rows in sorted(seen.of.items()):
        index = int(people.index[subject])
        rng = np.random.default_rng([seed, STREAM, index])
        if rng.random() >= share:
            continue
        plans = [*_cardiograms(rng, seen, subject, rows), *_pictures(rng, seen, subject, rows)]
        for number, (row, shows, findings) in enumerate(plans):
            start = _moment(rng, seen.history, row, number)
            if seen.history.encounters.site[row] == site:
                yield Planned(index * MOST + number, subject, row, start, shows, findings)


Plan = tuple[int, Heart | Chest | Lungs | Biopsy, tuple[str, ...]]


def _moment(rng: np.random.Generator, history: History, row: int, number: int) -> int:
    """Choose a moment early in a contact, another for each examination."""
    found = history.encounters
    length = int(found.end[row] - found.start[row])
    return int(found.start[row]) + min(600 + number * 97 + int(rng.integers(0, 1200)), length // 2)


def _of(seen: Visits, rows: list[int], setting: int, *reasons: str) -> list[int]:
    """Return the contacts of one setting with one of these reasons, in order."""
    found, wanted = seen.history.encounters, [diagnosis(name) for name in reasons]
    return [row for row in rows if found.setting[row] == setting and found.reason[row] in wanted]


def _has(seen: Visits, subject: int, disease: str, row: int) -> bool:
    onset = seen.history.people.onset[subject, CHRONIC.index(disease)]
    return bool(onset <= seen.history.encounters.start[row])


def _cardiograms(
    rng: np.random.Generator, seen: Visits, subject: int, rows: list[int]
) -> list[Plan]:
    """Give an ECG at the first visit to some, at heart failure, at an infarction and after it."""
    attack = _of(seen, rows, INPATIENT, "myocardial_infarction")[:1]
    failing = _of(seen, rows, OBSERVATION, "heart_failure")[:1]
    first = _of(seen, rows, OBSERVATION, "check_up")[:1]
    begins = seen.history.encounters.start
    after = [row for row in rows if attack and begins[row] > begins[attack[0]] + 30 * DAY][:1]
    routine = rng.random() < (0.8 if attack or failing else 0.25)
    chosen = sorted({*attack, *after, *failing, *(first if routine else [])})
    traits = rng.random(6)
    return [(row, *_heart(rng, seen, subject, row, traits)) for row in chosen]


def _heart(
    rng: np.random.Generator, seen: Visits, subject: int, row: int, traits: np.ndarray
) -> tuple[Heart, tuple[str, ...]]:
    """Say what a subject's ECG shows at a contact; what made the traits stays with the subject."""
    found = _heart_findings(seen, subject, row, traits)
    given = seen.rates.get(row, 74 + 9 * float(rng.normal()))
    rate = float(np.clip(given, 66, 135) if "AFIB" in found else np.clip(given, 52, 120))
    qt = 395 * (60 / rate) ** (1 / 3) + 12 * float(rng.normal()) + 30 * ("CLBBB" in found)
    pr = 60 * ("1AVB" in found) + float(np.clip(160 + 16 * rng.normal(), 125, 192))
    room = 60_000 / rate - qt - 30
    if "1AVB" in found and room < pr:
        found, pr = tuple(name for name in found if name != "1AVB"), 160.0
    voltage = (1.75 if "LVH" in found else 1.0) * float(np.clip(1 + 0.1 * rng.normal(), 0.8, 1.25))
    rhythm = "SBRAD" if rate < 60 else "STACH" if rate > 100 else "SR"
    said = found if "AFIB" in found else (rhythm, *found) if found else (rhythm, "NORM")
    return Heart(rate, min(pr, room), qt, found, voltage), said


def _heart_findings(seen: Visits, subject: int, row: int, traits: np.ndarray) -> tuple[str, ...]:
    history = seen.history
    start = history.encounters.start[row]
    failing = _has(seen, subject, "heart_failure", row)
    tense = _has(seen, subject, "hypertension", row)
    age = float(history.people.age(np.full(len(history.people), start))[subject])
    risk = expit(np.array(-3.0 + 0.05 * (age - 60) + 1.0 * failing + 0.3 * tense))
    found = []
    if traits[0] < risk:
        found.append("AFIB")
    elif traits[1] < 0.06:
        found.append("1AVB")
    if traits[2] < (0.14 if failing else 0.02):
        found.append("CLBBB")
    elif traits[2] > 0.95:
        found.append("CRBBB")
    if history.infarction[subject] <= start and "CLBBB" not in found:
        found.append("IMI" if traits[3] < 0.5 else "AMI")
        if history.encounters.reason[row] == diagnosis("myocardial_infarction"):
            found.append("STE_")
    if tense and traits[4] < 0.3 and "CLBBB" not in found:
        found.append("LVH")
    return tuple(found)


def _pictures(rng: np.random.Generator, seen: Visits, subject: int, rows: list[int]) -> list[Plan]:
    """Give a film and a CT to some with lungs or a heart that are ill, a biopsy to some cancers."""
    plans: list[Plan] = []
    chances = rng.random(5)
    ill = _of(seen, rows, INPATIENT, "pneumonia", "copd_flare", "acute_heart_failure", "sepsis")
    ill = ill or _of(seen, rows, OBSERVATION, "heart_failure")
    if ill and chances[0] < 0.3:
        plans.append(_film(rng, seen, subject, ill[0]))
    elif not ill and chances[0] < 0.1:
        plans.append(_film(rng, seen, subject, rows[0]))
    lungs = _of(seen, rows, INPATIENT, "pneumonia", "copd_flare")
    if lungs and chances[1] < 0.08:
        plans.append(_scan(rng, seen, subject, lungs[0]))
    cancer = [row for row in rows if _has(seen, subject, "cancer", row)]
    if cancer and chances[2] < 0.12:
        tumour = float(rng.uniform(0.05, 0.7))
        plans.append((cancer[0], Biopsy(tumour), ("tumour",)))
    return plans


def _film(rng: np.random.Generator, seen: Visits, subject: int, row: int) -> Plan:
    infected = seen.history.encounters.reason[row] == diagnosis("pneumonia")
    failing = _has(seen, subject, "heart_failure", row)
    opacity = float(rng.uniform(0.08, 0.3)) if infected else 0.0
    width = float(np.clip(rng.normal(0.585 if failing else 0.455, 0.022), 0.38, 0.68))
    found = [
        name for name, there in (("opacity", opacity), ("cardiomegaly", width > 0.52)) if there
    ]
    return row, Chest(width, opacity, bool(rng.random() < 0.5)), tuple(found or ["no finding"])


def _scan(rng: np.random.Generator, seen: Visits, subject: int, row: int) -> Plan:
    infected = seen.history.encounters.reason[row] == diagnosis("pneumonia")
    obstructed = _has(seen, subject, "copd", row)
    lungs = Lungs(
        size=float(rng.uniform(0.85, 1.05) * (1.15 if obstructed else 1.0)),
        emphysema=float(rng.uniform(0.04, 0.16)) if obstructed else 0.0,
        glass=float(rng.uniform(0.0, 0.08)) if infected else 0.0,
        consolidation=float(rng.uniform(0.03, 0.1)) if infected else 0.0,
    )
    found = [n for n, there in (("opacity", infected), ("emphysema", obstructed)) if there]
    return row, lungs, tuple(found or ["no finding"])
