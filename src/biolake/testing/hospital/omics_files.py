"""Write a site's genotypes, expression and cells, whose each sample is, and what is true."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from biolake.core.media import VariantList
from biolake.omics.genotypes.writing import write_bed
from biolake.testing.hospital.asset_lists import NAMING, patient_of
from biolake.testing.hospital.clock import texts
from biolake.testing.hospital.columns import stack
from biolake.testing.hospital.h5ad_files import write_h5ad
from biolake.testing.hospital.omics_people import (
    BETA,
    CAUSAL,
    CELL_TYPES,
    GENES,
    ON_X,
    SHIFT,
    SIGNATURE,
    VARIANTS,
    Givers,
    cells,
    cholesterol,
    dosages,
    expression,
    givers,
    sample_name,
)

if TYPE_CHECKING:
    from pathlib import Path

    from biolake.testing.hospital.asset_files import Site
    from biolake.testing.hospital.histories import History

FEWEST_FOR_FAULTS = 12
LOW_CALLS = 0.25
"""Share of the poor sample's genotypes that are missing."""

MAPPING = """\
# Whose the samples of a made-up hospital's laboratory are, and one value measured in them.
mapping: synthetic-samples-{site}
version: "1"
description: samples of a synthetic hospital
detect: [samples.csv]
clock: {clock}
subject: {{column: patient, system: "{system}"{kind}}}

tables:
  samples:
    file: samples.csv
    key: [sample]
    columns: {{{column}taken_at: TIMESTAMP, ldl: DOUBLE}}
    people: [{{system: sample, value: sample, scope: site, time: taken_at}}]
    events:
      - {{name: taken, code: "'SAMPLE//taken'", time: taken_at}}
      - name: ldl
        code: "'BIOBANK//ldl_cholesterol'"
        time: taken_at
        numeric_value: ldl
        unit: "'mg/dL'"
"""


EXPRESSION = """\
# Expression in the samples of a made-up hospital; omics/samples.csv says whose they are.
name: synthetic-expression-{site}
samples: {{file: samples.csv, id: sample, time: taken_at}}
matrices:
  - {{file: expression.tsv.gz, kind: expression, scale: log2tpm, samples: columns}}
"""


@dataclass(frozen=True)
class Planted:
    """Which samples bear the faults and kinship that a site's genotypes have."""

    wrong_sex: int
    poor: int
    parent: int
    child: int


class OmicsFiles:
    """The samples of one site, gathered chunk by chunk and written when all are known."""

    def __init__(self, site: Site, truth: TextIO) -> None:
        self.site, self.naming, self._truth = site, NAMING[site.source], truth
        self._givers: list[Givers] = []
        self.made: dict[str, int] = {}

    def write(self, history: History) -> None:
        """Choose who of a chunk of subjects gives a sample."""
        site = self.site
        self._givers.append(givers(history.people, site.number, site.seed, site.share))

    def close(self) -> None:
        """Write the files of all samples."""
        some, seed = stack(self._givers), self.site.seed
        if not len(some.index):
            return
        folder = self.site.folder / "omics"
        folder.mkdir(parents=True, exist_ok=True)
        names = [sample_name(i) for i in some.index.tolist()]
        called = dosages(some, seed)
        planted = _plant(called, some, seed)
        ldl = cholesterol(some, called[CAUSAL], seed)
        self._samples(folder, some, names, ldl)
        sexes = np.where(some.male, 1, 2)
        if planted:
            sexes[planted.wrong_sex] = 3 - sexes[planted.wrong_sex]
            called[:, planted.poor] = _with_gaps(called[:, planted.poor], seed)
        write_bed(folder / "cohort", called, variants(), names, sexes=sexes)
        self._expression(some, names)
        drawn = cells(some, seed)
        write_h5ad(folder / "blood.h5ad", drawn, names)
        self.made = {"samples": len(names), "cells": len(drawn.counts)}
        self._told(some, names, called, ldl, planted)

    def counts(self) -> dict[str, int]:
        """Return what a load of the folder must find."""
        return self.made

    def _expression(self, some: Givers, names: list[str]) -> None:
        """Write the matrix, when its samples were taken, and what the two are."""
        folder = self.site.folder / "expression"
        folder.mkdir(parents=True, exist_ok=True)
        write_expression(folder, names, expression(some, self.site.seed))
        with (folder / "samples.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("sample", "taken_at"))
            taken = [self.naming.moment(moment) for moment in some.taken.tolist()]
            table.writerows(zip(names, taken, strict=True))
        text = EXPRESSION.format(site=self.site.number + 1)
        (folder / "molecular.yaml").write_text(text, encoding="utf-8")

    def _samples(self, folder: Path, some: Givers, names: list[str], ldl: np.ndarray) -> None:
        integer = self.naming.integer
        text = MAPPING.format(
            site=self.site.number + 1,
            clock="utc" if self.naming.offset else "local",
            system=self.naming.system,
            kind=", type: integer" if integer else "",
            column="patient: BIGINT, " if integer else "",
        )
        (folder / "samples.yaml").write_text(text, encoding="utf-8")
        with (folder / "samples.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("sample", "patient", "taken_at", "ldl"))
            taken = [self.naming.moment(moment) for moment in some.taken.tolist()]
            people = [patient_of(self.site.source, i) for i in some.index.tolist()]
            table.writerows(zip(names, people, taken, ldl.tolist(), strict=True))

    def _told(
        self,
        some: Givers,
        names: list[str],
        called: np.ndarray,
        ldl: np.ndarray,
        planted: Planted | None,
    ) -> None:
        faults = {n: names[place] for n, place in vars(planted).items()} if planted else {}
        self._line({"site": self.site.name, "kind": "site", "planted": faults})
        for place, name in enumerate(names):
            line: dict[str, Any] = {
                "site": self.site.name,
                "kind": "sample",
                "sample": name,
                "patient": patient_of(self.site.source, int(some.index[place])),
                "taken": texts(some.taken[place : place + 1])[0],
                "causal_dosage": int(called[CAUSAL, place]),
                "ldl": float(ldl[place]),
                "copd": bool(some.copd[place]),
                "diabetes": bool(some.diabetic[place]),
            }
            self._line(line)

    def _line(self, line: dict[str, Any]) -> None:
        self._truth.write(json.dumps(line) + "\n")


def truths() -> dict[str, Any]:
    """Return what is planted in every site's molecular data."""
    listed = variants()
    return {
        "association": {
            "question": "Which variant raises LDL cholesterol?",
            "variant": str(listed.name[CAUSAL]),
            "counted_allele": str(listed.alt[CAUSAL]),
            "effect": BETA,
            "unit": "mg/dL an allele",
            "variants": VARIANTS,
        },
        "signature": {
            "question": "Which genes are raised in the blood of people with COPD?",
            "genes": list(SIGNATURE),
            "shift": SHIFT,
            "unit": "log2",
        },
        "cells": {
            "question": "Which cells are more common in people with diabetes?",
            "cell_type": "Monocyte",
            "cell_types": list(CELL_TYPES),
        },
    }


def variants() -> VariantList:
    """Return the variants that every site's array measures; the last ON_X lie on X."""
    number = np.arange(VARIANTS)
    chromosome = np.array([str(1 + n * 22 // (VARIANTS - ON_X)) for n in range(VARIANTS)], object)
    chromosome[-ON_X:] = "X"
    pairs = np.array([("A", "G"), ("C", "T"), ("G", "A"), ("T", "C")], object)[number % 4]
    return VariantList(
        chromosome,
        10_000_000 + 137_000 * number.astype(np.int64),
        np.array([f"rs{9_000_000 + n}" for n in number.tolist()], object),
        pairs[:, 0],
        pairs[:, 1],
        "GRCh38",
    )


def _plant(called: np.ndarray, some: Givers, seed: int) -> Planted | None:
    """Make one sample the child of another; choose who has a wrong sex and who a poor call rate."""
    if len(some.index) < FEWEST_FOR_FAULTS:
        return None
    planted = Planted(wrong_sex=2, poor=3, parent=0, child=1)
    rng = np.random.default_rng([seed, int(some.index[1])])
    autosomal = called[:-ON_X]
    given = rng.random(len(autosomal)) < autosomal[:, planted.parent] / 2
    other = rng.random(len(autosomal)) < autosomal.mean(axis=1) / 2
    autosomal[:, planted.child] = given.astype(np.int8) + other.astype(np.int8)
    return planted


def _with_gaps(column: np.ndarray, seed: int) -> np.ndarray:
    gaps = np.random.default_rng([seed, 5]).random(len(column)) < LOW_CALLS
    return np.where(gaps, -1, column).astype(np.int8)


def write_expression(folder: Path, names: list[str], values: np.ndarray) -> None:
    """Write genes × samples as a gzipped table; the same values give the same bytes."""
    rows = ["\t".join(["gene", *names])]
    for gene, row in zip(GENES, values.tolist(), strict=True):
        rows.append("\t".join([gene, *(f"{v:.3f}" for v in row)]))
    content = ("\n".join(rows) + "\n").encode()
    (folder / "expression.tsv.gz").write_bytes(gzip.compress(content, mtime=0))
