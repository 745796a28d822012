"""The language of a note is told by its words, or by its source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.text.language import languages
from biolake.text.packs import LANGUAGES
from biolake.text.run import TextRun

SHARED = Path(__file__).resolve().parents[3] / "shared/data"
SAID = {
    "en": "The patient was admitted with chest pain and has no fever.",
    "es": "El paciente no presenta dolor torácico ni fiebre.",
    "zh": "患者胸痛3天, 行CT检查, 诊断为COPD, 予以阿司匹林100mg qd.",
}


def told(*texts: str) -> list[str]:
    return [LANGUAGES[n] if n >= 0 else "" for n in languages(TextRun.of(texts))]


def test_three_languages_are_told_apart_and_words_of_none_are_not():
    assert told(*SAID.values(), "COPD 3 mg", "", "12/80") == ["en", "es", "zh", "", "", ""]


def test_what_the_source_says_goes_before_what_the_words_say():
    texts = (SAID["en"], SAID["en"], SAID["es"], SAID["zh"])
    run = TextRun(texts, ("es-MX", "", "de", "ZH_hans"), ((),) * 4)
    assert languages(run).tolist() == [1, 0, -1, 2]


def test_accents_left_out_do_not_make_a_note_less_spanish():
    assert told("Paciente de 60 anos sin fiebre, tras exploracion") == ["es"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*SAID.values(), "", "no", "患者", "xyz"]), max_size=5))
def test_a_batch_tells_what_its_texts_tell_alone(texts):
    assert told(*texts) == [one for text in texts for one in told(text)]


def test_every_case_of_a_corpus_in_two_languages_is_told():
    path = SHARED / "icd_codiesp/train.jsonl"
    if not path.exists():
        pytest.skip("no shared data")
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for key, number in (("text_en", 0), ("text_es", 1)):
        assert np.all(languages(TextRun.of([case[key] for case in cases])) == number)
