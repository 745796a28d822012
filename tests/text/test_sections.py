"""Headings are found as writers of notes write them, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.media import Note
from biolake.text.packs import LANGUAGES, pack
from biolake.text.run import TextRun
from biolake.text.sections import DEFAULTS, flat, kinds, sections


def found(text: str) -> list[tuple[str, str, str]]:
    some = sections(TextRun.of([text]))
    return [
        (kinds()[kind], text[a:b], text[c:d].strip())
        for kind, a, b, c, d in zip(
            some.kind, some.heading_start, some.heading_end, some.start, some.end, strict=True
        )
    ]


def test_a_note_is_cut_at_its_headings():
    text = (
        "CHIEF COMPLAINT: Pain.\n\nHistory of Present Illness:\nCame in today.\n"
        "1. Past Medical History:\nGout\nPhysical Exam\nLungs: clear\n\nALLERGIES - none"
    )
    assert found(text) == [
        ("chief_complaint", "CHIEF COMPLAINT", "Pain."),
        ("history_of_present_illness", "History of Present Illness", "Came in today.\n1."),
        ("past_medical_history", "Past Medical History", "Gout"),
        ("physical_exam", "Physical Exam", "Lungs: clear"),
        ("allergies", "ALLERGIES", "none"),
    ]


def test_spanish_and_chinese_notes_have_sections_too():
    text = (
        "Antecedentes personales: asma.\nExploración física:\nBuen estado.\nJuicio clínico: gripe"
    )
    assert [kind for kind, *_ in found(text)] == [
        "past_medical_history",
        "physical_exam",
        "impression",
    ]
    text = "主诉：胸痛3天。\n【既往史】高血压\n家族史 父亲糖尿病\n查体:双肺清"
    assert [(kind, heading) for kind, heading, _ in found(text)] == [
        ("chief_complaint", "主诉"),
        ("past_medical_history", "既往史"),
        ("family_history", "家族史"),
        ("physical_exam", "查体"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "She has a family history: long and sad, of it.",
        "There were no findings.",
        "The past medical history is long.",
        "medications were given\nand results came back",
        "Time: 10:30",
    ],
)
def test_words_of_a_heading_within_a_sentence_are_none(text):
    assert found(text) == []


def test_a_heading_of_no_known_kind_ends_a_section_written_as_it_is():
    text = "FAMILY HISTORY: Mother had gout.\nMICROSCOPY OF NAILS: fungus"
    assert [kind for kind, *_ in found(text)] == ["family_history", "other"]
    text = "FAMILY HISTORY:\nMOTHER: gout\nUNCLE: asthma\nNail Things:\nfungus"
    assert [kind for kind, *_ in found(text)] == ["family_history", "other"]


def test_headings_within_a_line_count_after_a_sentence():
    text = "He was well. FAMILY HISTORY: none. SOCIAL HISTORY: smokes."
    assert [kind for kind, *_ in found(text)] == ["family_history", "social_history"]


def test_sections_that_a_source_marks_are_taken_as_they_are():
    text = "Results: none. MEDICATIONS: aspirin"
    notes = [
        Note(text, sections=(("medications", 15, len(text)), ("unheard_of", 0, 14))),
        Note(text),
    ]
    run = TextRun.of_notes(notes)
    some = sections(run)
    assert [kinds()[kind] for kind in some.kind] == [
        "other",
        "medications",
        "results",
        "medications",
    ]
    assert some.item.tolist() == [0, 0, 1, 1]
    assert some.heading_start[:2].tolist() == some.heading_end[:2].tolist() == [0, 15]


def test_each_place_is_in_its_section_or_in_none():
    text = "Well. PLAN: rest"
    run = TextRun.of([text, "", text])
    some = sections(run)
    item, start = np.array([0, 0, 2, 2]), np.array([0, 12, 6, 0])
    assert [kinds()[kind] for kind in some.kind_at(run, item, start)] == [
        "none", "plan", "plan", "none",
    ]  # fmt: skip


def test_every_default_is_of_a_kind_that_headings_of_every_language_have():
    for language in LANGUAGES:
        assert set(DEFAULTS) - {"immunizations"} <= set(pack(language).sections)
    assert len(set(kinds())) == len(kinds())


lines = st.sampled_from(
    [
        "PLAN:",
        "Plan: rest",
        "plan",
        "FAMILY HISTORY",
        "MOTHER: x",
        "A B:",
        "既往史：无",
        "",
        "x. PLAN: y",
        "1.",
    ]
)
texts = st.lists(lines, max_size=8).map("\n".join) | st.text(max_size=30)


@settings(deadline=None)
@given(st.lists(texts, max_size=5))
def test_a_batch_has_the_sections_of_its_texts_each_inside_its_text(batch):
    some = sections(TextRun.of(batch))
    columns = (some.item, some.kind, some.heading_start, some.heading_end, some.start, some.end)
    rows = [tuple(map(int, row)) for row in zip(*columns, strict=True)]
    for item, _, a, b, c, d in rows:
        assert 0 <= a < b <= c <= d <= len(batch[item])
    singly = []
    for number, text in enumerate(batch):
        one = sections(TextRun.of([text]))
        columns = (one.kind, one.heading_start, one.heading_end, one.start, one.end)
        singly += [(number, *map(int, row)) for row in zip(*columns, strict=True)]
    assert rows == singly


def test_a_heading_in_prose_has_the_sentence_and_a_family_history_its_paragraph():
    text = "Fue bien. Antecedentes familiares: tío con ictus. En la exploración hay temblor."
    assert found(text) == [("family_history", "Antecedentes familiares", "tío con ictus.")]
    text = "FAMILY HISTORY: Father had a stroke.\nMother well.\n\nHe was given aspirin."
    assert found(text) == [
        ("family_history", "FAMILY HISTORY", "Father had a stroke.\nMother well.")
    ]


def test_a_family_history_ends_where_a_long_sentence_speaks_of_nobodys_kin():
    text = (
        "Family history: Gout. His mother is well. Examination of the legs showed no edema at all."
    )
    assert found(text) == [("family_history", "Family history", "Gout. His mother is well.")]
    text = "Family history: Gout. Of his mother and her heart we know no more than he does."
    assert found(text) == [("family_history", "Family history", text[16:])]


def test_an_acronym_before_a_colon_is_a_result_and_heads_no_section():
    assert [kind for kind, *_ in found("RESULTS: good\nPSA: 4\nTUMOR MARKERS: none")] == [
        "results",
        "other",
    ]


spans = st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 12))


@given(st.lists(spans, max_size=6))
def test_sections_within_sections_are_cut_so_that_each_place_is_in_the_innermost(said):
    said = [(kind, min(a, b), max(a, b)) for kind, a, b in said]
    pieces = list(flat(said))
    for place in range(13):
        around = [one for one in said if one[1] <= place < one[2]]
        inner = max(around, key=lambda one: (one[1], -one[2]), default=("",))
        got = [kind for kind, a, b in pieces if a <= place < b]
        alike = {one[0] for one in around if one[1:] == inner[1:]}
        assert len(got) == bool(around)
        assert set(got) <= alike
