"""Annotation files of three kinds: matched, turned, refused by row, and asked for by gene."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.genetics.conftest import Cohorts

from biolake.core.errors import DataRefused, SourceUnreadable, WrongUse
from biolake.genetics import annotated
from biolake.genetics.annotated import agreements, meet
from biolake.genetics.annotating import Annotated, annotate
from biolake.genetics.carriers import read_dosages
from biolake.genetics.listing import annotations_of
from biolake.lake.door import open_view
from biolake.lake.verifying import verify

OWN = (
    "chromosome\tposition\tref\talt\tgene\tconsequence\timpact\n"
    "chr19\t45411941\tT\tC\tAPOE\tmissense_variant\tMODERATE\n"
    "19\t45412079\tC\tT\tAPOE\tmissense_variant\tMODERATE\n"
)
VEP = """## ENSEMBL VARIANT EFFECT PREDICTOR
#Uploaded_variation\tLocation\tAllele\tGene\tFeature\tConsequence\tExtra
rs7412\t19:45412079\tT\tENSG1\tENST1\tmissense_variant,splice_region_variant\tIMPACT=MODERATE;SYMBOL=APOE;REF_ALLELE=C
1_2001_T/-\t1:2001\t-\tENSG2\tENST2\tframeshift_variant\tIMPACT=HIGH;SYMBOL=GENE2
"""
ANNOVAR = (
    "Chr\tStart\tEnd\tRef\tAlt\tFunc.refGene\tGene.refGene\tExonicFunc.refGene\n"
    "19\t45412079\t45412079\tC\tT\texonic\tAPOE\tnonsynonymous SNV\n"
    "1\t2001\t2001\tT\t-\texonic\tGENE2\tframeshift deletion\n"
    "1\t500\t500\tA\tG\tintronic\tGENE2\t.\n"
)


def take(cohorts: Cohorts, text: str, name: str = "notes.tsv", build: str = "GRCh37") -> Annotated:
    path: Path = cohorts.home / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return annotate(cohorts.lake, path, build)


def carriers(cohorts: Cohorts, **asked: str) -> list[int]:
    with open_view(cohorts.lake) as view:
        found = agreements(meet(view, annotations_of(view, **asked)))
        dosages = read_dosages(view, cohorts.catalogue, found)
    return [len(one.carriers()) for one in dosages]


@pytest.mark.parametrize("name", ["notes.tsv", "notes.tsv.gz"])
def test_a_table_of_one_s_own_is_matched_by_place_and_alleles(cohorts: Cohorts, name: str) -> None:
    cohorts.first()
    report = take(cohorts, OWN, name)
    assert (report.rows, report.annotations) == (2, 2)
    assert dict(report.fates) == {annotated.MATCHED: 2}
    assert carriers(cohorts, gene="apoe", consequence="missense_variant") == [3, 2]
    assert carriers(cohorts, impact="high") == []
    assert verify(cohorts.lake).problems == ()


def test_vep_s_table_tells_indels_and_several_consequences(cohorts: Cohorts) -> None:
    cohorts.first()
    report = take(cohorts, VEP)
    assert dict(report.fates) == {annotated.MATCHED: 2}
    assert carriers(cohorts, gene="GENE2") == [2]
    assert carriers(cohorts, consequence="splice_region_variant") == [2]


def test_annovar_s_table_is_told_in_sequence_ontology_terms(cohorts: Cohorts) -> None:
    cohorts.first()
    report = take(cohorts, ANNOVAR)
    assert dict(report.fates) == {annotated.MATCHED: 2, annotated.NO_VARIANT: 1}
    assert carriers(cohorts, consequence="frameshift_variant") == [2]
    assert carriers(cohorts, gene="APOE", consequence="missense_variant") == [2]


def test_rows_by_name_are_placed_by_the_lake_s_variants(cohorts: Cohorts) -> None:
    cohorts.first()
    text = "rsid,alt,gene\nrs7412,T,APOE\nrs429358,,APOE\nrs7412,G,APOE\nrs1,,X\n,,X\n"
    report = take(cohorts, text, "notes.csv")
    assert report.annotations == 2
    assert dict(report.faulty) == {
        "the variant of this name has other alleles": 1,
        "no variant of the lake has this name": 1,
        "it names no variant": 1,
    }
    assert carriers(cohorts, gene="APOE") == [3, 2]


@pytest.mark.parametrize(
    ("row", "way", "found"),
    [
        ("19\t45412079\tT\tC\tG", annotated.TURNED, [5]),
        ("19\t45412079\tG\tA\tG", annotated.OTHER_STRAND, []),
        ("19\t45412079\tC\tG\tG", annotated.OTHER_ALLELES, []),
        ("19\t45412080\tC\tT\tG", annotated.NO_VARIANT, []),
        ("1\t1000\tT\tA\tG", annotated.UNTOLD, []),
        ("1\t1000\tA\tT\tG", annotated.MATCHED, [1]),
        ("1\t2001\tT\t-\tG", annotated.MATCHED, [2]),
        ("1\t1999\tAGT\tAG\tG", annotated.MATCHED, [2]),
    ],
)
def test_each_row_stands_to_the_lake_in_one_way(cohorts: Cohorts, row, way, found) -> None:
    cohorts.first()
    report = take(cohorts, f"chromosome\tposition\tref\talt\tgene\n{row}\n")
    assert dict(report.fates) == {way: 1}
    assert carriers(cohorts, gene="G") == found


def test_rows_that_are_none_are_quarantined_with_row_and_column(cohorts: Cohorts) -> None:
    cohorts.first()
    rows = "19\t-4\tC\tT\tG\n19\t5\tC\t<DEL>\tG\n19\t5\tC\tC\tG\n19\t5\tC\n"
    report = take(cohorts, OWN.replace("\tconsequence\timpact", "").split("\n")[0] + "\n" + rows)
    assert report.annotations == 0
    with open_view(cohorts.lake) as view:
        told = view.rows('SELECT file, "row", "column", reason FROM quarantine ORDER BY 2')
    assert told == [
        ("notes.tsv", 2, "position", "it is no position"),
        ("notes.tsv", 3, "alt", "the allele is not of A, C, G and T"),
        ("notes.tsv", 4, "alt", "ref and alt are the same"),
        ("notes.tsv", 5, "", "it has not the 5 columns"),
    ]


def test_loading_a_name_again_replaces_what_it_brought(cohorts: Cohorts) -> None:
    cohorts.first()
    take(cohorts, OWN)
    report = take(cohorts, OWN.replace("APOE", "OTHER"))
    assert report.replaced
    with open_view(cohorts.lake) as view:
        held = view.rows("SELECT DISTINCT gene FROM variant_annotations")
    assert held == [("OTHER",)]


def test_another_build_is_refused(cohorts: Cohorts) -> None:
    cohorts.first()
    with pytest.raises(DataRefused, match="the lake's variants are in GRCh37"):
        take(cohorts, OWN, build="GRCh38")
    with pytest.raises(WrongUse, match="'GRCh39' is no reference build"):
        take(cohorts, OWN, build="GRCh39")


def test_what_is_no_table_of_annotations_is_refused(cohorts: Cohorts) -> None:
    with pytest.raises(DataRefused, match="names no variants and what is known"):
        take(cohorts, "a\tb\n1\t2\n")
    path = cohorts.home / "broken.tsv.gz"
    path.write_bytes(gzip.compress(OWN.encode())[:-9])
    with pytest.raises(SourceUnreadable):
        annotate(cohorts.lake, path, "GRCh37")


def test_asking_before_any_annotation_says_how_to_load_them(cohorts: Cohorts) -> None:
    with open_view(cohorts.lake) as view, pytest.raises(WrongUse, match="no annotations"):
        annotations_of(view, gene="APOE")
