"""Write a site as OMOP CDM 5.4 tables; times have no offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import NEVER, year_of
from biolake.testing.hospital.csv_files import CsvFiles, days, moments, partly
from biolake.testing.hospital.faults import NO_ENCOUNTER, ORPHAN
from biolake.testing.hospital.omop_vocabulary import UNIT_CONCEPTS, write_vocabulary
from biolake.testing.hospital.recording import Recorded, numbers, record
from biolake.testing.hospital.terms import (
    DIAGNOSES,
    DRUGS,
    PALLIATIVE_CONCEPT,
    PALLIATIVE_CONSULT,
    PROCEDURES,
    SETTINGS,
    dotted,
)

if TYPE_CHECKING:
    from pathlib import Path

    from biolake.testing.hospital.histories import History

EHR, DIED = 32817, 4216643
PRIMARY, SECONDARY = 32902, 32908
MALE, FEMALE = 8507, 8532
VISITS = (9202, 581385, 9203, 9201)  # outpatient, observation room, emergency room, inpatient
RACES = (8527, 8516, 8515, 0, 0)
HISPANIC, NOT_HISPANIC = 38003563, 38003564


class OmopFiles:
    """One site's OMOP folder."""

    def __init__(self, folder: Path, site: int) -> None:
        self.site = site
        self.files = CsvFiles(folder / "omop")
        write_vocabulary(self.files, site)

    def write(self, history: History) -> None:
        """Append one chunk of subjects."""
        self._persons(history)
        self._visits(history)
        self._conditions(history)
        self._drugs(history)
        self._procedures(history)
        self._measurements(history, record(history, self.site, "omop"))
        self._observations(history)

    def close(self) -> None:
        """Close the files."""
        self.files.close()

    def _persons(self, history: History) -> None:
        who = history.patients_of(self.site)
        people = history.people.take(who)
        born = people.birth.astype("datetime64[s]")
        month = born.astype("datetime64[M]")
        person = people.index + 1
        hispanic = people.race == 3
        self.files.write(
            "person",
            len(who),
            {
                "person_id": person,
                "gender_concept_id": np.where(people.male, MALE, FEMALE),
                "year_of_birth": year_of(people.birth),
                "month_of_birth": month.astype(np.int64) % 12 + 1,
                "day_of_birth": (born.astype("datetime64[D]") - month).astype(np.int64) + 1,
                "birth_datetime": moments(people.birth),
                "race_concept_id": np.take(RACES, people.race),
                "ethnicity_concept_id": np.where(hispanic, HISPANIC, NOT_HISPANIC),
                "location_id": 1,
                "provider_id": None,
                "care_site_id": 1,
                "person_source_value": [f"S{self.site + 1}-{p:08d}" for p in person.tolist()],
                "gender_source_value": np.where(people.male, "M", "F"),
                "gender_source_concept_id": 0,
                "race_source_value": None,
                "race_source_concept_id": 0,
                "ethnicity_source_value": None,
                "ethnicity_source_concept_id": 0,
            },
        )
        self._periods(history, who)

    def _periods(self, history: History, who: np.ndarray) -> None:
        person = history.people.index[who] + 1
        self.files.write(
            "observation_period",
            len(who),
            {
                "observation_period_id": person,
                "person_id": person,
                "observation_period_start_date": days(history.people.entry[who]),
                "observation_period_end_date": days(history.last_contact()[who]),
                "period_type_concept_id": EHR,
            },
        )
        dead = who[history.death[who] < NEVER]
        self.files.write(
            "death",
            len(dead),
            {
                "person_id": history.people.index[dead] + 1,
                "death_date": days(history.death[dead]),
                "death_datetime": moments(history.death[dead]),
                "death_type_concept_id": EHR,
                "cause_concept_id": None,
                "cause_source_value": None,
                "cause_source_concept_id": None,
            },
        )

    def _visits(self, history: History) -> None:
        found = history.encounters.take(history.encounters.site == self.site)
        self.files.write(
            "visit_occurrence",
            len(found),
            {
                "visit_occurrence_id": found.number + 1,
                "person_id": history.people.index[found.subject] + 1,
                "visit_concept_id": np.take(VISITS, found.setting),
                "visit_start_date": days(found.start),
                "visit_start_datetime": moments(found.start),
                "visit_end_date": days(found.end),
                "visit_end_datetime": moments(found.end),
                "visit_type_concept_id": EHR,
                "provider_id": None,
                "care_site_id": 1,
                "visit_source_value": np.array(SETTINGS, object)[found.setting],
                "visit_source_concept_id": 0,
                "admitted_from_concept_id": 0,
                "admitted_from_source_value": None,
                "discharged_to_concept_id": np.where(found.died, DIED, 0),
                "discharged_to_source_value": np.where(found.died, "DIED", "HOME"),
                "preceding_visit_occurrence_id": None,
            },
        )

    def _person_and_visit(self, history: History, at: np.ndarray) -> dict[str, np.ndarray]:
        found = history.encounters
        return {
            "person_id": history.people.index[found.subject[at]] + 1,
            "visit_occurrence_id": found.number[at] + 1,
        }

    def _here(self, history: History, encounter: np.ndarray) -> np.ndarray:
        return history.encounters.site[encounter] == self.site

    def _conditions(self, history: History) -> None:
        coded = history.diagnoses.take(self._here(history, history.diagnoses.encounter))
        at = coded.encounter
        ids = self._person_and_visit(history, at)
        start = history.encounters.start[at]
        main = coded.rank == 1
        self.files.write(
            "condition_occurrence",
            len(coded),
            {
                "condition_occurrence_id": history.encounters.number[at] * 16 + coded.rank,
                "person_id": ids["person_id"],
                "condition_concept_id": np.array([d.concept for d in DIAGNOSES])[coded.term],
                "condition_start_date": days(start),
                "condition_start_datetime": moments(start),
                "condition_end_date": None,
                "condition_end_datetime": None,
                "condition_type_concept_id": EHR,
                "condition_status_concept_id": np.where(main, PRIMARY, SECONDARY),
                "stop_reason": None,
                "provider_id": None,
                "visit_occurrence_id": ids["visit_occurrence_id"],
                "visit_detail_id": None,
                "condition_source_value": np.array([dotted(d.icd10) for d in DIAGNOSES], object)[
                    coded.term
                ],
                "condition_source_concept_id": 0,
                "condition_status_source_value": np.where(main, "primary", "secondary"),
            },
        )

    def _drugs(self, history: History) -> None:
        given = history.drugs.take(self._here(history, history.drugs.encounter))
        at = given.encounter
        ids = self._person_and_visit(history, at)
        term = given.term
        self.files.write(
            "drug_exposure",
            len(given),
            {
                "drug_exposure_id": history.encounters.number[at] * 16 + term,
                "person_id": ids["person_id"],
                "drug_concept_id": np.array([d.concept for d in DRUGS])[term],
                "drug_exposure_start_date": days(given.start),
                "drug_exposure_start_datetime": moments(given.start),
                "drug_exposure_end_date": days(given.end),
                "drug_exposure_end_datetime": moments(given.end),
                "verbatim_end_date": None,
                "drug_type_concept_id": EHR,
                "stop_reason": None,
                "refills": 0,
                "quantity": 1,
                "days_supply": np.array([int(d.days) for d in DRUGS])[term],
                "sig": None,
                "route_concept_id": 0,
                "lot_number": None,
                "provider_id": None,
                "visit_occurrence_id": ids["visit_occurrence_id"],
                "visit_detail_id": None,
                "drug_source_value": np.array([d.name for d in DRUGS], object)[term],
                "drug_source_concept_id": 0,
                "route_source_value": np.array([d.route for d in DRUGS], object)[term],
                "dose_unit_source_value": np.array([d.unit for d in DRUGS], object)[term],
            },
        )

    def _procedures(self, history: History) -> None:
        done = history.procedures.take(self._here(history, history.procedures.encounter))
        at = done.encounter
        ids = self._person_and_visit(history, at)
        self.files.write(
            "procedure_occurrence",
            len(done),
            {
                "procedure_occurrence_id": history.encounters.number[at] * 16 + done.term,
                "person_id": ids["person_id"],
                "procedure_concept_id": np.array([p.concept for p in PROCEDURES])[done.term],
                "procedure_date": days(done.start),
                "procedure_datetime": moments(done.start),
                "procedure_end_date": days(done.end),
                "procedure_end_datetime": moments(done.end),
                "procedure_type_concept_id": EHR,
                "modifier_concept_id": 0,
                "quantity": 1,
                "provider_id": None,
                "visit_occurrence_id": ids["visit_occurrence_id"],
                "visit_detail_id": None,
                "procedure_source_value": np.array([p.icd10 for p in PROCEDURES], object)[
                    done.term
                ],
                "procedure_source_concept_id": 0,
                "modifier_source_value": None,
            },
        )

    def _measurements(self, history: History, recorded: Recorded) -> None:
        found = recorded.measured
        index = history.people.index[found.subject]
        orphan = found.fault == ORPHAN
        number = history.encounters.number[found.encounter] + 1
        visit = partly(
            np.where(orphan, NO_ENCOUNTER + index, number), ~orphan & (found.encounter < 0)
        )
        units = [UNIT_CONCEPTS[u] for u in recorded.unit.tolist()]
        self.files.write(
            "measurement",
            len(found),
            {
                "measurement_id": found.key,
                "person_id": index + 1,
                "measurement_concept_id": recorded.concept,
                "measurement_date": days(found.time),
                "measurement_datetime": moments(found.time),
                "measurement_time": None,
                "measurement_type_concept_id": EHR,
                "operator_concept_id": None,
                "value_as_number": recorded.value,
                "value_as_concept_id": None,
                "unit_concept_id": np.array(units, np.int64),
                **dict.fromkeys(("range_low", "range_high", "provider_id")),
                "visit_occurrence_id": visit,
                "visit_detail_id": None,
                "measurement_source_value": recorded.loinc,
                "measurement_source_concept_id": 0,
                "unit_source_value": recorded.unit,
                "unit_source_concept_id": None,
                "value_source_value": numbers(recorded.value),
                **dict.fromkeys(("measurement_event_id", "meas_event_field_concept_id")),
            },
        )

    def _observations(self, history: History) -> None:
        asked = history.consults.take(self._here(history, history.consults.encounter))
        ids = self._person_and_visit(history, asked.encounter)
        empty = dict.fromkeys(("value_as_concept_id", "qualifier_concept_id", "unit_concept_id"))
        self.files.write(
            "observation",
            len(asked),
            {
                "observation_id": ids["visit_occurrence_id"],
                "person_id": ids["person_id"],
                "observation_concept_id": PALLIATIVE_CONCEPT,
                "observation_date": days(asked.time),
                "observation_datetime": moments(asked.time),
                "observation_type_concept_id": EHR,
                "value_as_number": None,
                "value_as_string": "Requested",
                **empty,
                "provider_id": None,
                "visit_occurrence_id": ids["visit_occurrence_id"],
                "visit_detail_id": None,
                "observation_source_value": PALLIATIVE_CONSULT,
                "observation_source_concept_id": 0,
                "unit_source_value": None,
                "qualifier_source_value": None,
                "value_source_value": "Requested",
                "observation_event_id": None,
                "obs_event_field_concept_id": None,
            },
        )
