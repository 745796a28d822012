"""A learned coder finds mentions as it learned them, judges itself honestly, and is kept whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.core.errors import DataRefused
from biolake.learning.mention_coding import Case, Figures, fit, judge
from biolake.text.coding import Coder
from biolake.text.coding_files import load_coder, save_coder
from biolake.text.coding_mentions import REACH, Scattered, whole
from biolake.text.coding_words import StemmedRun, stem, stems
from biolake.text.matching import Matcher
from biolake.text.run import TextRun

CODIESP = Path(__file__).resolve().parents[3] / "shared/data/icd_codiesp/train.jsonl"
_WORDS = ["fiebre", "tos", "dolor", "edema", "asma"]
_CODES = ["R50.9", "R05", "R52", "R60.9", "J45.909"]


def _case(number: int) -> Case:
    one, two = number % 5, (number // 5) % 5
    text = f"Paciente {number} con {_WORDS[one]}. Además, refiere {_WORDS[two]} leve."
    marked = tuple({(_CODES[k], _WORDS[k]) for k in (one, two)})
    return Case(text, tuple(sorted({code for code, _ in marked})), marked)


@pytest.fixture(scope="module")
def coder() -> Coder:
    return fit([_case(number) for number in range(60)], terms=[("gripe", "J11.1")])


@settings(deadline=None)
@given(st.text(alphabet="aeosñáÁxyz̃\u0301", min_size=1, max_size=9))
def test_a_word_is_compared_by_its_stem_however_it_is_written(word: str) -> None:
    run = StemmedRun.over(TextRun.of([word]))
    words = run.tokens.digest[run.tokens.kind != 4]
    if len(words) == 1:  # a lone combining mark is no word
        assert TextRun.of([stem(word)]).tokens.digest[0] == words[0]


def test_plural_gender_accents_and_case_do_not_tell_mentions_apart() -> None:
    assert stems(["Lesiones Quísticas", "lesión quistica"])[0] == ("lesion", "quistic")
    assert len(set(stems(["Lesiones Quísticas", "lesión quistica"]))) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["a1", "b1", "c1", "d1", ". "]), max_size=30),
    st.lists(st.sampled_from(["a1", "b1", "c1", "d1"]), min_size=2, max_size=3, unique=True),
)
def test_scattered_words_are_found_as_a_naive_search_finds_them(
    words: list[str], wanted: list[str]
) -> None:
    text = " ".join(words)
    seen = Scattered([tuple(wanted)]).find(StemmedRun.over(TextRun.of([text])))
    clauses = [part.split() for part in text.split(". ")]
    near = any(
        all(w in clause[max(0, at - REACH) : at + REACH + 1] for w in wanted)
        for clause in clauses
        for at, word in enumerate(clause)
        if word == wanted[0]
    )
    assert bool(len(seen)) == near


def test_a_mention_inside_a_longer_one_does_not_stand_alone() -> None:
    run = StemmedRun.over(TextRun.of(["dolor abdominal agudo", "dolor abdominal y dolor"]))
    seen = whole(Matcher(["dolor", "dolor abdominal"]), run)
    told = set(zip(seen.item.tolist(), seen.mention.tolist(), seen.alone.tolist(), strict=True))
    assert told == {(0, 0, False), (0, 1, True), (1, 0, True), (1, 1, True)}


def test_a_code_points_to_the_characters_of_its_mention(coder: Coder) -> None:
    texts = ["😀 Con e\u0301l: FIEBRES altas", "sin nada"]
    coded = coder.code(texts)
    assert coded.code.tolist() == ["R50.9"]
    assert texts[0][coded.start[0] : coded.end[0]] == "FIEBRES"
    assert coded.probability[0] > 0.5


def test_notes_are_coded_the_same_one_by_one_and_together(coder: Coder) -> None:
    texts = [_case(number).text for number in range(12)]
    together = coder.code(texts)
    alone = [coder.code([text]) for text in texts]
    for name in ("code", "probability", "start", "end"):
        parts = np.concatenate([getattr(one, name) for one in alone])
        assert getattr(together, name).tolist() == parts.tolist()
    assert len(coder.code([])) == len(coder.code([""])) == 0


def test_what_only_its_own_case_shows_teaches_nothing() -> None:
    """A mention of one case only is judged as unseen there, or every rare mention looked sure."""
    cases = [_case(number) for number in range(40)]
    odd = [
        Case(f"{c.text} Raro{i}.", c.codes, (*c.mentions, ("Z99.9", f"Raro{i}")))
        for i, c in enumerate(cases)
    ]
    plain, rare = fit(cases, terms=[]), fit(odd, terms=[])
    assert rare.card["all"] == {**rare.card["all"], "given": plain.card["all"]["given"]}  # type: ignore[index,dict-item]


def test_a_coder_comes_back_from_its_file_as_it_was(coder: Coder, tmp_path: Path) -> None:
    save_coder(coder, tmp_path / "coder.npz")
    again = load_coder(tmp_path / "coder.npz")
    texts = [_case(number).text for number in range(7)]
    assert again.code(texts).probability.tolist() == coder.code(texts).probability.tolist()
    assert again.card == coder.card


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "other"])
def test_a_file_that_is_no_coder_is_refused_by_name(
    coder: Coder, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "coder.npz"
    save_coder(coder, path)
    whole_file = path.read_bytes()
    if damage == "other":
        with path.open("wb") as file:
            np.savez(file, said=np.frombuffer(b'{"format": "else"}', np.uint8))
    else:
        path.write_bytes({"empty": b"", "text": b"hello", "cut": whole_file[:-200]}[damage])
    with pytest.raises(DataRefused, match="cannot be used as a coder"):
        load_coder(path)


def test_too_few_cases_or_none_with_a_mention_are_refused() -> None:
    with pytest.raises(DataRefused, match="too few"):
        fit([_case(1)] * 3)
    with pytest.raises(DataRefused, match="none of the cases"):
        fit([Case("fiebre", ("R50.9",))] * 30)


def test_figures_of_nothing_given_are_not_a_number() -> None:
    assert np.isnan(Figures(0, 0, 5).precision)
    assert Figures(8, 6, 10).f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_real_cases_left_out_are_coded_better_than_by_a_plain_dictionary() -> None:
    if not CODIESP.is_file():
        pytest.skip("no shared data")
    rows = [json.loads(line) for line in CODIESP.read_text(encoding="utf-8").splitlines()]
    cases = [
        Case(
            row["text_es"],
            tuple(sorted(set(row["icd10_diag"]))),
            tuple(
                (e["code"], e["mention"]) for e in row["evidence_es"] if e["kind"] == "DIAGNOSTICO"
            ),
        )
        for row in rows
    ]
    judged = [cases[i] for i in range(0, 500, 5)]
    coder = fit([case for i, case in enumerate(cases) if i % 5])
    whole_figures, certain = judge(coder, judged), judge(coder, judged, certain=True)
    assert whole_figures.f1 >= 0.68  # the dictionary alone: 0.65
    assert certain.precision >= 0.94
    assert certain.given >= 0.45 * whole_figures.given
