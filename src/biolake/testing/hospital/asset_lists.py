"""The lists beside a site's ECGs and images: whose they are, what was read, and their mapping."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import texts
from biolake.testing.hospital.fhir import OFFSET
from biolake.testing.hospital.identities import fhir_patient, hl7_patient
from biolake.testing.hospital.mimic_icu import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TextIO

STATEMENTS = (
    "NORM",
    "SR",
    "STACH",
    "SBRAD",
    "AFIB",
    "1AVB",
    "CLBBB",
    "CRBBB",
    "IMI",
    "AMI",
    "STE_",
    "LVH",
)
MEANINGS = {
    "NORM": "normal ECG",
    "SR": "sinus rhythm",
    "STACH": "sinus tachycardia",
    "SBRAD": "sinus bradycardia",
    "AFIB": "atrial fibrillation",
    "1AVB": "first degree AV block",
    "CLBBB": "complete left bundle branch block",
    "CRBBB": "complete right bundle branch block",
    "IMI": "inferior myocardial infarction",
    "AMI": "anterior myocardial infarction",
    "STE_": "ST elevation",
    "LVH": "left ventricular hypertrophy",
}
HEADERS = {
    "ecgs": ("number", "patient", "recorded_at", "file", "statements"),
    "slides": ("number", "patient", "taken_at", "file", "tumour_percent"),
    "readings": ("number", "patient", "examined_at", "kind", "finding"),
    "statements": ("statement", "meaning"),
}


MAPPING = """\
# The ECGs, images and slides of a made-up hospital: whose they are, and what was read in them.
# DICOM files carry the patient's number themselves.
mapping: synthetic-assets-{site}
version: "1"
description: ECGs, images and slides of a synthetic hospital
detect: [ecgs.csv, slides.csv, readings.csv]
clock: {clock}
subject: {{column: patient, system: "{system}"{kind}}}

tables:
  ecgs:
    file: ecgs.csv
    key: [number]
    columns: {{number: BIGINT, {column}recorded_at: TIMESTAMP}}
    assets: [{{file: file, time: recorded_at}}]
    events:
      - name: statement
        each: {{said: [{statements}]}}
        when: "list_contains(string_split(statements, ' '), said)"
        code: "'SCP-ECG//' || said"
        time: recorded_at
  slides:
    file: slides.csv
    key: [number]
    columns: {{number: BIGINT, {column}taken_at: TIMESTAMP, tumour_percent: DOUBLE}}
    assets: [{{file: file, time: taken_at}}]
    events:
      - {{code: "'PATHOLOGY//tumour'", time: taken_at, numeric_value: tumour_percent, unit: "'%'"}}
  readings:
    file: readings.csv
    key: [number, finding]
    columns: {{number: BIGINT, {column}examined_at: TIMESTAMP}}
    events:
      - {{code: "'RADIOLOGY//' || kind || '//' || finding", time: examined_at}}

codes:
  - file: statements.csv
    code: "'SCP-ECG//' || statement"
    description: meaning
"""


@dataclass(frozen=True)
class Naming:
    """How a site's records number their subjects, and the clock they keep."""

    system: str
    integer: bool = False
    offset: str = ""  # of the site's clock from UTC, where its files tell it

    def moment(self, start: int) -> str:
        """Write a moment as the site's lists do."""
        return texts(np.array([start]))[0] + self.offset


NAMING = {
    "mimic": Naming("mimic-iv", integer=True),
    "omop": Naming("omop:person_id", integer=True),
    "fhir": Naming("fhir:Patient", offset=OFFSET),
    "hl7": Naming("hl7:SITE"),
}


def patient_of(source: str, index: int) -> str:
    """Return the identifier under which a site's records know a subject."""
    return {
        "mimic": str(SUBJECTS + index),
        "omop": str(index + 1),
        "fhir": fhir_patient(index),
        "hl7": hl7_patient(index),
    }[source]


class Lists:
    """The open lists of one site's assets."""

    def __init__(self, folder: Path, site: int, source: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, TextIO] = {}
        for name, header in HEADERS.items():
            self._open[name] = (folder / f"{name}.csv").open("w", encoding="utf-8", newline="")
            self.add(name, header)
        for statement in STATEMENTS:
            self.add("statements", (statement, MEANINGS[statement]))
        (folder / "assets.yaml").write_text(mapping(site, source), encoding="utf-8")

    def add(self, name: str, row: Sequence[object]) -> None:
        """Append one row to a list."""
        csv.writer(self._open[name], lineterminator="\n").writerow(row)

    def close(self) -> None:
        for file in self._open.values():
            file.close()


def mapping(site: int, source: str) -> str:
    """Return the mapping that reads the lists: the same subjects as the site's records."""
    naming = NAMING[source]
    return MAPPING.format(
        site=site + 1,
        clock="utc" if naming.offset else "local",
        system=naming.system,
        kind=", type: integer" if naming.integer else "",
        column="patient: BIGINT, " if naming.integer else "",
        statements=", ".join(f'"{name}"' for name in STATEMENTS),
    )
