"""A small hospital of three-lead recordings for tests: WFDB files, and a list that says whose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biolake.core.catalogue import Catalogue, discover
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import Lake, init

MAPPING = """
mapping: small-ecgs
detect: [ecgs.csv]
clock: local
subject: {column: subject, system: small, type: integer}
tables:
  ecgs:
    file: ecgs.csv
    key: [ecg]
    columns: {ecg: BIGINT, subject: BIGINT, at: TIMESTAMP, wide: BOOLEAN, fold: BIGINT, age: BIGINT}
    assets: [{file: file, time: at}]
    events:
      - {name: seen, code: "'SEEN'", time: at}
      - {name: wide, when: wide, code: "'FINDING//wide'", time: at}
      - {name: narrow, when: not wide, code: "'FINDING//narrow'", time: at}
      - {name: fold, code: "'FOLD'", time: at, numeric_value: fold}
      - {name: age, code: "'AGE'", time: at, numeric_value: age}
      - {name: ward, code: "'WARD//' || ward", time: at}
"""
SPEC = """
model: wide-beats
description: Are the beats wide?
assets: {modality: ecg, rate: {min: 90, max: 110}}
among: {codes: [SEEN]}
labels:
  wide: {codes: ["FINDING//wide"], within: {before: 1h, after: 1h}}
method: kernels
inputs: {rate: 100, leads: [I, II, V1], seconds: 2}
split: {folds: 3}
groups:
  ward: {codes: ["WARD//*"]}
  age: {codes: [AGE], cuts: [40, 60]}
"""


def catalogue() -> Catalogue:
    return discover("biolake.readers", "biolake.encoders", "biolake.extractors")


def hospital(root: Path, *, subjects: int = 60, seed: int = 1, site: str = "main") -> Lake:
    """Return a lake with two recordings of each subject; beats are wide in every second."""
    source = root / "source"
    write_source(source, subjects=subjects, seed=seed)
    lake = init(str(root / "lake"))
    ingest(lake, str(source), catalogue(), site=site)
    return lake


def write_source(source: Path, *, subjects: int, seed: int, first: int = 0) -> None:
    rng = np.random.default_rng(seed)
    source.mkdir(parents=True)
    lines = ["ecg,subject,at,wide,fold,age,ward,file"]
    for number in range(first, first + 2 * subjects):
        subject = number // 2
        wide = subject % 2 == 0
        lines.append(
            f"{number},{subject},2020-01-{1 + number % 28:02d} 10:00:00,{wide},{subject % 3},"
            f"{30 + subject % 50},{'north' if subject % 3 else 'south'},r{number}"
        )
        _write_record(source, f"r{number}", wide, rng)
    (source / "ecgs.csv").write_text("\n".join(lines) + "\n")
    (source / "mapping.yaml").write_text(MAPPING)


def _write_record(folder: Path, name: str, wide: bool, rng: np.random.Generator) -> None:
    time = np.arange(200) / 100.0
    samples = 0.15 * rng.standard_normal((3, 200))
    for beat in np.arange(rng.uniform(0.1, 0.5), 2.0, 0.7):
        width = 0.08 if wide else 0.025
        samples += np.array([[0.6], [1.0], [-0.7]]) * np.exp(-(((time - beat) / width) ** 2))
    digital = np.clip(np.rint(samples * 1000), -32000, 32000).astype("<i2")
    (folder / f"{name}.dat").write_bytes(digital.T.tobytes())
    leads = [f"{name}.dat 16 1000(0)/mV 16 0 {row[0]} 0 0" for row in digital]
    named = [f"{line} {lead}" for line, lead in zip(leads, ("I", "II", "V1"), strict=True)]
    (folder / f"{name}.hea").write_text("\n".join([f"{name} 3 100 200", *named]) + "\n")
