"""Search and index on the command line: pages, JSON, what is refused, what is never said."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.search.hospital import NAMED, lake_of, made_notes

from biolake.cli.app import main
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import open_lake
from biolake.search.home import home_of
from biolake.testing.note_lakes import MadeNote, MadeSpan, change

NOTES = made_notes()
SECRET = "Zbigniewska"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with an index of everything but what came last."""
    folder = tmp_path_factory.mktemp("searching") / "lake"
    spans = [MadeSpan(NOTES[4], "Takotsubo cardiomyopathy", "diagnosis", "ICD10CM//I51.81")]
    lake_of(folder, NOTES, spans)
    assert call(str(folder), "index", "build")["parts"]
    return str(folder)


def run(root: str, *words: str) -> Any:
    return CliRunner().invoke(main, ["--lake", root, *words])


def call(root: str, *words: str) -> Any:
    done = run(root, "--json", *words)
    told = json.loads(done.stdout)
    assert told["ok"], told
    return told["data"]


def refused(root: str, *words: str) -> tuple[int, str]:
    done = run(root, *words)
    return done.exit_code, done.stderr


def hits(data: Any, kind: str = "notes") -> list[Any]:
    return [hit for answer in data["results"] if answer["kind"] == kind for hit in answer["hits"]]


def test_a_page_shows_the_best_of_each_kind_with_the_words_marked_and_why(root: str) -> None:
    page = run(root, "search", "takotsubo").stdout
    assert "Codes: 1 with all that was asked for" in page
    assert "Notes: 1 with all that was asked for, of 1 subject" in page
    assert "«Takotsubo» cardiomyopathy after a bereavement." in page
    assert "words: place 1, BM25" in page
    assert "(text: takotsubo)" in page
    assert "diagnosis   ICD10CM//I51.81   affirmed" in page


def test_json_tells_places_snippets_and_both_lists(root: str) -> None:
    (hit, *_) = hits(call(root, "search", "takotsubo cardiomyopathy", "--kind", "notes"))
    assert hit["id"] == NOTES[4].asset_id
    assert hit["subject_id"] == NOTES[4].subject
    found = hit["why"]["words"]["found"]
    assert [NOTES[4].text[one["start"] : one["end"]] for one in found] == [
        "Takotsubo",
        "cardiomyopathy",
    ]
    start = hit["why"]["snippet"]["start"]
    mark = hit["why"]["snippet"]["marks"][0]
    assert NOTES[4].text[start + mark[0] : start + mark[1]] == "Takotsubo"


def test_without_text_only_ids_and_reasons_are_shown(root: str) -> None:
    shown = run(root, "search", "takotsubo", "--no-text", "--kind", "notes,spans")
    told = run(root, "--json", "search", "takotsubo", "--no-text", "--kind", "notes,spans")
    for said in (shown.stdout, told.stdout):
        assert "bereavement" not in said
        assert "cardiomyopathy" not in said
        assert NOTES[4].asset_id[:12] in said
    typo = call(root, "search", "bereavemant", "--no-text", "--words-only")
    assert typo["did_you_mean"] == {}


def test_filters_are_answered_from_the_commit(root: str, tmp_path: Path) -> None:
    words = ("search", "patient admitted", "--kind", "notes", "--limit", "500", "--words-only")
    every = hits(call(root, *words))
    since = {hit["id"] for hit in hits(call(root, *words, "--since", "2150-02-01"))}
    until = {hit["id"] for hit in hits(call(root, *words, "--until", "2150-02-01"))}
    assert since | until == {hit["id"] for hit in every}
    assert not since & until
    day = datetime(2150, 2, 1)  # noqa: DTZ001 - lake times are naive
    assert since == {n.asset_id for n in NOTES if n.time and n.time >= day} & (since | until)
    cohort = tmp_path / "cohort.csv"
    cohort.write_text("subject_id\n1000000003\n1000000006\n")
    mine = hits(call(root, *words, "--cohort", str(cohort)))
    assert {hit["subject_id"] for hit in mine} == {1000000003, 1000000006}
    one = hits(call(root, *words, "--cohort", str(cohort), "--subject", "1000000003"))
    assert {hit["subject_id"] for hit in one} == {1000000003}
    assert not hits(call(root, *words, "--modality", "ecg"))


def test_a_cohort_known_by_name_is_built_again_on_this_commit(root: str, tmp_path: Path) -> None:
    code, said = refused(root, "search", "pain", "--cohort", "sepsis")
    assert (code, "no cohort is named 'sepsis'" in said) == (2, True)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("patient\n1\n")
    code, said = refused(root, "search", "pain", "--cohort", str(wrong))
    assert (code, "no column 'subject_id'" in said) == (4, True)
    code, said = refused(root, "search", "pain", "--cohort", "missing.parquet")
    assert (code, "no such file" in said) == (2, True)


def test_a_typo_is_answered_with_the_nearest_word(root: str) -> None:
    page = run(root, "search", "takotsuba", "--words-only").stdout
    assert "Nothing was found." in page
    assert "Did you mean 'takotsubo'?" in page


def test_what_is_like_a_note_and_whose(root: str) -> None:
    data = call(root, "search", "--like", NOTES[0].asset_id[:10], "--limit", "3")
    assert (data["encoder"], len(data["found"])) == ("note-text", 3)
    assert NOTES[0].asset_id not in {one["asset_id"] for one in data["found"]}
    people = call(root, "search", "--like", NOTES[0].asset_id[:10], "--subjects")
    assert len({one["subject_id"] for one in people["found"]}) == len(people["found"]) == 5
    assert NOTES[0].subject not in {one["subject_id"] for one in people["found"]}
    page = run(root, "search", "--like", NOTES[0].asset_id[:10]).stdout
    assert "by the vectors of note-text" in page


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["search"], 2, "either words to search for, or an asset"),
        (["search", "pain", "--like", "abcdef"], 2, "either words"),
        (["search", "pain", "--subjects"], 2, "--subjects goes with --like"),
        (["search", "pain", "--kind", "note"], 2, "Did you mean 'notes'?"),
        (["search", "pain", "--encoder", "bert"], 2, "no vectors of notes by 'bert'"),
        (["search", "?!"], 2, "no word to search for"),
        (["search", "pain", "--kind", "codes", "--since", "2150-01-01"], 2, "do not fit 'codes'"),
        (["search", "pain", "--subject", "5"], 2, "no such subject"),
        (["search", "pain", "--modality", "ecgs"], 2, "Did you mean 'ecg'?"),
        (["index", "build", "--only", "nots"], 2, "Did you mean 'notes'?"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(
    root: str, words: list[str], code: int, said: str
) -> None:
    found = refused(root, *words)
    assert found[0] == code
    assert said in found[1]


def test_without_an_index_search_and_status_say_how_to_build_one(tmp_path: Path) -> None:
    lake_of(tmp_path / "lake", NOTES[:3])
    for words in (["search", "pain"], ["index", "status"]):
        code, said = refused(str(tmp_path / "lake"), *words)
        assert code == 3
        assert "biolake index build" in said


def test_the_index_says_how_old_it_is_and_a_search_does_too(tmp_path: Path) -> None:
    root = str(tmp_path / "lake")
    lake = lake_of(tmp_path / "lake", NOTES[:30])
    built = call(root, "index", "build")
    assert "fewer than 50 subjects" in built["text_encoder"]["none"]
    assert call(root, "index", "status")["stale"] == []
    change(lake, lambda to: to.notes([MadeNote("later words", 1_000_000_001, None, "later")]))
    status = call(root, "index", "status")
    assert status["stale"] == ["notes"]
    (notes,) = (part for part in status["parts"] if part["part"] == "notes")
    assert (notes["new"], notes["removed"], notes["rows"]) == (1, 0, 30)
    page = run(root, "search", "later", "--kind", "notes").stdout
    assert "1 asset not in it, 0 rows left out" in page
    assert "biolake index build" in run(root, "index", "status").stdout
    again = call(root, "index", "build", "--only", "notes")
    assert [(part["part"], part["new"], part["built"]) for part in again["parts"]] == [
        ("notes", 1, True)
    ]
    earlier = run(root, "search", "takotsubo", "--at", "1").stdout
    assert "The index of notes is of commit 2: 0 assets not in it, 1 row left out." in earlier
    assert "An earlier commit is searched as far as" in earlier
    assert "index of codes" not in earlier
    assert "biolake index build" not in earlier


def test_a_subject_forgotten_is_found_no_more(tmp_path: Path) -> None:
    root = str(tmp_path / "lake")
    lake = lake_of(tmp_path / "lake", NOTES[:30])
    call(root, "index", "build", "--only", "notes")
    assert len(hits(call(root, "search", "takotsubo"))) == 1
    forget(lake, NOTES[4].subject or 0)
    assert refused(root, "search", "takotsubo")[0] == 3
    call(root, "index", "build", "--only", "notes")
    assert hits(call(root, "search", "takotsubo")) == []


def test_no_query_and_no_text_of_a_note_goes_to_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    root = str(tmp_path / "lake")
    lake = lake_of(tmp_path / "lake", [MadeNote(f"Seen: {SECRET}.", 1_000_000_001), *NOTES[:5]])
    with caplog.at_level(logging.DEBUG):
        call(root, "index", "build")
        assert len(hits(call(root, "search", SECRET, "--no-text"))) == 1
        refused(root, "search", f"{SECRET} " * 600)
    assert SECRET.lower() not in caplog.text.lower()
    captured = capfd.readouterr()
    assert SECRET.lower() not in (captured.out + captured.err).lower()
    kept = [path for path in Path(lake.root).rglob("*") if path.is_file()]
    outside = [
        path for path in kept if home_of(lake) not in path.parents and "packs" not in str(path)
    ]
    assert all(SECRET.encode() not in path.read_bytes() for path in outside)


def test_the_purpose_of_a_search_is_told_to_the_door_and_never_its_words(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import biolake.lake.door as door

    seen = []

    def watched(lake, at=None, *, access=None, threads=2):  # type: ignore[no-untyped-def]
        seen.append(access)
        return open_view(lake, at, access=access, threads=threads)

    monkeypatch.setenv("BIOLAKE_ACTOR", "dr-who")
    monkeypatch.setattr(door, "open_view", watched)
    call(root, "search", "takotsubo")
    assert [(one.actor, one.purpose) for one in seen] == [("dr-who", "search by words")]


def test_named_things_are_those_the_lake_keeps(root: str) -> None:
    from biolake.cli.index import sources
    from biolake.cohorts.register import register
    from biolake.core.catalogue import discover

    lake = open_lake(root)
    record = {"task": "sepsis", "sentence": "One row for each sepsis.", "commit": 1}
    register(lake, "sepsis-adults", record | {"subjects": 12, "samples": 15})
    with open_view(lake) as view:
        found = sources(view, discover("biolake.readers")).named
    assert [one.name for one in found["cohorts"]] == [NAMED["cohorts"][0].name]
    assert list(found["models"]) == []
