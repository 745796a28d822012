"""The synthetic hospital's molecular data: what is planted is found by plain arithmetic."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.testing.test_hospital import digest

from biolake.testing.hospital import simulate
from biolake.testing.hospital.omics_files import variants
from biolake.testing.hospital.omics_people import CAUSAL, ON_X, frequencies

pytest.importorskip("h5py")
SUBJECTS, SEED = 900, 4


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("omics")
    simulate(folder, subjects=SUBJECTS, seed=SEED, sites=2, omics=0.8)
    return folder


def told(folder: Path, kind: str = "sample") -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "truth-omics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind and line["site"] == "site-1"]


def genotypes(folder: Path) -> tuple[np.ndarray, list[list[str]]]:
    """Decode a BED bit by bit: variants × samples alt dosages, -1 missing; and the .fam."""
    stem = folder / "site-1" / "omics" / "cohort"
    fam = [line.split("\t") for line in stem.with_suffix(".fam").read_text().splitlines()]
    raw = np.frombuffer(stem.with_suffix(".bed").read_bytes()[3:], np.uint8)
    codes = raw[:, None] >> np.array([0, 2, 4, 6]) & 3
    codes = codes.reshape(len(variants()), -1)[:, : len(fam)]
    return np.array([2, -1, 1, 0])[codes], fam


def test_the_causal_variant_has_its_effect_and_no_other_has(hospital):
    dosage, _ = genotypes(hospital)
    with (hospital / "site-1" / "omics" / "samples.csv").open() as stream:
        ldl = np.array([float(row["ldl"]) for row in csv.DictReader(stream)])
    chi = []
    for row in dosage:
        seen = row >= 0
        x, y = row[seen] - row[seen].mean(), ldl[seen] - ldl[seen].mean()
        beta = x @ y / (x @ x)
        error = np.sqrt(((y - beta * x) ** 2).sum() / (seen.sum() - 2) / (x @ x))
        chi.append((beta / error) ** 2)
        if len(chi) - 1 == CAUSAL:
            assert abs(beta - 12.0) < 3 * error
    assert int(np.argmax(chi)) == CAUSAL
    truth = json.loads((hospital / "truth.json").read_text())["molecular_truths"]["association"]
    assert truth["variant"] == variants().name[CAUSAL]


def test_the_faults_of_the_genotypes_are_where_the_truth_says(hospital):
    dosage, fam = genotypes(hospital)
    (planted,) = (line["planted"] for line in told(hospital, "site"))
    place = {row[1]: n for n, row in enumerate(fam)}
    calls = (dosage >= 0).mean(axis=0)
    assert int(calls.argmin()) == place[planted["poor"]]
    assert np.sort(calls)[1] == 1.0
    het = (dosage[-ON_X:] == 1).any(axis=0)
    male = np.array([row[4] == "1" for row in fam])
    wrong = np.flatnonzero((het == male) & (calls == 1.0))
    assert wrong.tolist() == [place[planted["wrong_sex"]]]
    parent, child = (dosage[:-ON_X, place[planted[who]]] for who in ("parent", "child"))
    assert not (np.abs(parent - child) == 2).any()


def test_alleles_come_as_often_as_they_should(hospital):
    dosage, _ = genotypes(hospital)
    seen = np.where(dosage < 0, np.nan, dosage)
    found = np.nanmean(seen[:-ON_X], axis=1) / 2
    expected = frequencies(SEED)[:-ON_X]
    error = np.sqrt(expected * (1 - expected) / 2 / dosage.shape[1])
    assert (np.abs(found - expected) / error).max() < 5


def test_the_signature_is_raised_in_those_with_the_disease(hospital):
    ill = np.array([line["copd"] for line in told(hospital)])
    (path,) = (hospital / "site-1").rglob("expression.tsv.gz")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert lines[0].split("\t")[1:] == [line["sample"] for line in told(hospital)]
    values = {line.split("\t")[0]: np.array(line.split("\t")[1:], float) for line in lines[1:]}
    raised = {gene: row[ill].mean() - row[~ill].mean() for gene, row in values.items()}
    truth = json.loads((hospital / "truth.json").read_text())["molecular_truths"]["signature"]
    first = sorted(raised, key=lambda gene: -raised[gene])[: len(truth["genes"])]
    assert set(first) == set(truth["genes"])


def test_the_cells_are_read_by_anndata_and_have_the_planted_shares(hospital):
    import anndata

    made = anndata.read_h5ad(hospital / "site-1" / "omics" / "blood.h5ad")
    diabetic = {line["sample"]: line["diabetes"] for line in told(hospital)}
    monocyte = (made.obs["cell_type"] == "Monocyte").to_numpy()
    ill = made.obs["donor"].map(diabetic).to_numpy(dtype=bool)
    assert monocyte[ill].mean() > monocyte[~ill].mean() + 0.1
    assert made.X.min() >= 0
    assert (made.X.data == np.round(made.X.data)).all()


def test_records_stay_the_same_and_the_same_seed_gives_the_same_files(tmp_path):
    simulate(tmp_path / "plain", subjects=40)
    for name in ("a", "b"):
        simulate(tmp_path / name, subjects=40, omics=0.5)
    plain, a, b = (digest(tmp_path / name) for name in ("plain", "a", "b"))
    assert a == b
    assert {name for name in plain if a[name] != plain[name]} == {"truth.json"}
