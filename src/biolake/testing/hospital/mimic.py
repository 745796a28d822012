"""Write a site as MIMIC-IV tables (dates unshifted, column names as in version 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import HOUR, ICD10_START, NEVER, year_of
from biolake.testing.hospital.csv_files import CsvFiles, days, moments, partly
from biolake.testing.hospital.encounters import ordinals
from biolake.testing.hospital.faults import NO_ENCOUNTER, ORPHAN
from biolake.testing.hospital.items import LABS, OTHER_UNITS, item
from biolake.testing.hospital.mimic_icu import ADMISSIONS, SUBJECTS, UNIT, IntensiveCareFiles
from biolake.testing.hospital.recording import Recorded, numbers, record
from biolake.testing.hospital.terms import (
    DIAGNOSES,
    DRUGS,
    EMERGENCY,
    INPATIENT,
    OUTPATIENT,
    PROCEDURES,
    diagnosis,
)

if TYPE_CHECKING:
    from pathlib import Path

    from biolake.testing.hospital.histories import History

RACES = ("WHITE", "BLACK/AFRICAN AMERICAN", "ASIAN", "HISPANIC OR LATINO", "OTHER")
MARITAL = ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED")
INSURANCE = ("Medicare", "Medicaid", "Other")
LANGUAGE = ("ENGLISH", "?")


def pick(words: tuple[str, ...], rows: np.ndarray) -> np.ndarray:
    """Look words up by row number."""
    return np.array(words, object)[rows]


class MimicFiles:
    """One site's MIMIC-IV folder; outpatient visits leave only laboratory and OMR rows."""

    def __init__(self, folder: Path, site: int) -> None:
        self.site = site
        self.files = CsvFiles(folder / "mimic")
        self.icu = IntensiveCareFiles(self.files, site)
        self._dictionaries()

    def write(self, history: History) -> None:
        """Append one chunk of subjects."""
        recorded = record(history, self.site, "mimic")
        self._patients(history)
        self._admissions(history)
        self._diagnoses(history)
        self._procedures(history)
        self._prescriptions(history)
        self._labs(history, recorded)
        self.icu.write(history, recorded)
        self._omr(history, recorded)

    def close(self) -> None:
        """Close the files."""
        self.files.close()

    def _dictionaries(self) -> None:
        other = OTHER_UNITS["mimic"]
        labs = [(i.mimic, i.title) for i in LABS] + [(other["glucose"].mimic, "Glucose")]
        ids, titles = zip(*labs, strict=True)
        self.files.write(
            "hosp/d_labitems",
            len(ids),
            {
                "itemid": np.array(ids),
                "label": list(titles),
                "fluid": "Blood",
                "category": "Chemistry",
            },
        )
        for name, terms in (("diagnoses", DIAGNOSES), ("procedures", PROCEDURES)):
            codes = [(t.icd9, 9, t.title) for t in terms] + [(t.icd10, 10, t.title) for t in terms]
            code, version, title = zip(*codes, strict=True)
            self.files.write(
                f"hosp/d_icd_{name}",
                len(code),
                {
                    "icd_code": list(code),
                    "icd_version": np.array(version),
                    "long_title": list(title),
                },
            )

    def _subject(self, history: History, rows: np.ndarray) -> np.ndarray:
        return SUBJECTS + history.people.index[rows]

    def _patients(self, history: History) -> None:
        who = history.patients_of(self.site)
        people = history.people.take(who)
        death = history.death[who]
        year = year_of(people.entry)
        group = (year - 2008) // 3 * 3 + 2008
        self.files.write(
            "hosp/patients",
            len(who),
            {
                "subject_id": SUBJECTS + people.index,
                "gender": np.where(people.male, "M", "F"),
                "anchor_age": people.age(people.entry),
                "anchor_year": year,
                "anchor_year_group": [f"{g} - {g + 2}" for g in group.tolist()],
                "dod": days(death, death == NEVER),
            },
        )

    def _admissions(self, history: History) -> None:
        found = history.encounters
        found = found.take((found.site == self.site) & (found.setting != OUTPATIENT))
        people = history.people.take(found.subject)
        kinds = (None, "AMBULATORY OBSERVATION", "EU OBSERVATION", "EW EMER.")
        urgent = (found.setting == EMERGENCY) | (found.setting == INPATIENT)
        self.files.write(
            "hosp/admissions",
            len(found),
            {
                "subject_id": SUBJECTS + people.index,
                "hadm_id": ADMISSIONS + found.number,
                "admittime": moments(found.start),
                "dischtime": moments(found.end),
                "deathtime": moments(found.end, ~found.died),
                "admission_type": pick(kinds, found.setting),
                "admit_provider_id": [f"P{n % 97:02d}ADM" for n in found.number.tolist()],
                "admission_location": pick(("PHYSICIAN REFERRAL", "EMERGENCY ROOM"), urgent * 1),
                "discharge_location": pick(("HOME", "DIED"), found.died * 1),
                "insurance": pick(INSURANCE, people.insurance),
                "language": pick(LANGUAGE, people.language),
                "marital_status": pick(MARITAL, people.marital),
                "race": pick(RACES, people.race),
                "edregtime": moments(found.start - 2 * HOUR, ~urgent),
                "edouttime": moments(found.start, ~urgent),
                "hospital_expire_flag": found.died * 1,
            },
        )
        self._transfers(found, people.index)

    def _transfers(self, found, index: np.ndarray) -> None:
        icu = found.icu_in < NEVER
        every = np.ones(len(found), bool)
        ward_ends = np.where(icu, found.icu_in, found.end)
        for number, (kind, rows, unit, enters, leaves) in enumerate(
            (
                ("admit", every, "Medicine", found.start, moments(ward_ends)),
                ("transfer", icu, UNIT, found.icu_in, moments(found.icu_out)),
                ("discharge", every, None, found.end, moments(found.end, every)),
            )
        ):
            self.files.write(
                "hosp/transfers",
                int(rows.sum()),
                {
                    "subject_id": SUBJECTS + index[rows],
                    "hadm_id": ADMISSIONS + found.number[rows],
                    "transfer_id": 40_000_000 + found.number[rows] * 4 + number,
                    "eventtype": kind,
                    "careunit": unit,
                    "intime": moments(enters[rows]),
                    "outtime": leaves.filter(rows),
                },
            )

    def _admitted(self, history: History, encounter: np.ndarray) -> np.ndarray:
        found = history.encounters
        return (found.site[encounter] == self.site) & (found.setting[encounter] != OUTPATIENT)

    def _diagnoses(self, history: History) -> None:
        found, coded = history.encounters, history.diagnoses
        # Billing codes are known at discharge only, so this one also gives the outcome away.
        asked = history.consults.encounter
        last = np.bincount(coded.encounter, minlength=len(found))[asked] + 1
        at = np.r_[coded.encounter, asked]
        rank = np.r_[coded.rank, last]
        term = np.r_[coded.term, np.full(len(asked), diagnosis("palliative_care"))]
        rows = np.flatnonzero(self._admitted(history, at))
        rows = rows[np.lexsort((rank[rows], at[rows]))]
        at, rank, term = at[rows], rank[rows], term[rows]
        new = found.start[at] >= ICD10_START
        icd9 = pick(tuple(t.icd9 for t in DIAGNOSES), term)
        self.files.write(
            "hosp/diagnoses_icd",
            len(rows),
            {
                "subject_id": self._subject(history, found.subject[at]),
                "hadm_id": ADMISSIONS + found.number[at],
                "seq_num": rank,
                "icd_code": np.where(new, pick(tuple(t.icd10 for t in DIAGNOSES), term), icd9),
                "icd_version": np.where(new, 10, 9),
            },
        )

    def _procedures(self, history: History) -> None:
        found = history.encounters
        done = history.procedures
        done = done.take(self._admitted(history, done.encounter))
        at = done.encounter
        new = found.start[at] >= ICD10_START
        icd9 = pick(tuple(t.icd9 for t in PROCEDURES), done.term)
        self.files.write(
            "hosp/procedures_icd",
            len(done),
            {
                "subject_id": self._subject(history, found.subject[at]),
                "hadm_id": ADMISSIONS + found.number[at],
                "seq_num": ordinals(at) + 1,
                "chartdate": days(done.start),
                "icd_code": np.where(
                    new, pick(tuple(t.icd10 for t in PROCEDURES), done.term), icd9
                ),
                "icd_version": np.where(new, 10, 9),
            },
        )

    def _prescriptions(self, history: History) -> None:
        found, given = history.encounters, history.drugs
        given = given.take(self._admitted(history, given.encounter))
        at = given.encounter
        dose = pick(tuple(d.dose for d in DRUGS), given.term)
        unit = pick(tuple(d.unit for d in DRUGS), given.term)
        blank = dict.fromkeys(("formulary_drug_cd", "gsn", "ndc", "prod_strength", "form_rx"))
        self.files.write(
            "hosp/prescriptions",
            len(given),
            {
                "subject_id": self._subject(history, found.subject[at]),
                "hadm_id": ADMISSIONS + found.number[at],
                "pharmacy_id": found.number[at] * len(DRUGS) + given.term,
                "poe_id": None,
                "poe_seq": None,
                "order_provider_id": None,
                "starttime": moments(given.start),
                "stoptime": moments(given.end),
                "drug_type": "MAIN",
                "drug": pick(tuple(d.name.capitalize() for d in DRUGS), given.term),
                **blank,
                "dose_val_rx": dose,
                "dose_unit_rx": unit,
                "form_val_disp": "1",
                "form_unit_disp": "DOSE",
                "doses_per_24_hrs": 1,
                "route": pick(tuple(d.route for d in DRUGS), given.term),
            },
        )

    def _labs(self, history: History, recorded: Recorded) -> None:
        rows = recorded.take(recorded.measured.item < len(LABS))
        found, measured = history.encounters, rows.measured
        index = history.people.index[measured.subject]
        outside = found.setting[measured.encounter] == OUTPATIENT
        orphan = measured.fault == ORPHAN
        hadm = np.where(orphan, NO_ENCOUNTER + index, ADMISSIONS + found.number[measured.encounter])
        minutes = measured.time // 60 % 10_000_000
        self.files.write(
            "hosp/labevents",
            len(measured),
            {
                "labevent_id": measured.key,
                "subject_id": SUBJECTS + index,
                "hadm_id": partly(hadm, ~orphan & (outside | (measured.encounter < 0))),
                "specimen_id": index * 10_000_000 + minutes,
                "itemid": rows.mimic,
                "order_provider_id": None,
                "charttime": moments(measured.time),
                "storetime": moments(measured.time + HOUR),
                "value": numbers(rows.value),
                "valuenum": rows.value,
                "valueuom": rows.unit,
                "ref_range_lower": None,
                "ref_range_upper": None,
                "flag": None,
                "priority": "ROUTINE",
                "comments": None,
            },
        )

    def _omr(self, history: History, recorded: Recorded) -> None:
        found = recorded.measured
        at = found.encounter
        clinic = (at >= 0) & (history.encounters.setting[at] < EMERGENCY)
        weight = recorded.take(clinic & (found.item == item("weight")))
        pounds = numbers(np.round(weight.value * 2.20462, 1))
        self._omr_rows(history, weight.measured, "Weight (Lbs)", pounds)
        upper = recorded.take(clinic & (found.item == item("systolic")))
        lower = recorded.take(clinic & (found.item == item("diastolic")))
        _, first, second = np.intersect1d(
            upper.measured.encounter, lower.measured.encounter, return_indices=True
        )
        pairs = zip(numbers(upper.value[first]), numbers(lower.value[second]), strict=True)
        pressures = [f"{high}/{low}" for high, low in pairs]
        self._omr_rows(history, upper.measured.take(first), "Blood Pressure", pressures)

    def _omr_rows(self, history: History, found, name: str, values: list[str]) -> None:
        self.files.write(
            "hosp/omr",
            len(found),
            {
                "subject_id": self._subject(history, found.subject),
                "chartdate": days(found.time),
                "seq_num": 1,
                "result_name": name,
                "result_value": values,
            },
        )
