"""A sample whose sheet is corrected, or comes late, is never another's, and makes nobody up."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from biolake.core.catalogue import discover
from biolake.ingest.extraction import extract
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify
from biolake.readers._matrix.samples import NOBODY
from biolake.testing.hospital import simulate

pytest.importorskip("h5py")
CATALOGUE = discover("biolake.readers", "biolake.extractors")
KINDS = ("BIOBANK", "CELL_SHARE", "EXPRESSION", "GENOTYPE_QC", "PSEUDOBULK")
OF = """
SELECT split_part(code, '//', 1) AS kind, count(*) FROM events
WHERE subject_id = ?
    AND kind IN ('BIOBANK', 'CELL_SHARE', 'EXPRESSION', 'GENOTYPE_QC', 'PSEUDOBULK')
GROUP BY kind
"""


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    simulate(folder, subjects=40, seed=3, sites=3, omics=0.7)
    return folder


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


def load(lake: Lake, *folders: Path) -> IngestReport:
    for folder in folders:
        site = next(name for name in folder.parts if name.startswith("site-"))
        report = ingest(lake, str(folder), CATALOGUE, site=site)
    return report


def rows(lake: Lake, sql: str, *given: object) -> list:
    with open_view(lake) as view:
        return view.rows(sql, list(given))


def measured(lake: Lake, subject: int) -> dict[str, int]:
    return dict(rows(lake, OF, subject))


def owner(lake: Lake, taken: str) -> int:
    ((subject,),) = rows(
        lake,
        "SELECT subject_id FROM events WHERE code = 'BIOBANK//ldl_cholesterol'"
        " AND time = ?::TIMESTAMP",
        taken,
    )
    return subject


def corrected(omics: Path, to: Path, patient: str) -> tuple[Path, str]:
    """Give the first sample, a donor of cells, to another patient; return when it was taken."""
    to.mkdir(parents=True)
    shutil.copy(omics / "samples.yaml", to)
    with (omics / "samples.csv").open() as stream:
        table = list(csv.reader(stream))
    table[1][1] = patient
    with (to / "samples.csv").open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(table)
    return to, table[1][2]


def without_sample(site: Path) -> str:
    with (site / "omics" / "samples.csv").open() as stream:
        given = {row["patient"] for row in csv.DictReader(stream)}
    with (site / "mimic" / "hosp" / "patients.csv").open() as stream:
        return next(r["subject_id"] for r in csv.DictReader(stream) if r["subject_id"] not in given)


def test_what_was_measured_in_a_sample_moves_with_it(hospital, lake, tmp_path):
    site = hospital / "site-1"
    load(lake, site / "mimic", site / "omics", site / "expression")
    extract(lake, CATALOGUE)
    sheet, taken = corrected(site / "omics", tmp_path / "site-1", without_sample(site))
    before = owner(lake, taken)
    had = measured(lake, before)
    assert set(had) == set(KINDS)
    report = load(lake, sheet)
    assert (report.load.conflicts, report.load.moved_samples) == (0, 1)
    assert any("another subject's now: 1" in note for note in report.plan.reading.notes)
    extract(lake, CATALOGUE)
    load(lake, site / "expression")
    after = owner(lake, taken)
    assert after != before
    assert measured(lake, before) == {}
    assert measured(lake, after) == had
    assert verify(lake).problems == ()
    assert load(lake, site / "expression").load.commit is None
    assert forget(lake, before).scan.hits == ()
    assert measured(lake, after)["EXPRESSION"] == had["EXPRESSION"]


def test_a_sample_given_to_a_patient_not_met_before_does_not_make_the_two_one(
    hospital, lake, tmp_path
):
    site = hospital / "site-1"
    load(lake, site / "mimic", site / "omics")
    people = rows(lake, "SELECT count(*) FROM subjects")[0][0]
    sheet, taken = corrected(site / "omics", tmp_path / "site-1", "77777777")
    before = owner(lake, taken)
    load(lake, sheet)
    after = owner(lake, taken)
    assert after != before
    assert rows(lake, "SELECT count(*) FROM subjects") == [(people + 1,)]
    assert rows(lake, "SELECT count(*) FROM asset_samples WHERE subject_id = ?", before) == [(0,)]
    assert rows(lake, "SELECT count(*) FROM asset_samples WHERE subject_id = ?", after) == [(2,)]


def test_a_forgotten_subject_does_not_come_back_by_its_sample(hospital, lake, tmp_path):
    site = hospital / "site-1"
    load(lake, site / "mimic", site / "omics")
    sheet, taken = corrected(site / "omics", tmp_path / "site-1", "77777777")
    forget(lake, owner(lake, taken))
    load(lake, sheet)
    assert rows(lake, "SELECT * FROM events WHERE time = ?::TIMESTAMP", taken) == []
    assert verify(lake).problems == ()


def test_expression_of_samples_of_nobody_waits_for_the_sheet_and_makes_no_subject(hospital, lake):
    site = hospital / "site-1"
    load(lake, site / "mimic")
    people = rows(lake, "SELECT count(*) FROM subjects")
    report = load(lake, site / "expression")
    assert report.load.added == 0
    assert rows(lake, "SELECT count(*) FROM subjects") == people
    told = rows(
        lake, 'SELECT DISTINCT "table", "column", reason FROM quarantine WHERE reason = ?', NOBODY
    )
    assert told == [("samples", "sample", NOBODY)]
    assert load(lake, site / "expression").load.commit is None
    load(lake, site / "omics")
    assert load(lake, site / "expression").load.added > 0
    assert rows(lake, "SELECT count(*) FROM subjects") == people
    wrong = rows(
        lake,
        "SELECT count(*) FROM events e ANTI JOIN samples s"
        " ON e.subject_id = s.subject_id AND e.time = s.time WHERE starts_with(code, 'EXPRESSION')",
    )
    assert wrong == [(0,)]


def test_a_sheet_with_offsets_is_kept_in_utc(hospital, lake):
    site = hospital / "site-3"
    load(lake, site / "fhir", site / "omics", site / "expression")
    found = rows(
        lake,
        "SELECT count(DISTINCT e.subject_id), bool_and(e.time = s.time) FROM events e"
        " JOIN samples s USING (subject_id) WHERE starts_with(code, 'EXPRESSION')",
    )
    samples = len((site / "expression" / "samples.csv").read_text().splitlines()) - 1
    assert found == [(samples, True)]
    assert rows(lake, "SELECT clock FROM sites") == [("utc",)]


def one_donor(folder: Path, name: str) -> None:
    import anndata
    import pandas as pd

    folder.mkdir(parents=True)
    obs = pd.DataFrame(
        {"sample": [name] * 40, "cell_type": ["T"] * 40}, [f"c{n}" for n in range(40)]
    )
    counts = np.random.default_rng(1).poisson(1.0, (40, 60)).astype(np.float32)
    genes = pd.DataFrame(index=[f"G{n}" for n in range(60)])
    anndata.AnnData(counts, obs, genes).write_h5ad(folder / "cells.h5ad")


def test_the_one_sample_of_a_file_is_not_whoever_has_its_number(hospital, lake, tmp_path):
    site = hospital / "site-1"
    with (site / "omics" / "samples.csv").open() as stream:
        first, second = list(csv.DictReader(stream))[:2]
    one_donor(tmp_path / "site-1" / "cells", first["patient"])
    load(lake, site / "mimic", tmp_path / "site-1" / "cells")
    held = "SELECT subject_id, (SELECT subject_id FROM asset_samples) FROM assets"
    assert rows(lake, held) == [(None, None)]
    sheet = tmp_path / "site-1" / "sheet"
    sheet.mkdir()
    shutil.copy(site / "omics" / "samples.yaml", sheet)
    for patient in (second["patient"], first["patient"]):
        line = ",".join((first["patient"], patient, second["taken_at"], "99.5"))
        (sheet / "samples.csv").write_text(f"sample,patient,taken_at,ldl\n{line}\n")
        load(lake, sheet)
        extract(lake, CATALOGUE)
        found = rows(
            lake,
            "SELECT DISTINCT subject_id, time FROM events WHERE starts_with(code, 'CELL_SHARE')",
        )
        assert [(who, when.isoformat()) for who, when in found] == [
            (owner(lake, second["taken_at"]), second["taken_at"])
        ]
