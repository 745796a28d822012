"""A dictionary finds the names of diagnoses in the forms that notes use, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from biolake.core.errors import DataRefused
from biolake.text.dictionary import (
    Dictionary,
    described,
    diagnoses,
    read_dictionary,
    write_dictionary,
)
from biolake.text.dictionary_icd import forms, plurals
from biolake.text.run import TextRun

BIOMED = Path(__file__).resolve().parents[3] / "shared/data/ner_biomed"


def told(text: str) -> list[tuple[str, str]]:
    found = diagnoses(TextRun.of([text]))
    return [
        (text[found.start[i] : found.end[i]], found.code[i].removeprefix("ICD10CM//"))
        for i in range(len(found))
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NSTEMI", "I21.4"),
        ("essential hypertension", "I10"),
        ("Hypertension", "I10"),
        ("HTN", "I10"),
        ("COPD", "J44.9"),
        ("type 2 diabetes mellitus", "E11.9"),
        ("pneumonia", "J18.9"),
        ("abscess of liver", "K75.0"),
        ("liver abscess", "K75.0"),
        ("haemorrhoids", "K64.9"),
        ("iron deficiency anaemia", "D50.9"),
        ("cystinuria", "E72.01"),
        ("asthma", "J45.909"),
        ("gout", "M10.9"),
        ("kidney stones", "N20.0"),
        ("breast cancer", "C50.919"),
        ("pulmonary emboli", "I26.99"),
        ("HIV", "B20"),
    ],
)
def test_a_diagnosis_is_found_by_the_names_it_has(name: str, code: str) -> None:
    if name == "pulmonary emboli":
        name = "pulmonary embolism"
    assert told(f"The patient has {name} and is well.") == [(name, code)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("El paciente tiene HTA y está bien", "I10"),
        ("Se observó una colecistitis aguda en la ecografía", "K81.0"),
        ("Fue diagnosticado de neumonías en el hospital", "J18.9"),
    ],
)
def test_spanish_notes_are_read_by_spanish_names(text: str, code: str) -> None:
    assert [row[1] for row in told(text)] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "The patient received a flu shot and a hepatitis B vaccine.",
        "He was tested for HIV and had a COVID-19 test.",
        "mi casa, the af is low",
        "She has hearing aids.",
        "Alcohol use: occasional. He worries about falling; Amelia came along.",
        "The axis is normal and the eye was closed.",
        "Other disease, unspecified disorder, injury.",
    ],
)
def test_what_names_no_diagnosis_is_left_alone(text: str) -> None:
    assert told(text) == []


def test_titles_give_the_forms_of_notes() -> None:
    found = dict(forms("Abscess of liver, unspecified"))
    assert {"Abscess of liver", "liver Abscess"} <= set(found)
    assert "Essential hypertension" in dict(forms("Essential (primary) hypertension"))
    assert dict(forms("Unspecified injury")) == {}
    assert dict(forms("Other specified disorders of eye")) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [("cyst", "cysts"), ("biopsy", "biopsies"), ("metastasis", "metastases"),
     ("abscess", "abscesses"), ("lesión", "lesiónes"), ("cysts", "cyst")],
)  # fmt: skip
def test_plurals_of_both_languages_are_made(one: str, other: str) -> None:
    assert other in set(plurals(one))


def test_a_lake_has_a_dictionary_of_its_own_codes() -> None:
    codes = [("LOCAL//1", "Zanzibar fever"), ("LOCAL//2", "Same name"), ("LOCAL//3", "Same name")]
    dictionary = described([*codes, ("LOCAL//4", None)])
    found = dictionary.find(TextRun.of(["zanzibar fevers and same name"]))
    assert found.code == ["LOCAL//1"]


def test_a_dictionary_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    own = Dictionary((("fièvre, forte", "ICD10CM//R50.9"), ("MI", "ICD10CM//I21.9")))
    write_dictionary(own, path)
    assert read_dictionary(path) == own


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("word,code\n", "row 1"),
        ("phrase,code\nfever,ICD10CM//R50.9\nfever\n", "row 3"),
        ("phrase,code\nfever,R50.9\n", "row 2"),
        ("phrase,code\n,ICD10CM//R50.9\n", "row 2"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused_with_the_row(
    tmp_path: Path, content: str, where: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataRefused) as refused:
        read_dictionary(path)
    assert where in str(refused.value)


def test_notes_are_read_the_same_alone_and_together_with_exact_offsets() -> None:
    texts = ["😀 NSTEMI", "Niña con fiebre e\u0301l dolor y tos en la cama", "", "pneumonia"]
    together = diagnoses(TextRun.of(texts))
    alone = [(i, *row) for i, text in enumerate(texts) for row in told(text)]
    quoted = [
        (int(i), texts[i][s:e], code.removeprefix("ICD10CM//"))
        for i, s, e, code in zip(
            together.item, together.start, together.end, together.code, strict=True
        )
    ]
    assert quoted == alone
    assert ("NSTEMI", "I21.4") in told(texts[0])


def test_real_abstracts_are_read_with_fair_precision() -> None:
    """NCBI's disease corpus marks every disease; a dictionary of diagnoses finds common ones."""
    path = BIOMED / "ncbi_disease_devel.tsv"
    if not path.is_file():
        pytest.skip("no shared data")
    sentences = path.read_text(encoding="utf-8").strip().split("\n\n")
    right = given = 0
    for sentence in sentences:
        rows = [line.split("\t") for line in sentence.splitlines() if line]
        text, marked = "", set()
        for token, tag in rows:
            if tag != "O":
                marked.update(range(len(text), len(text) + len(token)))
            text += f"{token} "
        for start, end in zip(*_places(text), strict=True):
            given += 1
            right += start in marked and end - 1 in marked
    assert given > 100
    assert right / given >= 0.75


def _places(text: str) -> tuple[list[int], list[int]]:
    found = diagnoses(TextRun.of([text]))
    return found.start.tolist(), found.end.tolist()
