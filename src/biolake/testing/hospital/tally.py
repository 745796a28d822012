"""Add up the truths while subjects stream by, and write truth.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital import faults
from biolake.testing.hospital.clock import NEVER, STUDY_END, texts
from biolake.testing.hospital.identities import NATIONAL_SYSTEM, fhir_patient, hl7_patient, national
from biolake.testing.hospital.population import expit
from biolake.testing.hospital.terms import SETTINGS
from biolake.testing.hospital.truth_codes import codes_of
from biolake.testing.hospital.truths import EFFECT, HAZARD, PREDICTION

if TYPE_CHECKING:
    from pathlib import Path

    from biolake.testing.hospital.histories import History

SCHEMA = "biolake-hospital-truth/1"
SCORE_BINS = 20_000
"""The Bayes AUC counts scores in bins of 0.001 from -10 to 10, ties as one half."""


class Tally:
    """Running sums per site; memory does not grow with subjects, but for the shared pairs."""

    def __init__(self, by_site: tuple[str, ...], shared: tuple[int, int] | None) -> None:
        k = len(by_site)
        self.by_site = by_site
        self.shared = shared
        self.encounters = self.measurements = 0
        self._pairs: list[dict[str, str]] = []
        self._faults = np.zeros((k, 7), np.int64)
        self._counts = np.zeros((k, 5 + len(SETTINGS)), np.int64)
        self._effect = np.zeros((k, 10))
        self._hazard = np.zeros((k, 4))
        self._scores = np.zeros((k, 2, SCORE_BINS), np.int64)
        self._leak = np.zeros((k, 4), np.int64)

    def add(self, history: History) -> None:
        """Count one chunk of subjects."""
        self.encounters += len(history.encounters)
        self.measurements += len(history.measurements)
        for site in range(len(self.by_site)):
            self._count(history, site)
            self._count_effect(history, site)
            self._count_hazard(history, site)
            self._count_prediction(history, site)
        self._share(history)

    def _count(self, history: History, site: int) -> None:
        found = history.encounters
        here = found.site == site
        measured = history.measurements
        kinds = measured.fault[history.site_of(measured.encounter, measured.subject) == site]
        self._faults[site, :6] += np.bincount(kinds, minlength=6)
        self._faults[site, 6] += int((here & (found.end < found.start)).sum())
        who = history.patients_of(site)
        self._counts[site, :5] += [
            len(who),
            int((history.people.site[who] == site).sum()),
            int((history.death[who] < NEVER).sum()),
            int(here.sum()),
            len(kinds),
        ]
        self._counts[site, 5:] += np.bincount(found.setting[here], minlength=len(SETTINGS))

    def _count_effect(self, history: History, site: int) -> None:
        treatment = history.treatment
        rows = treatment.eligible & (history.people.site == site)
        took, happened = treatment.study_drug[rows], treatment.when[rows] < NEVER
        self._effect[site] += [
            rows.sum(),
            *treatment.outcome[rows].sum(axis=0),
            *treatment.risk[rows].sum(axis=0),
            took.sum(),
            (took & happened).sum(),
            (~took & happened).sum(),
            happened.sum(),
            treatment.fatal[rows].sum(),
        ]

    def _count_hazard(self, history: History, site: int) -> None:
        home = history.people.site == site
        end = history.last_contact()
        observed = home & (history.infarction < end)
        years = (np.minimum(history.infarction, end) - history.people.entry) / 31_557_600
        ckd = home & history.people.has("ckd", history.people.entry)
        self._hazard[site] += [home.sum(), observed.sum(), years[home].sum(), ckd.sum()]

    def _count_prediction(self, history: History, site: int) -> None:
        sepsis = history.sepsis
        rows = sepsis.exists & (history.people.site == site)
        bins = np.clip((sepsis.score[rows] + 10) * 1000, 0, SCORE_BINS - 1).astype(int)
        died, asked = sepsis.died[rows], sepsis.consult[rows] < NEVER
        for outcome in (0, 1):
            self._scores[site, outcome] += np.bincount(bins[died == outcome], minlength=SCORE_BINS)
        self._leak[site] += [rows.sum(), died.sum(), (died & asked).sum(), (~died & asked).sum()]

    def _share(self, history: History) -> None:
        if self.shared is None:
            return
        home, other = self.shared
        found = history.encounters
        seen = np.unique(
            found.subject[
                (found.site == other) & (history.people.second_site[found.subject] == other)
            ]
        )
        for index in history.people.index[seen].tolist():
            self._pairs.append(
                {
                    "national_id": national(index),
                    f"site-{home + 1}": fhir_patient(index),
                    f"site-{other + 1}": hl7_patient(index),
                }
            )

    def write(
        self, path: Path, *, subjects: int, seed: int, beside: dict[str, dict[str, object]]
    ) -> None:
        """Write what a perfect analysis of the files finds; `beside` is of images and notes."""
        document = {
            "schema": SCHEMA,
            "parameters": {"subjects": subjects, "seed": seed, "formats": list(self.by_site)},
            "study": _study(),
            "sites": [self._site(n) for n in range(len(self.by_site))],
            "truths": {
                "treatment_effect": self._effect_truth(),
                "hazard_ratio": self._hazard_truth(),
                "prediction": self._prediction_truth(),
                "leak_trap": self._leak_truth(),
            },
            "planted_faults": {
                f"site-{n + 1}": _fault_counts(row) for n, row in enumerate(self._faults.tolist())
            },
            "shared_subjects": {"system": NATIONAL_SYSTEM, "pairs": self._pairs},
            **_beside(beside),
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def _site(self, site: int) -> dict[str, object]:
        names = ("patients", "home_subjects", "deaths", "encounters", "measurement_rows")
        counts = self._counts[site].tolist()
        source = self.by_site[site]
        return {
            "site": f"site-{site + 1}",
            "format": source,
            **dict(zip(names, counts, strict=False)),
            "encounters_by_setting": dict(zip(SETTINGS, counts[5:], strict=True)),
            "codes": codes_of(source),
        }

    def _per_site(self, describe: object, table: np.ndarray) -> dict[str, object]:
        return {
            "all": describe(table.sum(axis=0)),
            "sites": {f"site-{n + 1}": describe(row) for n, row in enumerate(table)},
        }

    def _effect_truth(self) -> dict[str, object]:
        return {
            "question": "Does metoprolol, against carvedilol, lower the one-year risk of death or"
            " readmission for acute heart failure in new heart failure?",
            "population": "subjects at their observation visit with reason heart_failure",
            "index_time": "start of that visit",
            "exposure": "metoprolol started at that visit",
            "comparator": "carvedilol started at that visit",
            "outcome": "death, or an inpatient stay with acute_heart_failure, within 365 days"
            " after the index time; nobody is lost earlier",
            "confounders": {
                "bnp": "pg/mL, at the visit",
                "creatinine": "mg/dL, at the visit",
                "age": "calendar years",
                "admissions": "inpatient stays starting in the 365 days before the index time",
            },
            "severity": "severity_bnp * (ln(bnp) - bnp_mean) / bnp_sd + severity_creatinine *"
            " (min(creatinine, 4) - 1.2) / 0.5 + severity_age * (age - 65) / 10 +"
            " severity_admissions * min(admissions, 3)",
            "choice_model": "logit P(metoprolol) = choice_intercept + choice_severity * severity",
            "outcome_model": "logit P(outcome) = outcome_intercept + outcome_severity * severity"
            " + outcome_study_drug * metoprolol",
            "parameters": asdict(EFFECT),
            "estimand": "average effect in this population; 'true' counts both potential outcomes"
            " of every subject, 'expected' averages their probabilities",
            "values": self._per_site(_effect_values, self._effect),
        }

    def _hazard_truth(self) -> dict[str, object]:
        return {
            "question": "Does chronic kidney disease raise the hazard of a first infarction?",
            "population": "every subject at the home site",
            "time_zero": "start of the first encounter plus 2 hours (an observation visit)",
            "exposure": "ckd among the diagnoses of the first encounter",
            "endpoint": "start of the first encounter with myocardial_infarction",
            "censoring": "death or the end of the study, whichever is first",
            "model": "hazard per year = rate_per_year * exp(log_ckd * ckd + log_age_decade *"
            " (age - 60) / 10 + log_male * male); constant in time",
            "parameters": asdict(HAZARD),
            "estimand": "log_ckd given age and sex; hazard ratio = exp(log_ckd)",
            "hazard_ratio": float(np.exp(HAZARD.log_ckd)),
            "values": self._per_site(_hazard_values, self._hazard),
        }

    def _prediction_truth(self) -> dict[str, object]:
        return {
            "question": "Who dies in the stay for sepsis?",
            "population": "inpatient stays with main diagnosis sepsis (one at most per subject)",
            "prediction_time": "24 hours after admission; every such stay lasts longer",
            "outcome": "death in the stay",
            "variables": {
                "lactate": "mmol/L, first value of the stay",
                "age": "calendar years at admission",
                "systolic": "mmHg, first value of the stay",
            },
            "model": "logit P(death) = intercept + log_lactate * (ln(lactate) - 0.7) +"
            " age_decade * (age - 65) / 10 + systolic * (systolic value - 108)",
            "parameters": asdict(PREDICTION),
            "estimand": "AUC of the true probabilities on these stays: no model without the leak"
            " does better on average",
            "values": self._per_site(_auc_values, self._scores),
        }

    def _leak_truth(self) -> dict[str, object]:
        return {
            "what": "a palliative care consult, charted 25 hours or more after sepsis admission,"
            " almost only in those who die; a MIMIC-like site also has the billing code"
            " palliative_care, known at discharge",
            "rule": "a feature that reads it for prediction at 24 hours reads the future",
            "probability_if_dead": PREDICTION.leak_if_dead,
            "probability_if_alive": PREDICTION.leak_if_alive,
            "codes": {source: codes_of(source)["palliative_consult"] for source in self.by_site},
            "values": self._per_site(_leak_values, self._leak),
        }


def _study() -> dict[str, str]:
    return {
        "end": texts(np.array([STUDY_END]))[0],
        "follow_up": "every subject is followed from the first encounter to death or the end;"
        " deaths outside hospital are recorded",
        "dates": "real calendar dates, not shifted; times are local (FHIR adds -07:00)",
        "age": "calendar year of the moment minus calendar year of birth",
        "later_rows": "of rows with one key the last is right: it repeats or corrects the first",
    }


def _fault_counts(row: list[int]) -> dict[str, int]:
    counts = {name: row[kind] for kind, name in faults.KINDS.items()}
    return {**counts, faults.ENDS_BEFORE_START: row[6]}


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _contrast(treated: float | None, control: float | None) -> dict[str, float | None]:
    known = treated is not None and control is not None
    return {
        "risk_study_drug": treated,
        "risk_comparator": control,
        "risk_difference": treated - control if known else None,
        "risk_ratio": _ratio(treated, control) if known else None,
    }


def _effect_values(sums: np.ndarray) -> dict[str, object]:
    n, happens0, happens1, risk0, risk1, took, events1, events0, events, deaths = sums.tolist()
    return {
        "subjects": int(n),
        "on_study_drug": int(took),
        "outcomes": int(events),
        "deaths": int(deaths),
        "true": _contrast(_ratio(happens1, n), _ratio(happens0, n)),
        "expected": _contrast(_ratio(risk1, n), _ratio(risk0, n)),
        "naive": _contrast(_ratio(events1, took), _ratio(events0, n - took)),
    }


def _hazard_values(sums: np.ndarray) -> dict[str, object]:
    n, events, years, ckd = sums.tolist()
    return {"subjects": int(n), "events": int(events), "years": years, "with_ckd": int(ckd)}


def _auc_values(counts: np.ndarray) -> dict[str, object]:
    alive, died = counts
    pairs = int(alive.sum()) * int(died.sum())
    below = np.cumsum(alive) - alive
    wins = float((died * (below + alive / 2)).sum())
    centres = (np.arange(SCORE_BINS) + 0.5) / 1000 - 10
    stays = int(counts.sum())
    return {
        "stays": stays,
        "deaths": int(died.sum()),
        "expected_deaths": float((expit(centres) * counts.sum(axis=0)).sum()),
        "bayes_auc": _ratio(wins, pairs),
    }


def _leak_values(sums: np.ndarray) -> dict[str, object]:
    stays, died, asked_died, asked_alive = sums.tolist()
    return {
        "stays": stays,
        "deaths": died,
        "consults_in_dead": asked_died,
        "consults_in_alive": asked_alive,
    }


def _beside(told: dict[str, dict[str, object]]) -> dict[str, object]:
    """Return what stands beside the records: counts of each site, and the file of truths."""
    found: dict[str, object] = {
        kind: {"each": f"truth-{kind}.jsonl", "sites": sites}
        for kind, sites in told.items()
        if sites and kind != "planted"
    }
    if "planted" in told:
        found["molecular_truths"] = told["planted"]
    return found
