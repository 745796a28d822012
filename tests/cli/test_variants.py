"""The variants commands, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.genetics.conftest import Cohorts

from biolake.cli import main


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("variants")
    Cohorts(home).bed()
    notes = home / "notes.tsv"
    notes.write_text(
        "chromosome\tposition\tref\talt\tgene\tconsequence\n"
        "19\t45412079\tC\tT\tAPOE\tmissense_variant\n"
        "19\t45411941\tC\tT\tAPOE\tmissense_variant\n"
        "1\tx\tC\tT\tAPOE\tmissense_variant\n"
    )
    data = call(str(home / "lake"), "annotate", str(notes), "--build", "GRCh37")
    assert data["meet"] == {
        "alleles the other way round: the annotated one is counted": 1,
        "same alleles": 1,
    }
    assert data["quarantined"] == {"it is no position": 1}
    assert data["first_quarantined"] == [
        {"row": 4, "column": "position", "reason": "it is no position"}
    ]
    return str(home / "lake")


def run(lake: str, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["variants", *words, "--lake", lake])
    return done.exit_code, done.stdout


def call(lake: str, *words: str) -> dict:
    code, told = run(lake, *words, "--json")
    assert code == 0, told
    return json.loads(told)["data"]


def test_a_list_shows_alleles_frequencies_and_annotations(lake: str) -> None:
    rows = call(lake, "list", "--region", "chr19:45,411,000-45,413,000")["variants"]
    assert [row["variant"] for row in rows] == ["rs429358", "rs7412"]
    assert rows[1]["annotations"][0]["gene"] == "APOE"
    assert call(lake, "list", "--gene", "APOE", "--region", "1")["variants"] == []
    assert call(lake, "list", "--limit", "1")["more"] is True
    code, page = run(lake, "list")
    assert code == 0
    assert "APOE missense_variant" in page


def test_show_tells_every_file_that_has_it(lake: str) -> None:
    (shown,) = call(lake, "show", "rs7412")["variants"]
    assert (shown["variant"], shown["counted"]) == ("19:45412079:C:T", "T")
    assert len(shown["files"]) == 1
    assert "rs7412, 19:45412079:C:T (GRCh37); T is counted." in run(lake, "show", "rs7412")[1]


def test_carriers_are_counted_and_listed(lake: str, tmp_path: Path) -> None:
    out = tmp_path / "who.csv"
    data = call(lake, "carriers", "rs429358", "--subjects", str(out))
    assert (data["carriers"], data["subjects"]) == (3, 6)
    lines = out.read_text().splitlines()
    assert lines[0] == "subject_id,copies"
    assert sorted(line.split(",")[1] for line in lines[1:]) == ["1", "1", "2"]
    by_gene = call(lake, "carriers", "--gene", "apoe", "--consequence", "missense_variant")
    assert [each["counted"] for each in by_gene["variants"]] == ["T", "T"]
    assert by_gene["variants"][0]["turned_files"] == 1
    assert "3 of 6 subjects" in run(lake, "carriers", "rs429358")[1]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("carriers",), 2, "name a variant"),
        (("carriers", "rs7412", "--gene", "APOE"), 2, "name a variant"),
        (("carriers", "rs7412", "--subjects", "x.txt"), 2, ".csv or .parquet"),
        (("carriers", "--gene", "NONE"), 2, "nothing is annotated with NONE"),
        (("show", "rs1"), 2, "no variant is named 'rs1'"),
        (("list", "--region", "1:a-b"), 2, "is no region"),
        (("keep", "rs7412", "rs429358", "--allele", "T"), 2, "--allele is of one variant"),
    ],
)
def test_what_cannot_be_asked_is_refused(lake: str, words, code: int, told: str) -> None:
    done = CliRunner().invoke(main, ["variants", *words, "--lake", lake, "--json"])
    assert done.exit_code == code
    assert told in json.loads(done.stdout)["error"]["message"]


def test_kept_variants_are_told_by_code(lake: str) -> None:
    data = call(lake, "keep", "rs7412", "rs429358")
    assert [each["code"] for each in data["kept"]] == [
        "GENOTYPE//rs7412//T", "GENOTYPE//rs429358//C",
    ]  # fmt: skip
    assert data["added"] == 11
    assert call(lake, "keep", "rs7412")["added"] == 0


def test_the_status_of_a_lake_of_files_with_many_samples_alone(lake: str) -> None:
    done = CliRunner().invoke(main, ["status", "--lake", lake])
    assert done.exit_code == 0, done.output
    assert "1 (1 genotype)" in done.stdout
