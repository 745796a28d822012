"""The synthetic hospital's molecular data: what is planted is found by plain arithmetic."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.testing.test_hospital import digest

from biolake.cli import main
from biolake.core.catalogue import discover
from biolake.ingest.extraction import extract
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.testing.hospital import simulate
from biolake.testing.hospital.omics_files import variants
from biolake.testing.hospital.omics_people import (
    BETA,
    CAUSAL,
    GENES,
    ON_X,
    SHIFT,
    SIGNATURE,
    frequencies,
)

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


# From here on the same truths are found in a lake, as its user would.


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two sites of another hospital: records, samples, expression; measured, some variants kept."""
    home = tmp_path_factory.mktemp("lake")
    simulate(home / "made", subjects=240, seed=SEED, sites=2, omics=1.0)
    made = init(str(home / "lake"))
    catalogue = discover("biolake.readers", "biolake.extractors")
    for site, records in (("site-1", "mimic"), ("site-2", "omop")):
        for part in (records, "omics", "expression"):
            ingest(made, str(home / "made" / site / part), catalogue, site=site)
    extract(made, catalogue, ["genotype-quality", "genotype-variants", "cell-shares"])
    names = [str(variants().name[n]) for n in (CAUSAL - 1, CAUSAL, CAUSAL + 1)]
    assert (
        CliRunner().invoke(main, ["variants", "keep", *names, "--lake", made.root]).exit_code == 0
    )
    return made


def asked(lake: Lake, sql: str, *given: object) -> list:
    with open_view(lake) as view:
        return view.rows(sql, list(given))


def lines_of(lake: Lake, kind: str) -> list[dict[str, Any]]:
    told = Path(lake.root).parent / "made" / "truth-omics.jsonl"
    return [line for line in map(json.loads, told.read_text().splitlines()) if line["kind"] == kind]


def subjects_by_ldl(lake: Lake) -> dict[str, int]:
    """Return the subject of each sample, found by site, time and value of its cholesterol."""
    found = {
        (site, time.isoformat(), round(value, 1)): subject
        for subject, site, time, value in asked(
            lake,
            "SELECT subject_id, site_id, time, numeric_value FROM events"
            " WHERE code = 'BIOBANK//ldl_cholesterol'",
        )
    }
    return {
        line["sample"]: found[line["site"], line["taken"], line["ldl"]]
        for line in lines_of(lake, "sample")
    }


def test_in_the_lake_the_causal_variant_raises_ldl_as_planted(lake):
    rows = asked(
        lake,
        "SELECT g.code, g.numeric_value, l.numeric_value FROM events g JOIN events l"
        " USING (subject_id) WHERE starts_with(g.code, 'GENOTYPE//')"
        " AND l.code = 'BIOBANK//ldl_cholesterol'",
    )
    found = {}
    for code in {code for code, _, _ in rows}:
        x, y = np.array([(dose, ldl) for name, dose, ldl in rows if name == code]).T
        x, y = x - x.mean(), y - y.mean()
        beta = x @ y / (x @ x)
        error = np.sqrt(((y - beta * x) ** 2).sum() / (len(x) - 2) / (x @ x))
        found[code] = (beta, error)
    listed = variants()
    causal = f"GENOTYPE//{listed.name[CAUSAL]}//{listed.alt[CAUSAL]}"
    assert len(found) == 3
    beta, error = found.pop(causal)
    assert abs(beta - BETA) < 3 * error
    assert beta > 4 * error
    assert all(abs(other) < 4 * its for other, its in found.values())


def test_in_the_lake_every_kept_dosage_is_that_of_its_sample(lake):
    code = f"GENOTYPE//{variants().name[CAUSAL]}//{variants().alt[CAUSAL]}"
    kept = dict(asked(lake, "SELECT subject_id, numeric_value FROM events WHERE code = ?", code))
    whose = subjects_by_ldl(lake)
    poor = {line["planted"]["poor"] for line in lines_of(lake, "site")}
    told = {whose[line["sample"]]: line["causal_dosage"] for line in lines_of(lake, "sample")
            if line["sample"] not in poor}  # fmt: skip
    assert {who: kept[who] for who in told} == told


def test_in_the_lake_the_planted_samples_stand_out(lake):
    rows = asked(
        lake,
        "SELECT subject_id, code, numeric_value, text_value, time FROM events"
        " WHERE starts_with(code, 'GENOTYPE_QC//')",
    )
    assert {time for *_, time in rows} == {None}
    whose = subjects_by_ldl(lake)
    planted = [
        {what: whose[name] for what, name in line["planted"].items()}
        for line in lines_of(lake, "site")
    ]
    by_code: dict[str, dict[int, float]] = {}
    for subject, code, value, _, _ in rows:
        by_code.setdefault(code.split("//")[1], {})[subject] = value
    wrong = {who for who, value in by_code["sex_mismatch"].items() if value == 1}
    assert wrong == {site["wrong_sex"] for site in planted}
    poor = {who for who, value in by_code["call_rate"].items() if value < 0.9}
    assert poor == {site["poor"] for site in planted}
    family = {who for site in planted for who in (site["parent"], site["child"])}
    assert all(by_code["relatives"][who] >= 1 for who in family)
    degrees = {s: text for s, code, _, text, _ in rows if code.endswith("closest_kinship")}
    assert all("first" in degrees[who] for who in family)


def test_in_the_lake_the_signature_is_that_of_the_diagnosed(lake):
    rows = asked(
        lake,
        """
        WITH ill AS (
            SELECT subject_id, min(time) AS since FROM events
            WHERE code IN ('SNOMED//13645005', 'DIAGNOSIS//ICD//9//496', 'DIAGNOSIS//ICD//10//J449')
            GROUP BY ALL)
        SELECT split_part(code, '//', 2),
            avg(numeric_value) FILTER (since <= time + INTERVAL 2 DAY),
            avg(numeric_value) FILTER (since IS NULL)
        FROM events LEFT JOIN ill USING (subject_id) WHERE starts_with(code, 'EXPRESSION//')
        GROUP BY ALL
        """,
    )
    assert len(rows) == len(GENES)
    raised = {gene: ill - well for gene, ill, well in rows}
    planted = [raised.pop(gene) for gene in SIGNATURE]
    assert abs(np.mean(planted) - SHIFT) < 0.2
    assert abs(np.mean(list(raised.values()))) < 0.1
    assert sum(found > np.percentile(list(raised.values()), 99) for found in planted) >= 17


def test_in_the_lake_monocytes_are_more_common_in_diabetes(lake):
    whose = subjects_by_ldl(lake)
    diabetic = {whose[line["sample"]]: line["diabetes"] for line in lines_of(lake, "sample")}
    rows = asked(
        lake,
        "SELECT e.subject_id, numeric_value, e.time = s.time FROM events e"
        " JOIN samples s USING (subject_id) WHERE code = 'CELL_SHARE//Monocyte'",
    )
    assert all(same for *_, same in rows)
    shares = [[v for s, v, _ in rows if diabetic[s] is ill] for ill in (True, False)]
    assert min(map(len, shares)) >= 2
    assert np.mean(shares[0]) > np.mean(shares[1]) + 0.1
