"""Make a laboratory source of any size, with the two configurations that read it.

The table resembles a hospital's laboratory export: 5,000 tests of very unequal frequency, subjects
of very unequal length, rows in the order the laboratory numbered them (roughly by subject, not by
time).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

ITEMS = 5_000
ROWS_PER_SUBJECT = 400
ROWS_PER_BLOCK = 500_000
UNITS = ("mg/dL", "mmol/L", "g/dL", "%", "U/L", "K/uL", "mEq/L", "ng/mL", "sec", "mm Hg", "pg/mL")
HEADER = "labevent_id,subject_id,hadm_id,itemid,charttime,valuenum,valueuom,flag\n"
DAY = 86_400
STAY_EVERY = 20 * DAY

MAPPING = """\
mapping: labs
version: "1"
description: One laboratory table
detect: [labevents.csv, patients.csv]
subject: {column: subject_id, system: labs, type: integer}
encounter: {column: hadm_id, system: labs, type: integer}
clock: local
tables:
  labevents:
    file: labevents.csv
    key: [labevent_id]
    columns:
      labevent_id: BIGINT
      subject_id: BIGINT
      hadm_id: BIGINT
      charttime: TIMESTAMP
      valuenum: DOUBLE
    events:
      - name: lab
        code: "'LAB//' || itemid || '//' || coalesce(valueuom, 'UNK')"
        time: charttime
        numeric_value: valuenum
        unit: valueuom
        text_value: flag
  patients:
    file: patients.csv
    key: [subject_id]
    columns: {subject_id: BIGINT, dob: TIMESTAMP, dod: TIMESTAMP}
    events:
      - {name: birth, code: "'MEDS_BIRTH'", time: dob}
      - {name: death, code: "'MEDS_DEATH'", time: dod, when: dod IS NOT NULL}
      - {name: sex, code: "'SEX//' || gender", time: "NULL", static: true}
"""

MESSY = """\
etl:
  dataset_name: LABS
  raw_dataset_version: "1"
_defaults:
  subject_id: $subject_id
labevents:
  lab:
    code: f"LAB//{$itemid}//{$valueuom ?? 'UNK'}"
    time: $charttime as "%Y-%m-%d %H:%M:%S"
    numeric_value: $valuenum
    text_value: $flag
    unit: $valueuom
    encounter_id: $hadm_id
patients:
  birth:
    code: MEDS_BIRTH
    time: $dob as "%Y-%m-%d %H:%M:%S"
  death:
    code: MEDS_DEATH
    time: $dod as "%Y-%m-%d %H:%M:%S"
  sex:
    code: f"SEX//{$gender}"
    time: null
"""


class Tests(NamedTuple):
    """The laboratory's catalogue: what each test measures, and how often each is drawn."""

    drawn: np.ndarray
    mean: np.ndarray
    decimals: np.ndarray
    unit: np.ndarray
    other_unit: np.ndarray


class Subjects(NamedTuple):
    """Everybody in the source: identifier, number of results, first contact in epoch seconds."""

    subject_id: np.ndarray
    rows: np.ndarray
    first_contact: np.ndarray


def make_labs(out: Path, rows: int, subjects: int | None = None, seed: int = 0) -> Path:
    """Write two tables, Biolake's `labs.yaml` and MEDS-Extract's `messy.yaml` to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    everybody = _subjects(rng, rows, subjects or max(1, rows // ROWS_PER_SUBJECT))
    _write_patients(out / "patients.csv", rng, everybody)
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    with (out / "labevents.csv").open("wb") as sink:
        sink.write(HEADER.encode())
        for block in _blocks(rng, everybody, _tests(rng)):
            pa.csv.write_csv(block, sink, options)
    (out / "messy.yaml").write_text(MESSY)
    (out / "labs.yaml").write_text(MAPPING)
    return out


def _subjects(rng: np.random.Generator, rows: int, subjects: int) -> Subjects:
    # Sigma 1.3 gives the busiest tenth of subjects about half of all results, as in MIMIC-IV.
    share = rng.lognormal(0, 1.3, subjects)
    ends = np.round(np.cumsum(share) / share.sum() * rows).astype(np.int64)
    return Subjects(
        subject_id=10_000_000 + np.sort(rng.choice(subjects * 10, subjects, replace=False)),
        rows=np.diff(ends, prepend=0),
        # Years 2100 to 2150, as de-identified hospitals shift their dates.
        first_contact=rng.integers(68_374_080, 94_671_360, subjects) * 60,
    )


def _tests(rng: np.random.Generator) -> Tests:
    frequency = 1 / np.arange(10, ITEMS + 10) ** 1.2
    unit = rng.integers(0, len(UNITS), ITEMS)
    unit[rng.random(ITEMS) < 0.03] = -1
    other = np.where(rng.random(ITEMS) < 0.05, rng.integers(0, len(UNITS), ITEMS), unit)
    return Tests(
        # One look-up into a table of draws is several times faster than a weighted choice per row.
        drawn=rng.choice(ITEMS, 1 << 20, p=frequency / frequency.sum()).astype(np.int32),
        mean=rng.lognormal(3, 1.2, ITEMS),
        decimals=rng.integers(0, 3, ITEMS),
        unit=unit,
        other_unit=other,
    )


def _write_patients(path: Path, rng: np.random.Generator, everybody: Subjects) -> None:
    count = len(everybody.subject_id)
    dob = everybody.first_contact - rng.integers(20, 90, count) * 365 * DAY
    dod = everybody.first_contact + (_stays(everybody) + 1) * STAY_EVERY
    table = pa.table(
        {
            "subject_id": everybody.subject_id,
            "gender": np.where(rng.random(count) < 0.5, "F", "M"),
            "dob": pa.array(dob // DAY * DAY, pa.timestamp("s")),
            "dod": pa.array(dod, pa.timestamp("s"), mask=rng.random(count) > 0.15),
        }
    )
    with path.open("wb") as sink:
        sink.write(b"subject_id,gender,dob,dod\n")
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(table, sink, options)


def _blocks(rng: np.random.Generator, everybody: Subjects, tests: Tests) -> Iterator[pa.Table]:
    """Yield the laboratory table in blocks of whole subjects, about half a million rows each."""
    ends = np.cumsum(everybody.rows)
    block = ends // ROWS_PER_BLOCK
    written = 0
    for start, stop in _runs(block):
        some = Subjects(*(column[start:stop] for column in everybody))
        count = int(some.rows.sum())
        yield _labevents(rng, some, tests, written)
        written += count


def _runs(block: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(block)]
    return pairwise(edges)


def _labevents(rng: np.random.Generator, some: Subjects, tests: Tests, first: int) -> pa.Table:
    count = int(some.rows.sum())
    # One result in a hundred is numbered late: the file is by subject only roughly.
    late = np.where(rng.random(count) < 0.01, rng.random(count) * 20_000, 0)
    order = np.argsort(np.arange(count) + late, kind="stable")
    subject = np.repeat(np.arange(len(some.rows)), some.rows)[order]
    item = tests.drawn[rng.integers(0, len(tests.drawn), count)]
    stay = (rng.random(count) * _stays(some)[subject]).astype(np.int64)
    return pa.table(
        {
            "labevent_id": np.arange(first, first + count),
            "subject_id": some.subject_id[subject],
            "hadm_id": _hadm_id(rng, some.subject_id[subject], stay),
            "itemid": item + 50_000,
            "charttime": _charttime(rng, some.first_contact[subject], stay),
            "valuenum": _valuenum(rng, tests, item),
            "valueuom": _valueuom(rng, tests, item),
            "flag": _flag(rng, count),
        }
    )


def _stays(some: Subjects) -> np.ndarray:
    return some.rows // 80 + 1


def _hadm_id(rng: np.random.Generator, subject_id: np.ndarray, stay: np.ndarray) -> pa.Array:
    outpatient = rng.random(len(stay)) >= 0.6
    return pa.array(subject_id * 1_000 + stay, mask=outpatient)


def _charttime(rng: np.random.Generator, contact: np.ndarray, stay: np.ndarray) -> pa.Array:
    """Draw one of a stay's 40 moments of blood taking, so that results share times as panels do."""
    draw = rng.integers(0, 40, len(stay))
    seconds = contact + stay * STAY_EVERY + draw * DAY // 4 + draw * 7_920 % 3_600
    return pa.array(seconds, pa.timestamp("s"))


def _valuenum(rng: np.random.Generator, tests: Tests, item: np.ndarray) -> pa.Array:
    scale = 10.0 ** tests.decimals[item]
    value = np.rint(tests.mean[item] * rng.lognormal(0, 0.3, len(item)) * scale) / scale
    return pa.array(value, mask=rng.random(len(item)) < 0.1)


def _valueuom(rng: np.random.Generator, tests: Tests, item: np.ndarray) -> pa.Array:
    unit = np.where(rng.random(len(item)) < 0.1, tests.other_unit[item], tests.unit[item])
    return pa.array(UNITS).take(pa.array(unit, mask=unit < 0))


def _flag(rng: np.random.Generator, count: int) -> pa.Array:
    chance = rng.random(count)
    which = np.where(chance < 0.12, 0, 1)
    return pa.array(("abnormal", "delta")).take(pa.array(which, mask=chance > 0.13))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--subjects", type=int, help=f"default: rows / {ROWS_PER_SUBJECT}")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    make_labs(asked.out, asked.rows, asked.subjects, asked.seed)


if __name__ == "__main__":
    main()
