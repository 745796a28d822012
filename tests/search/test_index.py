"""The index follows the lake: what changed is read again, what is gone is not shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.search.hospital import START, build, lake_of, made_notes, searched

from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake
from biolake.search.home import drop, home_of, read_state
from biolake.search.parts import PARTS
from biolake.search.query import parse
from biolake.search.searching import Searcher
from biolake.search.suggesting import behind
from biolake.search.tables import ROWS, Table
from biolake.testing.note_lakes import Change, MadeNote, MadeSpan, change

NOTES = made_notes(60, 30)
RARE = "pheochromocytoma"


def a_note(text: str, subject: int, key: str) -> MadeNote:
    return MadeNote(f"Seen today: {text}.", subject, START + timedelta(days=200), key)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_of(tmp_path / "lake", NOTES)


def rows(lake: Lake, name: str) -> list[dict[str, object]]:
    """Return all rows of a part and all its terms, as they are stored."""
    state = read_state(lake)
    assert state is not None
    folder = home_of(lake) / state.parts[name].folder
    found = Table(folder, ROWS).columns(["key", "title", "text", "words", "details", "length"])
    names = ["term", "held_by", "rows", "counts", "positions"]
    return [*found.to_pylist(), *Table(folder, "terms").columns(names).to_pylist()]


def test_only_notes_that_are_new_are_read(lake: Lake) -> None:
    first, read = build(lake)
    assert (first["notes"].new, sorted(read)) == (60, sorted(n.asset_id for n in NOTES))
    assert build(lake)[1] == []
    added = a_note(RARE, 1_000_000_003, "later")
    change(lake, lambda to: to.notes([added]))
    second, read = build(lake)
    assert (second["notes"].new, second["notes"].changed, read) == (1, 0, [added.asset_id])
    assert not second["codes"].stale
    assert searched(lake, RARE) == [added.asset_id]


def test_an_index_brought_up_to_date_is_the_one_a_full_build_makes(lake: Lake) -> None:
    build(lake)
    added = [a_note(f"{RARE} {n}", 1_000_000_000 + n, f"later-{n}") for n in range(5)]
    spans = [MadeSpan(one, RARE, "diagnosis", "ICD10CM//D35.0") for one in added]

    def made(to):  # type: ignore[no-untyped-def]
        to.remove_notes(NOTES[10:20])
        to.notes(added)
        to.spans(spans)

    change(lake, made)
    build(lake)
    step_by_step = {name: rows(lake, name) for name in PARTS}
    found = searched(lake, "pain troponina 胸痛 pheochromocytoma", limit=50)
    assert drop(lake)
    build(lake)
    assert {name: rows(lake, name) for name in PARTS} == step_by_step
    assert searched(lake, "pain troponina 胸痛 pheochromocytoma", limit=50) == found


def test_a_note_is_found_by_its_kind_also_when_that_is_told_otherwise(lake: Lake) -> None:
    build(lake)
    assert searched(lake, "operative", "notes") == []
    again = replace(NOTES[4], kind="operative report")

    def told_otherwise(to: Change) -> None:
        to.remove_notes([NOTES[4]])
        to.notes([again])

    change(lake, told_otherwise)
    changed, _ = build(lake)
    assert (changed["notes"].new, changed["notes"].changed) == (0, 1)
    with open_view(lake) as view:
        (hit,) = Searcher(view).search(parse("operative"), "notes").hits
    assert (hit.id, hit.details) == (again.asset_id, {"kind": "operative report"})


def test_new_findings_in_a_known_note_are_found(lake: Lake) -> None:
    build(lake)
    change(lake, lambda to: to.spans([MadeSpan(NOTES[4], "Takotsubo", "diagnosis")]))
    changed, read = build(lake)
    assert (changed["spans"].new, read) == (1, [NOTES[4].asset_id])
    change(lake, lambda to: to.spans([MadeSpan(NOTES[4], "bereavement", "circumstance")]))
    changed, _ = build(lake)
    assert (changed["spans"].new, changed["spans"].changed) == (0, 1)
    assert searched(lake, "circumstance", "spans") == [NOTES[4].asset_id]


def test_a_corrected_note_is_shown_as_it_is_now_even_by_an_older_index(lake: Lake) -> None:
    wrong = a_note(f"{RARE}, left", 1_000_000_003, "letter")
    change(lake, lambda to: to.notes([wrong]))
    build(lake)
    assert searched(lake, RARE) == [wrong.asset_id]
    right = a_note(f"{RARE}, right", 1_000_000_003, "letter")

    def corrected(to):  # type: ignore[no-untyped-def]
        to.remove_notes([wrong])
        to.notes([right])

    change(lake, corrected)
    assert searched(lake, RARE) == []
    with open_view(lake) as view:
        late = behind(Searcher(view), "notes")
    assert late is not None
    assert (late.new, late.gone) == (1, 1)
    changed, _ = build(lake)
    assert (changed["notes"].new, changed["notes"].removed) == (1, 1)
    assert searched(lake, RARE) == [right.asset_id]
    assert searched(lake, f"{RARE} left", "notes")[:1] == [right.asset_id]
    assert "left" not in json.dumps(searched(lake, "left"))


def test_a_forgotten_subject_is_in_no_answer_and_no_file(lake: Lake) -> None:
    mine = a_note(RARE, 1_000_000_003, "mine")
    change(lake, lambda to: to.notes([mine]))
    build(lake)
    report = forget(lake, 1_000_000_003)
    assert report.scan.hits == ()
    assert read_state(lake) is None
    assert not home_of(lake).exists()
    build(lake)
    assert searched(lake, RARE) == []
    held = b"".join(p.read_bytes() for p in home_of(lake).rglob("*") if p.is_file())
    assert RARE.encode() not in held


def test_an_index_elsewhere_that_missed_the_forgetting_is_removed_when_it_is_opened(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "cache"
    monkeypatch.setattr("biolake.search.home.home_of", lambda _: elsewhere)
    for module in ("building", "searching", "vectors"):
        monkeypatch.setattr(f"biolake.search.{module}.home_of", lambda _: elsewhere)
    mine = a_note(RARE, 1_000_000_003, "mine")
    change(lake, lambda to: to.notes([mine]))
    build(lake)
    assert elsewhere.exists()
    forget(lake, 1_000_000_003)
    assert read_state(lake) is None
    assert not elsewhere.exists()


def test_a_note_that_cannot_be_read_is_counted_and_told(lake: Lake) -> None:
    broken = MadeNote("\x81\x8d binary", 1_000_000_003, None, "broken")
    change(lake, lambda to: to.notes([broken], encoding="latin-1"))
    build(lake)
    with open_view(lake) as view:
        part = Searcher(view).part("notes").built
    assert (part.told["owners"], part.told["unread"]) == (61, 1)
    assert searched(lake, "binary") == []


def test_a_build_that_dies_leaves_the_index_before_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(lake)
    before = searched(lake, "troponina")
    change(lake, lambda to: to.notes([a_note(RARE, 1_000_000_003, "later")]))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("biolake.search.building.keep", dies)
        with pytest.raises(KeyboardInterrupt):
            build(lake)
    assert searched(lake, "troponina") == before
    build(lake)
    folders = {path.name for path in home_of(lake).iterdir()}
    state = read_state(lake)
    assert state is not None
    assert folders == {part.folder for part in state.parts.values()} | {"state.json"}


def test_an_earlier_commit_shows_what_it_held(lake: Lake) -> None:
    before = lake.commit().number
    added = a_note(RARE, 1_000_000_003, "later")
    change(lake, lambda to: to.notes([added]))
    build(lake)
    with open_view(lake, before) as view:
        assert Searcher(view).search(parse(RARE), "notes").hits == ()


def test_only_its_owner_may_read_the_index(lake: Lake) -> None:
    build(lake, ["codes"])
    assert home_of(lake).stat().st_mode & 0o777 == 0o700
