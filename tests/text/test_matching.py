"""Phrases are found where a plain reading of the words finds them, with exact offsets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.text.reading import known, matches, words_of

from biolake.text.characters import fold
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

WORDS = ["pain", "chest", "Chest", "X", "ray", "año", "ano", "an\u0303o", "é", "e\u0301", "3", "mg"]
JOINTS = [" ", "  ", "\n", "\n\n", "\n \n", "-", " - ", ", ", ".", "\t"]
HAN = ["胸", "痛", "无", "\uff0c"]


def quotes(phrases: list[str], text: str, *, every: bool = False) -> list[tuple[str, str]]:
    found = Matcher(phrases).find(run := TextRun.of([text]), every=every)
    places = zip(found.item, found.start, found.end, found.phrase, strict=True)
    return [(run.quote(i, a, b), phrases[p]) for i, a, b, p in places]


texts = st.lists(st.sampled_from(WORDS + JOINTS + HAN), max_size=24).map("".join)
phrase_lists = st.lists(
    st.lists(st.sampled_from([*WORDS, " ", "-", *HAN]), min_size=1, max_size=5).map("".join),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)  # the first call compiles
@given(phrase_lists, texts)
def test_what_is_found_is_what_comparing_lists_of_words_finds(phrases, text):
    found = Matcher(phrases).find(TextRun.of([text]))
    got = list(zip(found.start.tolist(), found.end.tolist(), found.phrase.tolist(), strict=True))
    words = words_of(text)
    wanted = [
        (words[first][1], words[last][2], number)
        for first, last, number in matches(known(phrases), words)
    ]
    assert got == wanted


@settings(deadline=None)  # the first call compiles
@given(phrase_lists, st.lists(texts, max_size=6))
def test_a_batch_gives_what_its_texts_give_one_by_one(phrases, batch):
    matcher = Matcher(phrases)
    found = matcher.find(TextRun.of(batch))
    singly = [
        (number, int(a), int(b), int(p))
        for number, text in enumerate(batch)
        for one in [matcher.find(TextRun.of([text]))]
        for a, b, p in zip(one.start, one.end, one.phrase, strict=True)
    ]
    got = zip(found.item, found.start, found.end, found.phrase, strict=True)
    assert [tuple(map(int, row)) for row in got] == singly


@settings(deadline=None)  # the first call compiles
@given(st.text(max_size=40), st.text(max_size=8))
def test_offsets_lie_inside_any_text_whatsoever(text, phrase):
    found = Matcher([phrase]).find(TextRun.of([text, text]))
    assert np.all(found.start >= 0)
    assert np.all(found.start < found.end)
    assert np.all(found.end <= len(text))


def test_case_accents_width_and_space_do_not_matter_and_offsets_are_exact():
    text = "İİß CHEST\n  Pain, Me\u0301nie\u0300re, \uff21\uff22 and straße 无胸痛"
    assert quotes(["chest pain", "meniere", "ab", "straße", "胸痛"], text) == [
        ("CHEST\n  Pain", "chest pain"),
        ("Me\u0301nie\u0300re", "meniere"),
        ("\uff21\uff22", "ab"),
        ("straße", "straße"),
        ("胸痛", "胸痛"),
    ]


def test_a_year_is_not_an_anus_in_either_unicode_form():
    assert quotes(["ano"], "2 años, 1 año, 1 an\u0303o") == []
    assert [q for q, _ in quotes(["año"], "1 año, 1 an\u0303o, ano")] == ["año", "an\u0303o"]


def test_only_whole_words_match():
    assert quotes(["age", "mg"], "cabbage, aged, 5mg, age") == [("age", "age")]


def test_nothing_matches_across_an_empty_line_or_two_notes():
    run = TextRun.of(["chest\n\npain", "chest", "pain"])
    assert len(Matcher(["chest pain"]).find(run)) == 0


def test_a_hyphen_between_words_is_a_space_but_a_range_is_not():
    assert [q for q, _ in quotes(["x-ray"], "X ray, x-ray, x - ray")] == ["X ray", "x-ray"]
    assert quotes(["2 3"], "2-3") == []


def test_the_longest_phrase_wins_or_all_are_told():
    phrases = ["no", "no evidence", "no evidence of", "evidence"]
    assert [p for _, p in quotes(phrases, "no evidence of x")] == ["no evidence of"]
    assert len(quotes(phrases, "no evidence of x", every=True)) == 4


def test_phrases_compared_as_one_share_the_first_ones_number():
    assert Matcher(["Año", "x", "AÑO", "", "x"]).number.tolist() == [0, 1, 0, -1, 1]


def test_more_matches_than_expected_are_all_told():
    assert len(Matcher(["a"]).find(TextRun.of(["a " * 9000]))) == 9000


@pytest.mark.parametrize("texts", [[], [""], ["", "\0\0", "\n\n"]])
def test_empty_texts_hold_nothing(texts):
    assert len(Matcher(["a"]).find(TextRun.of(texts))) == 0
    assert len(Matcher([]).find(TextRun.of(["a"]))) == 0


def test_no_single_character_folds_to_another_number_of_characters():
    assert all(len(fold(chr(code))) == 1 for code in range(0x3000))
