"""A small laboratory source and its mapping, and a child process that ingests it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

MAPPING = """
mapping: labs
version: "1"
description: One laboratory table
detect: [labevents.csv, patients.csv]
subject: {column: subject_id, system: labs, type: integer}
encounter: {column: hadm_id, system: labs}
clock: local
tables:
  patients:
    file: patients.csv
    key: [subject_id]
    columns: {subject_id: BIGINT, dob: TIMESTAMP}
    events:
      - {name: birth, code: "'MEDS_BIRTH'", time: dob}
  labevents:
    file: labevents.csv
    key: [labevent_id]
    columns:
      {labevent_id: BIGINT, subject_id: BIGINT, hadm_id: BIGINT, charttime: TIMESTAMP,
       valuenum: DOUBLE}
    events:
      - name: lab
        code: "'LAB//' || itemid || '//' || coalesce(valueuom, 'UNK')"
        time: charttime
        numeric_value: valuenum
        unit: valueuom
"""

SUBJECTS, LABS = 20, 400


def make(folder: Path, *, value: float = 1.0, extra: str = "") -> Path:
    """Write the source: 20 subjects, 400 results; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    people = [f"{n},2090-01-0{1 + n % 9} 00:00:00" for n in range(1, SUBJECTS + 1)]
    (folder / "patients.csv").write_text("subject_id,dob\n" + "\n".join(people) + "\n")
    rows = [
        f"{n},{1 + n % SUBJECTS},,{50800 + n % 7},2150-03-{1 + n % 28:02d} 08:{n % 60:02d}:00,"
        f"{value + n},mg/dL"
        for n in range(LABS)
    ]
    header = "labevent_id,subject_id,hadm_id,itemid,charttime,valuenum,valueuom\n"
    (folder / "labevents.csv").write_text(header + "\n".join(rows) + "\n" + extra)
    (folder / "labs.yaml").write_text(MAPPING)
    return folder


CHILD = """
import os, signal, sys
from biolake.core.catalogue import discover
from biolake.core.errors import BiolakeError
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import open_lake

def stage(name):
    if name == {stage!r}:
        {act}

try:
    report = ingest(open_lake({lake!r}), {source!r}, discover("biolake.readers"),
                    mapping={mapping!r}, wait={wait}, stage=stage)
except BiolakeError as error:
    print(error)
    sys.exit(error.exit_code)
print(report.load.added)
"""


def ingest_in_child(
    lake: Path, source: Path, *, stage: str = "", act: str = "pass", wait: float = 0.0
) -> subprocess.Popen[str]:
    """Start an ingest in another process, which does `act` when it reaches `stage`."""
    code = textwrap.dedent(CHILD).format(
        lake=str(lake),
        source=str(source),
        mapping=str(source / "labs.yaml"),
        stage=stage,
        act=act,
        wait=wait,
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
