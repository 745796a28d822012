"""Molecular sources in one lake: samples lead to their patients, whoever names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.catalogue import discover
from biolake.core.errors import BiolakeError
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init

READERS = discover("biolake.readers")
STUDY = {
    "meta_study.txt": "cancer_study_identifier: toy\nreference_genome: hg19\n",
    "meta_samples.txt": "genetic_alteration_type: CLINICAL\ndatatype: SAMPLE_ATTRIBUTES\n"
    "data_filename: data_samples.txt\n",
    "data_samples.txt": "PATIENT_ID\tSAMPLE_ID\tSUBTYPE\nP1\tS1\tA\nP1\tS2\tA\nP2\tS3\tA\n",
    "meta_z.txt": "genetic_alteration_type: MRNA_EXPRESSION\ndatatype: Z-SCORE\nstable_id: z\n"
    "data_filename: data_z.txt\n",
    "data_z.txt": "Hugo_Symbol\tS1\tS3\nTP53\t0.5\t-1\nMYC\t1\t2\n",
}
ABOUT = "name: assay\norigin: diagnosis\nmatrices:\n  - {file: m.csv, kind: cna, samples: rows}\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    write(tmp_path / "study", STUDY)
    found = init(str(tmp_path / "lake"))
    ingest(found, str(tmp_path / "study"), READERS)
    return found


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def values(lake: Lake, code: str) -> list[tuple[int, float]]:
    with open_view(lake) as view:
        sql = "SELECT subject_id, numeric_value FROM events WHERE code = ? ORDER BY ALL"
        return view.rows(sql, [code])


def subjects(lake: Lake) -> int:
    with open_view(lake) as view:
        return view.rows("SELECT count(*) FROM subjects")[0][0]


def test_a_matrix_of_a_studys_samples_finds_its_patients(lake: Lake, tmp_path: Path) -> None:
    source = write(tmp_path / "assay", {"molecular.yaml": ABOUT, "m.csv": "id,TP53\nS2,-2\nS3,1\n"})
    ingest(lake, str(source), READERS)
    assert subjects(lake) == 2
    by_patient = dict(values(lake, "EXPRESSION//TP53//zscore"))
    assert {by_patient[who]: value for who, value in values(lake, "CNA//TP53")} == {
        0.5: -2.0,
        -1.0: 1.0,
    }


def test_a_dated_sample_joins_its_patient_and_stands_at_its_time(
    lake: Lake, tmp_path: Path
) -> None:
    about = """
name: lab
samples: {file: sheet.csv, id: sample, time: taken, subject: study_sample, system: sample}
matrices: [{file: m.csv, kind: expression, scale: log2, samples: columns}]
"""
    files = {
        "molecular.yaml": about,
        "sheet.csv": "sample,study_sample,taken\nLAB-1,S3,2024-05-06T07:08\n",
        "m.csv": "gene,LAB-1\nTP53,4.5\n",
    }
    ingest(lake, str(write(tmp_path / "lab", files)), READERS)
    assert subjects(lake) == 2
    by_value = {value: who for who, value in values(lake, "EXPRESSION//TP53//zscore")}
    assert values(lake, "EXPRESSION//TP53//log2") == [(by_value[-1.0], 4.5)]
    with open_view(lake) as view:
        sql = "SELECT time::VARCHAR FROM events WHERE code = 'EXPRESSION//TP53//log2'"
        assert view.rows(sql) == [("2024-05-06 07:08:00",)]


def test_a_maf_of_a_studys_samples_finds_its_patients(lake: Lake, tmp_path: Path) -> None:
    maf = tmp_path / "one.maf"
    maf.write_text(
        "Hugo_Symbol\tTumor_Sample_Barcode\tVariant_Classification\nTP53\tS2\tSilent\n"
        "TP53\tunknown\tSilent\n"
    )
    ingest(lake, str(maf), READERS)
    assert subjects(lake) == 3  # the third is nobody of the study
    (first, second) = (who for who, _ in values(lake, "MUTATION//TP53//Silent"))
    patients = {value: who for who, value in values(lake, "EXPRESSION//TP53//zscore")}
    assert patients[0.5] in (first, second)


def test_loading_again_adds_nothing_and_a_corrected_value_replaces(
    lake: Lake, tmp_path: Path
) -> None:
    assert ingest(lake, str(tmp_path / "study"), READERS).load.commit is None
    data = tmp_path / "study" / "data_z.txt"
    data.write_text(data.read_text().replace("0.5", "0.75"))
    report = ingest(lake, str(tmp_path / "study"), READERS)
    assert report.load.outcome.replaced == 1
    assert sorted(value for _, value in values(lake, "EXPRESSION//TP53//zscore")) == [-1.0, 0.75]
    assert len(values(lake, "EXPRESSION//MYC//zscore")) == 2


def test_a_study_of_two_builds_leaves_the_lake_as_it_was(lake: Lake, tmp_path: Path) -> None:
    write(
        tmp_path / "study",
        {
            "meta_maf.txt": "genetic_alteration_type: MUTATION_EXTENDED\ndatatype: MAF\n"
            "data_filename: data.maf\n",
            "data.maf": "Hugo_Symbol\tTumor_Sample_Barcode\tVariant_Classification\tNCBI_Build\n"
            "TP53\tS1\tSilent\tGRCh38\n",
        },
    )
    before = lake.commit().number
    with pytest.raises(BiolakeError, match="GRCh38"):
        ingest(lake, str(tmp_path / "study"), READERS)
    assert lake.commit().number == before
