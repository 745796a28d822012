"""Gene sets, tables of terms and maps, equivalence mappings, OMOP folders, ICD-10-CM."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.errors import DataRefused, SourceUnreadable, WrongUse
from biolake.knowledge.gene_sets import read_gmt
from biolake.knowledge.icd10cm import icd10cm
from biolake.knowledge.loading import read_terminology
from biolake.knowledge.omop_vocabulary import read_vocabulary
from biolake.knowledge.tables import is_gem, read_gem, read_table
from biolake.knowledge.terminology import Term, TermMap

SHARED = Path(__file__).parents[3] / "shared" / "data"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_gene_is_a_kind_of_every_set_it_is_in(tmp_path):
    path = written(tmp_path, "sets.gmt", "A\tna\tTP53\tBRCA1\nB_C\tabout b\tTP53\t\n")
    found = read_gmt(path)
    assert found.terms == (
        Term("GENESET//A", "A"),
        Term("GENESET//B_C", "B C", ("about b",)),
        Term("GENE//BRCA1", "BRCA1", (), ("GENESET//A",)),
        Term("GENE//TP53", "TP53", (), ("GENESET//A", "GENESET//B_C")),
    )


@pytest.mark.parametrize("text", ["A\tna\n", "A\n", "\tna\tTP53\n"])
def test_a_line_without_genes_is_refused_by_its_number(tmp_path, text):
    with pytest.raises(DataRefused, match="line 2 holds no gene set"):
        read_gmt(written(tmp_path, "sets.gmt", "OK\tna\tTP53\n" + text))


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_the_hallmark_sets_are_read_whole():
    path = SHARED / "gsea_tests" / "h.all.v7.0.symbols.gmt"
    found = read_gmt(path)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert sum(term.code.startswith("GENESET//") for term in found.terms) == len(lines) == 50
    members = {(gene, f"GENESET//{line[0]}") for line in lines for gene in line[2:]}
    told = {(t.name, p) for t in found.terms if t.code.startswith("GENE//") for p in t.parents}
    assert told == members


def test_a_table_of_terms_gives_codes_their_vocabulary(tmp_path):
    text = (
        "code,name,parents,synonyms\nC09,Renin agents,C,\nC09AA02,enalapril,C09,Renitec|Vasotec\n"
    )
    found = read_table(written(tmp_path, "atc.csv", text), "ATC", licence="mine")
    assert found.terms[1] == Term(
        "ATC//C09AA02", "enalapril", ("Renitec", "Vasotec"), ("ATC//C09",)
    )


def test_a_table_of_maps_says_how_near_two_codes_are(tmp_path):
    text = "code\tto_code\trelation\nLAB//1\tLOINC//2160-0\texact\nX\tLOINC//1-1\t\n"
    found = read_table(written(tmp_path, "own.tsv", text), "own", licence="mine")
    assert found.maps == (
        TermMap("LAB//1", "LOINC//2160-0", "exact"),
        TermMap("OWN//X", "LOINC//1-1", "related"),
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,b\n1,2\n", "does not name the columns"),
        ("code,name,colour\n1,2,3\n", "not known: colour"),
        ("code,name\nA,x\nB\n", "line 3 has no code"),
        ("code,name\nA,x\n,y\n", "line 3 has no code"),
        ("code,name\nA,x\nA,y\n", "line 3 gives the code 'T//A' again; line 2"),
        ("code,to_code,relation\nA,LOINC//1,same\n", "line 2: to_code needs"),
        ("code,to_code\nA,1-1\n", "line 2: to_code needs"),
    ],
)
def test_a_broken_table_is_refused_by_its_line(tmp_path, text, what):
    with pytest.raises(DataRefused, match=what):
        read_table(written(tmp_path, "t.csv", text), "T", licence="mine")


def test_a_table_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("code,name\nA,Fièvre\n".encode("cp1252"))
    with pytest.raises(SourceUnreadable, match="UTF-8"):
        read_table(path, "T")


def test_equivalence_mappings_get_their_dots_and_say_what_is_exact(tmp_path):
    lines = (
        "4019   I10     00000\nE8880  W010XXA 10000\n0010   A000    00112\n00322  NoDx    11000\n"
    )
    path = written(tmp_path, "2018_I9gem.txt", lines)
    assert is_gem(path)
    found = read_gem(path)
    assert found.maps == (
        TermMap("ICD9CM//401.9", "ICD10CM//I10", "exact"),
        TermMap("ICD9CM//E888.0", "ICD10CM//W01.0XXA", "related"),
        TermMap("ICD9CM//001.0", "ICD10CM//A00.0", "related"),
    )
    assert found.notes == ("1 codes have no equivalent",)
    back = read_gem(written(tmp_path, "2018_I10gem.txt", "I10     4019   00000\n"))
    assert back.maps == (TermMap("ICD10CM//I10", "ICD9CM//401.9", "exact"),)
    with pytest.raises(DataRefused, match="line 2 is no line of a GEM"):
        read_gem(written(tmp_path, "2019_I9gem.txt", "4019   I10     00000\nhello\n"))


def test_an_omop_folder_gives_terms_parents_and_maps(tmp_path):
    written(
        tmp_path,
        "CONCEPT.csv",
        "concept_id\tconcept_name\tvocabulary_id\tconcept_code\tinvalid_reason\n"
        "1\tHeart disease\tSNOMED\t100\t\n2\tInfarction\tSNOMED\t200\t\n3\tMI\tICD10CM\tI21\t\n"
        "4\tGone\tSNOMED\t300\tD\n",
    )
    written(
        tmp_path,
        "CONCEPT_RELATIONSHIP.csv",
        "concept_id_1\tconcept_id_2\trelationship_id\tinvalid_reason\n"
        "2\t1\tIs a\t\n3\t2\tMaps to\t\n1\t1\tMaps to\t\n",
    )
    found = read_vocabulary(tmp_path, licence="Athena")
    assert found.terms == (
        Term("ICD10CM//I21", "MI"),
        Term("SNOMED//100", "Heart disease"),
        Term("SNOMED//200", "Infarction", (), ("SNOMED//100",)),
    )
    assert found.maps == (TermMap("ICD10CM//I21", "SNOMED//200", "exact"),)
    (tmp_path / "CONCEPT.csv").write_text("a\tb\n1\t2\n")
    with pytest.raises(SourceUnreadable, match="not those of an OMOP vocabulary"):
        read_vocabulary(tmp_path)


def test_icd10cm_is_whole_and_every_code_reaches_its_chapter():
    terms = {term.code: term for term in icd10cm().terms}
    assert len(terms) > 95_000
    assert terms["ICD10CM//I21.4"].parents == ("ICD10CM//I21",)
    assert "Acute subendocardial myocardial infarction" in terms["ICD10CM//I21.4"].synonyms
    tops = [code for code, term in terms.items() if not term.parents]
    assert len(tops) == 22
    assert all(code.startswith("ICD10CM//chapter ") for code in tops)
    assert all(parent in terms for term in terms.values() for parent in term.parents)


def test_terms_without_a_licence_are_refused(tmp_path):
    path = written(tmp_path, "mine.csv", "code,name\nA,x\n")
    with pytest.raises(DataRefused, match="under which licence"):
        read_terminology(str(path))
    assert read_terminology(str(path), licence="CC0").name == "mine"


def test_what_is_no_terminology_is_refused_by_name(tmp_path):
    with pytest.raises(WrongUse, match="no such file"):
        read_terminology("icd11")
    with pytest.raises(WrongUse, match="no terminology that is known"):
        read_terminology(str(written(tmp_path, "letter.txt", "Dear colleague\n")))
