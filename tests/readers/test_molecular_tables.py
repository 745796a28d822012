from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from biolake.core.errors import DataRefused, SourceUnreadable
from biolake.core.reading import ReadContext
from biolake.readers.molecular_tables import molecular_tables, tcga_multimodal
from biolake.testing.readers import ReaderTests, read

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "tcga-multimodal"
SPECIFICATION = """
name: toy
origin: diagnosis
subjects:
  file: clinical.csv
  id: patient
  age: age
  sex: {column: sex, female: f, male: m}
  days: days
  dead: {column: status, dead: dead, alive: alive}
  facts: {centre: CENTRE}
numbers:
  - {file: folds.csv, id: patient, columns: {fold: FOLD}}
matrices:
  - {file: expression.tsv.gz, kind: expression, scale: tpm}
  - {file: cna.csv, kind: cna}
  - {file: mutation.csv, kind: mutation, optional: true}
"""
ALONE = """
name: toy
origin: diagnosis
matrices: [{file: m.csv, kind: expression, scale: log2}]
"""
FILES = {
    "molecular.yaml": SPECIFICATION,
    "clinical.csv": "patient,age,sex,days,status,centre\nA,50,f,100,alive,X\nB,60.5,m,40,dead,Y\n"
    "C,,f,,,\nD,two,f,1,dead,X\nE,40,f,9,lost,X\nA,50,f,100,alive,X\n",
    "folds.csv": "patient,fold\nA,0\nB,1\nZ,2\n",
    "expression.tsv.gz": "gene\tA\tB\tQ\nTP53\t1.5\t2\t3\nMYC\tNA\t4\t5\n1-Mar\t1\t1\t1\n"
    "KRAS\t7\toops\t1\nTP53\t1\t1\t1\nEGFR\t\t\t\n",
    "cna.csv": "patient,TP53,2-Sep,MYC\nA,-2,1,\nB,0,1,3\nQ,1,1,1\n",
}
TCGA = {
    "clinical.csv": "case_id,site,oncotree_code,age,is_female,survival_months,censorship\n"
    "TCGA-AA-0001,AA,BLCA,63.0,0,10,0\nTCGA-AA-0002,AA,BLCA,40,1,2.5,1\n",
    "splits.csv": "case_id,validation_fold\nTCGA-AA-0001,3\nTCGA-AA-0002,0\n",
    "mut.csv.gz": "case_id,TP53\nTCGA-AA-0001,1\nTCGA-AA-0002,0\n",
}


def write_folder(folder: Path, files: dict[str, str] = FILES, **changed: str) -> Path:
    for name, text in files.items():
        text = changed.get(name.split(".")[0], text)
        if name.endswith(".gz"):
            (folder / name).write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            (folder / name).write_text(text)
    return folder


def rows(source: Path, reader=molecular_tables) -> list[dict]:
    return [row for c in read(reader, source) if c.events for row in c.events.to_pylist()]


def values(source: Path, reader=molecular_tables) -> dict[tuple[str, str], float | None]:
    return {(row["subject"], row["code"]): row["numeric_value"] for row in rows(source, reader)}


def rejects(source: Path) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for chunk in read(molecular_tables, source):
        mine = [(r.row, r.column) for r in chunk.tally.rejects]
        found[chunk.file.name] = found.get(chunk.file.name, []) + mine
    return found


class TestMolecularTables(ReaderTests):
    reader = molecular_tables
    secrets = ("patient-A",)

    def write_source(self, folder: Path) -> Path:
        return write_folder(folder)


class TestTcga(ReaderTests):
    reader = tcga_multimodal
    secrets = ("TCGA-AA-0001", "TCGA-AA-0002")

    def write_source(self, folder: Path) -> Path:
        return write_folder(folder, TCGA)


def test_genes_down_and_samples_down_give_the_same_codes(tmp_path):
    found = values(write_folder(tmp_path))
    assert found["A", "EXPRESSION//TP53//tpm"] == 1.5
    assert found["B", "EXPRESSION//MYC//tpm"] == 4.0
    assert ("A", "EXPRESSION//MYC//tpm") not in found
    assert found["A", "CNA//TP53"] == -2.0


def test_follow_up_lies_on_its_day_and_the_dead_die(tmp_path):
    when = {(row["subject"], row["code"]): row["time"] for row in rows(write_folder(tmp_path))}
    start = when["B", "TIME_ORIGIN//DIAGNOSIS"]
    assert (when["B", "MEDS_DEATH"] - start).days == 40
    assert (when["A", "OS//LIVING"] - start).days == 100
    assert (start - when["B", "MEDS_BIRTH"]).days == round(60.5 * 365.25)
    assert when["A", "GENDER//F"] is None
    assert when["B", "FOLD"] is None


def test_what_is_wrong_is_quarantined_by_row_and_column(tmp_path):
    assert rejects(write_folder(tmp_path)) == {
        "clinical.csv": [(5, "age"), (6, "status"), (7, "patient")],
        "folds.csv": [(4, "patient")],
        "expression.tsv.gz": [(1, "column 4"), (4, "gene"), (5, "column 3"), (6, "gene")],
        "cna.csv": [(1, "column 3"), (3, "column 4"), (4, "patient")],
    }


def test_a_matrix_that_stands_alone_is_turned_by_its_genes(tmp_path):
    (tmp_path / "molecular.yaml").write_text(ALONE)
    (tmp_path / "m.csv").write_text("id,TP53,MYC\nA,1,2\nB,3,4\n")
    down = values(tmp_path)
    (tmp_path / "m.csv").write_text("id,A,B\nTP53,1,3\nMYC,2,4\n")
    assert values(tmp_path) == down
    assert down["A", "TIME_ORIGIN//DIAGNOSIS"] is None
    assert down["B", "EXPRESSION//MYC//log2"] == 4.0


def test_a_matrix_of_which_no_side_is_known_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "molecular.yaml").write_text(ALONE)
    (tmp_path / "m.csv").write_text("id,x,y\na,1,2\n")
    with pytest.raises(SourceUnreadable, match="samples: rows"):
        rows(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SPECIFICATION.replace(", scale: tpm", ""), "need a `scale`"),
        (SPECIFICATION.replace("kind: cna", "kind: copies"), "must be expression"),
        (SPECIFICATION.replace("cna.csv", "/etc/passwd"), "without `..`"),
        (SPECIFICATION.replace("  days: days\n", ""), "follow-up needs"),
        (SPECIFICATION.replace("cna.csv", "none.csv"), "has no file"),
        (SPECIFICATION.replace("origin: diagnosis\n", ""), "when samples were taken"),
        (SPECIFICATION + "samples: {file: a, id: b, time: c}\n", "in one way"),
        (SPECIFICATION.replace("id: patient\n  age", "id: person\n  age"), "no column 'person'"),
    ],
)
def test_a_wrong_specification_is_refused(tmp_path, text, said):
    with pytest.raises(DataRefused, match=said):
        rows(write_folder(tmp_path, molecular=text))


def test_blocks_of_lines_give_what_the_whole_file_gives(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    table = rng.normal(size=(200, 30)).round(3)
    about = ALONE.replace("log2}", "z, samples: columns}")
    (tmp_path / "molecular.yaml").write_text(about)
    lines = [",".join(["g", *(f"S{n}" for n in range(30))])]
    lines += [",".join([f"G{g}", *map(str, row)]) for g, row in enumerate(table)]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    from biolake.readers._matrix import text_table

    monkeypatch.setattr(text_table.TextTable.blocks, "__defaults__", (2000,))
    found = values(tmp_path)
    wanted = {(f"S{s}", f"EXPRESSION//G{g}//z"): table[g, s] for g in range(200) for s in range(30)}
    assert {key: found[key] for key in wanted} == wanted


SHEET = {
    "molecular.yaml": "name: lab\nsamples: {file: s.csv, id: sample, time: taken_at,"
    " subject: patient, system: mrn}\nmatrices:\n"
    "  - {file: m.tsv, kind: expression, scale: log2, samples: detect}\n",
    "s.csv": "sample,patient,taken_at\nX1,7,2021-03-04T05:06\nX2,8,2022-01-02\nX3,8,\n"
    "X4,9,yesterday\nX5,9,2021-01-01T00:00:00+01:00\nX1,7,2021-03-04T05:06\n",
    "m.tsv": "gene\tX1\tX2\tX3\tX9\nTP53\t1\t2\t3\t4\nMYC\t\t5\t6\t7\n",
}


def test_values_stand_when_their_samples_were_taken(tmp_path):
    found = rows(write_folder(tmp_path, SHEET))
    assert [
        (r["subject"], r["code"], r["time"].isoformat(), r["numeric_value"]) for r in found
    ] == [
        ("X1", "EXPRESSION//TP53//log2", "2021-03-04T05:06:00", 1.0),
        ("X2", "EXPRESSION//TP53//log2", "2022-01-02T00:00:00", 2.0),
        ("X2", "EXPRESSION//MYC//log2", "2022-01-02T00:00:00", 5.0),
    ]


def test_samples_without_a_time_are_quarantined_with_all_their_values(tmp_path):
    assert rejects(write_folder(tmp_path, SHEET)) == {
        "s.csv": [(4, "taken_at"), (5, "taken_at"), (6, "taken_at"), (7, "sample")],
        "m.tsv": [(1, "column 4"), (1, "column 5")],
    }


@pytest.mark.parametrize("again", ["X1,7,2021-03-05", "X1,8,2021-03-04T05:06"])
def test_of_a_sample_told_of_in_two_ways_neither_is_believed(tmp_path, again):
    sheet = SHEET["s.csv"].rsplit("X1", 1)[0] + again + "\n"
    folder = write_folder(tmp_path, SHEET | {"s.csv": sheet})
    assert {(2, "sample"), (7, "sample")} <= set(rejects(folder)["s.csv"])
    assert (1, "column 2") in rejects(folder)["m.tsv"]
    assert {row["subject"] for row in rows(folder)} == {"X2"}


def test_times_that_all_have_an_offset_are_utc(tmp_path):
    sheet = "sample,patient,taken_at\nX1,7,2016-07-27T14:46:00+01:00\nX2,8,2016-07-27T14:46:00Z\n"
    folder = write_folder(tmp_path, SHEET | {"s.csv": sheet})
    assert molecular_tables.call(folder, ReadContext("s", tmp_path)).clock == "utc"
    found = {row["subject"]: row["time"].isoformat() for row in rows(folder)}
    assert found == {"X1": "2016-07-27T13:46:00", "X2": "2016-07-27T14:46:00"}


def test_the_rows_of_the_other_clock_are_quarantined_in_a_mixed_sheet(tmp_path):
    line = "X{},7,2016-07-27T14:46:00{}\n"
    aware = "".join(line.format(n, "+01:00") for n in (1, 2)) + line.format(3, "")
    folder = write_folder(tmp_path, SHEET | {"s.csv": "sample,patient,taken_at\n" + aware})
    assert rejects(folder)["s.csv"] == [(4, "taken_at")]
    assert {row["subject"] for row in rows(folder)} == {"X1", "X2"}


def test_a_matrix_of_unknown_samples_alone_gives_nothing_and_says_so(tmp_path):
    folder = write_folder(tmp_path, SHEET | {"m.tsv": "gene\tY1\tY2\nTP53\t1\t2\n",
        "molecular.yaml": SHEET["molecular.yaml"].replace("detect", "columns")})  # fmt: skip
    assert rows(folder) == []
    assert rejects(folder)["m.tsv"] == [(1, "column 2"), (1, "column 3")]


def test_a_matrix_turned_over_says_the_same(tmp_path):
    turned = {"m.tsv": "sample\tTP53\tMYC\nX1\t1\t\nX2\t2\t5\n"}
    names = ("row_key", "subject", "code", "numeric_value")
    one, other = (
        sorted(tuple(row[name] for name in names) for row in rows(write_folder(tmp_path, files)))
        for files in (SHEET, SHEET | turned)
    )
    assert one == other
    assert len({key for key, *_ in one}) == 3


def test_a_sheet_names_samples_and_whose_they_are(tmp_path):
    people = [
        (row["subject"], row["system"], row["value"])
        for chunk in read(molecular_tables, write_folder(tmp_path, SHEET))
        if chunk.people
        for row in chunk.people.to_pylist()
    ]
    assert people == [("X1", "sample", "X1"), ("X1", "mrn", "7"), ("X2", "sample", "X2"),
                      ("X2", "mrn", "8")]  # fmt: skip


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_a_tcga_cohort_agrees_with_its_own_files():
    source = SHARED / "kirc"
    found = values(source, tcga_multimodal)
    for name, code in (
        ("rnaseq", "EXPRESSION//{}//zscore"),
        ("cnv", "CNA//{}"),
        ("mut", "MUTATION//{}"),
    ):
        lines = gzip.decompress((source / f"{name}.csv.gz").read_bytes()).decode().splitlines()
        head = lines[0].split(",")
        for line in lines[1::29]:
            who, *told = line.split(",")
            for gene, value in zip(head[1:], told, strict=True):
                assert found.get((who, code.format(gene))) == (float(value) if value else None)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_all_eight_cohorts_are_read_and_every_row_has_a_fate():
    deaths: dict[str, int] = {}
    for chunk in read(tcga_multimodal, SHARED):
        assert chunk.tally.unexplained == 0
        assert not chunk.tally.rejects
        if chunk.table == "subjects":
            codes = chunk.events["code"].to_pylist()
            deaths[chunk.file.name.split("/")[0]] = codes.count("MEDS_DEATH")
    assert deaths == {"blca": 169, "brca": 130, "coadread": 81, "gbmlgg": 187, "hnsc": 197,
                      "kirc": 92, "luad": 158, "ucec": 75}  # fmt: skip
