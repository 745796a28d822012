"""What one note says is found by its words, in three languages, and the hit says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.search.hospital import KNOWN, build, lake_of, made_notes, searched

from biolake.core.errors import SetupMissing, WrongUse
from biolake.lake.door import open_view
from biolake.lake.lake import Lake
from biolake.search.home import drop
from biolake.search.owned import Filters
from biolake.search.query import parse
from biolake.search.searching import Answer, Searcher
from biolake.search.suggesting import near_words
from biolake.testing.note_lakes import MadeSpan

NOTES = made_notes()
SPANS = [
    MadeSpan(NOTES[4], "Takotsubo cardiomyopathy", "diagnosis", "ICD10CM//I51.81"),
    MadeSpan(NOTES[5], "ESPONDILITIS", "diagnosis", "ICD10CM//M45", "possible"),
    MadeSpan(NOTES[4], NOTES[4].text, "section"),
    MadeSpan(NOTES[6], NOTES[6].text, "section"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = lake_of(tmp_path_factory.mktemp("search") / "lake", NOTES, SPANS)
    build(lake)
    return lake


def answer(lake: Lake, text: str, kind: str = "notes") -> Answer:
    with open_view(lake) as view:
        return Searcher(view).search(parse(text), kind)


@pytest.mark.parametrize("query", KNOWN)
def test_a_known_note_comes_first(lake: Lake, query: str) -> None:
    assert searched(lake, query)[0] == NOTES[KNOWN[query]].asset_id


def test_a_hit_says_which_words_stand_where(lake: Lake) -> None:
    note = NOTES[5]
    hit = answer(lake, "anquilosante espondilitis").hits[0]
    assert hit.id == note.asset_id
    assert [(p.field, p.asked, note.text[p.start : p.end]) for p in hit.places] == [
        ("text", "espondilitis", "ESPONDILITIS"),
        ("text", "anquilosante", "anquilosante"),
    ]
    assert hit.snippet is not None
    assert "«ESPONDILITIS» «anquilosante»" in hit.snippet.marked()
    text = note.text[hit.snippet.start : hit.snippet.start + len(hit.snippet.text)]
    assert hit.snippet.text == text.replace("\n", " ")
    assert (hit.subject, hit.modality) == (note.subject, "note")


def test_a_phrase_must_stand_side_by_side_and_a_beginning_ends_in_anything(lake: Lake) -> None:
    both = {n.asset_id for n in NOTES if "chest" in n.text.split() and "pain" in n.text.split()}
    beside = {n.asset_id for n in NOTES if "chest pain" in n.text}
    assert both > beside
    assert set(searched(lake, '"chest pain"', limit=1000)) == beside
    begins = {n.asset_id for n in NOTES if "amoxi" in n.text}
    assert set(searched(lake, "amoxi*", limit=1000)) == begins
    assert searched(lake, '"takotsubo bereavement"') == []


def test_codes_are_found_by_name_synonym_and_number(lake: Lake) -> None:
    assert searched(lake, "heart attack", "codes")[0] == "ICD10CM//I21.4"
    assert searched(lake, "nstemi", "codes") == ["ICD10CM//I21.4"]
    assert searched(lake, "I71.03", "codes") == ["ICD10CM//I71.03"]
    assert searched(lake, "takotsubo", "codes") == ["ICD10CM//I51.81"]  # of no event yet
    assert searched(lake, "50912", "codes") == ["LAB//50912//mg/dL"]


def test_what_was_found_in_notes_says_what_it_quotes_and_how_sure_it_was(lake: Lake) -> None:
    (hit,) = answer(lake, "M45", "spans").hits
    quoted = NOTES[5].text[hit.details["start"] : hit.details["end"]]
    assert (hit.id, quoted) == (NOTES[5].asset_id, "ESPONDILITIS")
    assert hit.details["assertion"] == "possible"
    assert searched(lake, "cardiomyopathy", "spans") == [NOTES[4].asset_id]


def test_a_section_is_nothing_found_in_a_note(lake: Lake) -> None:
    assert len(answer(lake, "takotsubo", "spans").hits) == 1
    assert searched(lake, "section", "spans") == []


def test_cohorts_and_models_are_found_by_name_and_meaning(lake: Lake) -> None:
    assert searched(lake, "sepsis", "cohorts") == ["sepsis-adults"]
    assert searched(lake, "kernels", "models") == ["ecg-rhythm"]
    assert searched(lake, "sepsis", "studies") == []


def test_a_code_keeps_notes_and_spans_to_those_about_it(lake: Lake) -> None:
    filters = Filters(code="ICD10CM//I51*")
    assert searched(lake, "cardiomyopathy", filters=filters) == [NOTES[4].asset_id]
    assert searched(lake, "espondilitis", filters=filters) == []
    assert searched(lake, "diagnosis", "spans", filters=filters) == [NOTES[4].asset_id]
    assert searched(lake, "syndrome infarction", "codes", filters=filters) == ["ICD10CM//I51.81"]
    for code in ("NOTE_DIAGNOSIS//ICD10CM//I51*", "NOTE_DIAGNOSIS//ICD10CM//I51.81"):
        filters = Filters(code=code)
        assert searched(lake, "cardiomyopathy", filters=filters) == [NOTES[4].asset_id]
        assert searched(lake, "diagnosis", "spans", filters=filters) == [NOTES[4].asset_id]


def test_a_word_that_nothing_holds_names_the_nearest(lake: Lake) -> None:
    with open_view(lake) as view:
        searcher = Searcher(view)
        asked = {"takotsuba": "takotsubo", "espondylitis": "espondilitis", "xyzzyxyzzy": None}
        for word, meant in asked.items():
            found = near_words(searcher, parse(word), ["codes", "notes"])
            assert found == ({word: meant} if meant else {})


_HOSTILE = (
    "'; DROP TABLE notes; --",
    '"" " "x',
    'a"b"c',
    "\\u0000 \x00 \x1b[31m",
    "a%_*?[]{}()",
    "a" * 3999,
    "ﬁ Ⅳ ½ İ ß",
    "👩‍⚕️ 心",  # joined by a character of no width
    '"' * 51 + "x",
    "NEAR/2 AND NOT OR",
    "title:x^3~2",
)
_REFUSED = (
    ("x " * 50_000, "characters"),
    ("?!… -- ''", "no word"),
    ("", "no word"),
    ("%_*?[]{}()", "no word"),
    (" ".join(f"w{n}" for n in range(65)), "more than 64 words"),
)


@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_queries_are_words_and_nothing_else(lake: Lake, text: str) -> None:
    for kind in ("codes", "notes", "spans", "assets", "cohorts"):
        assert answer(lake, text, kind).kind == kind


@pytest.mark.parametrize(("text", "why"), _REFUSED)
def test_what_cannot_be_asked_is_refused_without_quoting_it(text: str, why: str) -> None:
    with pytest.raises(WrongUse, match=why) as refused:
        parse(text)
    assert len(str(refused.value)) < 200


def test_without_an_index_the_command_that_makes_it_is_named(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", NOTES[:3])
    with open_view(lake) as view, pytest.raises(SetupMissing, match="biolake index build"):
        Searcher(view)
    assert not drop(lake)
