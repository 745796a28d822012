"""Whose a sample is: the clinical sample file's, read once before anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa

from biolake.readers._cbioportal.study import Study, Table
from biolake.readers._matrix.text_table import open_table

UNKNOWN_SAMPLE = "this sample is in no clinical sample file"
UNKNOWN_PATIENT = "this patient is in no clinical file"
# An aliquot's barcode begins with its sample's, TCGA-AA-0001-01.
_BARCODE, _SAMPLE = re.compile(r"TCGA-\w{2}-\w{4}-\d{2}[A-Z]"), 15
TWICE = "this sample is named twice, for two patients"


@dataclass
class Owners:
    """Sample → patient, and every patient that any clinical file names."""

    patient_of: dict[str, str] = field(default_factory=dict)
    patients: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)  # those of the patient file
    disputed: set[str] = field(default_factory=set)  # samples of two patients

    def owner(self, sample: str | None) -> str | None:
        """Return a sample's patient; None where nobody can be told."""
        name = sample or ""
        if name not in self.patient_of and _BARCODE.match(name):
            name = name[:_SAMPLE]
        return None if name in self.disputed else self.patient_of.get(name)


def owners_of(study: Study) -> Owners:
    """Read who is who from the clinical files of a study."""
    found = Owners()
    for table in study.of("CLINICAL"):
        if table.datatype in ("SAMPLE_ATTRIBUTES", "MIXED_ATTRIBUTES"):
            _take_samples(table, found)
        elif table.datatype == "PATIENT_ATTRIBUTES":
            found.listed |= {p for p in _column(table, "PATIENT_ID") if p}
    found.patients |= found.listed
    return found


def _take_samples(table: Table, found: Owners) -> None:
    samples, patients = _column(table, "SAMPLE_ID"), _column(table, "PATIENT_ID")
    # A file without one of the two is refused by name when it is read.
    for sample, patient in zip(samples, patients, strict=False):
        if sample and patient:
            if found.patient_of.setdefault(sample, patient) != patient:
                found.disputed.add(sample)
            found.patients.add(patient)


def _column(table: Table, name: str) -> list[str | None]:
    opened = open_table(table.file, "\t")
    if name not in opened.header.names:
        return []
    place = opened.header.names.index(name)
    blocks = [block.columns[place] for block in opened.blocks()]
    return pa.chunked_array(blocks, pa.string()).to_pylist() if blocks else []
