"""Sentences end where a reader of notes would end them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.text.run import TextRun
from biolake.text.sections import sections
from biolake.text.sentences import sentences


def cut(text: str) -> list[str]:
    found = sentences(TextRun.of([text]))
    return [text[a:b] for a, b in zip(found.start, found.end, strict=True)]


@pytest.mark.parametrize(
    "whole",
    [
        "Creatinine of 1.5 mg/dl rose to 2.25.",
        "Dr. Smith and Mrs. J. Doe saw him at St. Mary.",
        "Aspirin 81 mg p.o. q.d. was given.",
        "Seen vs. prior film.",
        "1. Hypertension.",
        "b) No fever.",
        "- Metoprolol 25 mg.",
        "CHEST:  1. SURGICAL CHANGES.",
        "Visto por la Dra. García en Avda. América.",
        "体温36.5℃。",
    ],
)
def test_a_stop_that_ends_no_sentence_is_read_over(whole):
    assert cut(whole) == [whole]


@pytest.mark.parametrize(
    "parts",
    [
        ["He has COPD.", "no fever was seen."],
        ["Positive for hepatitis C.", "She denies fever."],
        ["1. Hypertension.", "2. Diabetes.", "3) Gout."],
        ["Was he ill?", "Yes!", "Very."],
        ["Seen in 1996.", "She left."],
        ['He said "no."', "She left."],
        ["无发热。", "有咳嗽！", "是吗？", "双肺清"],
    ],
)
def test_sentences_on_one_line_are_told_apart(parts):
    joint = "" if "发" in parts[0] else " "
    assert cut(joint.join(parts)) == parts


def test_a_wrapped_line_goes_on_and_a_short_one_ends():
    wrapped = "He was admitted for a very long time to the hospital in Saint\nLouis and went home"
    assert cut(wrapped) == [wrapped]
    assert cut("Lungs clear\nHeart regular") == ["Lungs clear", "Heart regular"]
    assert cut("no fever or\nchills") == ["no fever or\nchills"]


def test_lists_headings_and_empty_lines_end_a_sentence():
    long = "MEDICATIONS that he took before he came to this hospital of ours"
    assert cut(f"{long}\n- Aspirin\n- Statin") == [long, "- Aspirin", "- Statin"]
    assert cut(f"{long}\nHeart sounds: normal") == [long, "Heart sounds: normal"]
    assert cut("no fever\n\nor chills") == ["no fever", "or chills"]


def test_a_known_heading_begins_a_sentence_of_its_own():
    text = "the patient was given some aspirin and sent home   FAMILY HISTORY: cancer"
    run = TextRun.of([text])
    found = sentences(run, sections(run))
    assert [text[a:b] for a, b in zip(found.start, found.end, strict=True)] == [
        "the patient was given some aspirin and sent home",
        "FAMILY HISTORY: cancer",
    ]


pieces = st.sampled_from(
    [
        "a",
        "Dr",
        "Pain",
        "1",
        ".",
        ". ",
        "\n",
        "\n\n",
        " ",
        ":",
        "- ",
        "。",
        "痛",
        "(",
        ")",
        '"',
        "\0",
    ]
)
texts = st.lists(pieces, max_size=30).map("".join) | st.text(max_size=30)


@settings(deadline=None)
@given(st.lists(texts, max_size=5))
def test_sentences_cover_every_token_once_in_order_and_never_two_texts(batch):
    run = TextRun.of(batch)
    found = sentences(run)
    inside = np.flatnonzero(found.of_token >= 0)
    assert np.all(np.diff(found.of_token[inside]) >= 0)
    assert sorted(set(found.of_token[inside].tolist())) == list(range(len(found)))
    assert np.array_equal(found.item[found.of_token[inside]], run.item_of(run.tokens.start[inside]))
    for item, start, end in zip(found.item, found.start, found.end, strict=True):
        assert 0 <= start < end <= len(batch[item])


@settings(deadline=None)
@given(st.lists(texts, max_size=5))
def test_a_batch_is_cut_as_its_texts_are_alone(batch):
    found = sentences(TextRun.of(batch))
    got = [
        batch[item][start:end]
        for item, start, end in zip(found.item, found.start, found.end, strict=True)
    ]
    assert got == [sentence for text in batch for sentence in cut(text)]
