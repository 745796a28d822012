"""Terminologies on the command line: load, list, up, down, across."""

from __future__ import annotations

import pytest
from tests.cli.source import call, loaded, refused, told

TERMS = "code,name,parents,synonyms\nMETABOLITE,Metabolite,,\nLAB//sodium,Sodium,METABOLITE,\n"
MAPS = "code,to_code,relation\nLAB//sodium,LOINC//2951-2,exact\nLAB//sodium,LOINC//1-1,broad\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terms")
    root = loaded(folder)
    for name, text in (("kinds", TERMS), ("loinc", MAPS)):
        (folder / f"{name}.csv").write_text(text)
        told("--lake", root, "codes", "load", folder / f"{name}.csv", "--licence", "own")
    return root


def test_each_terminology_is_listed_with_its_source_and_licence(lake):
    found = told("--lake", lake, "codes", "terminologies")["terminologies"]
    assert [(t["terminology"], t["terms"], t["maps"], t["licence"]) for t in found] == [
        ("kinds", 2, 0, "own"),
        ("loinc", 0, 2, "own"),
    ]
    assert "kinds.csv" in call("--lake", lake, "codes", "terminologies").stdout


def test_a_code_is_followed_up_down_and_across(lake):
    up = told("--lake", lake, "codes", "ancestors", "LAB//sodium")
    assert [row["code"] for row in up["codes"]] == ["KINDS//METABOLITE"]
    down = told("--lake", lake, "codes", "descendants", "KINDS//METABOLITE", "--occurring")
    assert [(row["code"], row["events"] > 0) for row in down["codes"]] == [("LAB//sodium", True)]
    across = told("--lake", lake, "codes", "map", "LAB//sodium", "--to", "loinc")["maps"]
    assert [(row["code"], row["relation"]) for row in across] == [
        ("LOINC//2951-2", "exact"),
        ("LOINC//1-1", "broad"),
    ]
    back = told("--lake", lake, "codes", "map", "LOINC//1-1")["maps"]
    assert [(row["code"], row["relation"]) for row in back] == [("LAB//sodium", "narrow")]


def test_a_code_nobody_knows_is_refused_with_the_nearest(lake):
    code, error = refused("--lake", lake, "codes", "ancestors", "KINDS//METABOLITES")
    assert code == 2
    assert "Did you mean 'KINDS//METABOLITE'?" in error["message"]
    assert refused("--lake", lake, "codes", "map", "NOTHING//1")[0] == 2


def test_where_no_terminology_is_loaded_the_one_that_comes_along_is_named(tmp_path):
    root = loaded(tmp_path)
    code, error = refused("--lake", root, "codes", "ancestors", "ICD10CM//I21.4")
    assert (code, "no terminology is loaded" in error["message"]) == (2, True)
    assert "biolake codes load icd10cm" in error["next"]


def test_loading_a_name_again_replaces_it_and_the_lake_stays_whole(tmp_path):
    root = loaded(tmp_path)
    path = tmp_path / "kinds.csv"
    for text, terms in ((TERMS, 2), ("code,name\nA,x\n", 1)):
        path.write_text(text)
        made = told("--lake", root, "codes", "load", path, "--licence", "own")
        assert made["terms"] == terms
    assert made["replaced"]
    assert told("--lake", root, "codes", "terminologies")["terminologies"][0]["terms"] == 1
    assert told("--lake", root, "verify")["ok"]
