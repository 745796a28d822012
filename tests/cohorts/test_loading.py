"""What a task file cannot say, and where the error points."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cohorts.cases import Event, memory_view

from biolake.cohorts import build, load_task
from biolake.cohorts.durations import duration_text, parse_duration
from biolake.core.errors import BiolakeError, TaskInvalid

TASK = """\
predicates:
  admission: {code: A}
  death: {code: B}
  lab: {code: LAB, value_min: 1.3}
  either: {expr: "or(admission, death)"}
trigger: admission
windows:
  input:
    start: null
    end: trigger + 24h
    start_inclusive: true
    end_inclusive: true
    index_timestamp: end
  target:
    start: input.end
    end: start -> death
    start_inclusive: false
    end_inclusive: true
    has: {lab: "(None, 3)"}
    label: death
"""
EVENTS = [Event(1, 0, "A"), Event(1, 30, "B"), Event(1, 40, "LAB", 2.0), Event(2, 3, "A")]


def written(folder: Path, text: str) -> Path:
    path = folder / "task.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, old: str, new: str) -> TaskInvalid:
    assert old in TASK
    with pytest.raises(TaskInvalid) as caught:
        load_task(written(folder, TASK.replace(old, new)))
    return caught.value


REFUSED = [
    ("trigger: admission", "trigger: admision", "'admision' is not defined. Did you mean", "6:10"),
    ("code: A}", "code: A, value_mim: 3}", "'value_mim' is not known here. Did you mean", "2:24"),
    ("windows:", "window:", "'window' is not known here. Did you mean 'windows'?", "7:1"),
    ("end_inclusive: true\n    index", "index", "'end_inclusive' is missing", "9:5"),
    ("start: input.end", "start: inputs.end", "Did you mean 'input.end'?", "15:12"),
    ("start: input.end", "start: trigger.end", "'trigger.end', which is no point", "15:12"),
    ("end: start -> death", "end: start -> died", "'died' is not defined", "16:10"),
    ("end: start -> death", "end: start - 2d", "end before it starts", "15:5"),
    ("end: start -> death", "end: start <- death", "end before it starts", "15:5"),
    ("end: start -> death", "end: input.end + 2d", "exactly one end", "15:5"),
    ("end: start -> death", "end: start + 2 moons", "'2 moons' is not a length", "16:10"),
    ("end: start -> death", "end: start + -2d", "is not a boundary", "16:10"),
    ("end: start -> death", "end: start -> _RECORD_START", "no window can end", "16:10"),
    ("end: start -> death", "end: start + 0h", "has no length", "15:5"),
    ("end: start -> death", "end: start", "has no length", "15:5"),
    ('"(None, 3)"', '"(4, 3)"', "maximum is below its minimum", "19:16"),
    ('"(None, 3)"', '"(None, None)"', "no limit", "19:16"),
    ('"(None, 3)"', '"(None, -1)"', "maximum is below", "19:16"),
    ('"(None, 3)"', '"(1)"', "is not a range", "19:16"),
    ('"(None, 3)"', '"(1, 2.5)"', "neither a whole number nor None", "19:16"),
    ("{lab:", "{labs:", "'labs' is not defined. Did you mean 'lab'?", "19:11"),
    ("label: death", "label: _ANY_EVENT", "a label must be a predicate", "20:12"),
    ("label: death", "label: death\n    index_timestamp: end", "only one window", "15:5"),
    ("label: death", "index_timestamp: middle", "must be start or end", "20:22"),
    ("start_inclusive: false", "start_inclusive: no", "must be true or false, not 'no'", "17:22"),
    ("value_min: 1.3", "value_min: high", "must be a number", "4:31"),
    (
        "{code: LAB",
        "{code: {regexp: LAB}",
        "'regexp' is not known here. Did you",
        "4:16",
    ),
    ("{code: LAB", "{code: {regex: '[a&&b]'}", "set operations", "4:23"),
    ("{code: LAB", "{code: {any: LAB}", "must be a list of codes", "4:21"),
    ("value_min: 1.3", "value_min: 2, value_max: 1", "no value can meet", "4:3"),
    ("value_min: 1.3", "value_min: .nan", "must be a number", "4:31"),
    ("value_min: 1.3", "static: true", "is static", "19:11"),
    ("admission: {code: A}", "admission: ???", "is not defined: '???'", "2:14"),
    ("admission: {code: A}", "admission: {code: A}\n  admission: {code: B}", "given twice", "3:3"),
]


@pytest.mark.parametrize(("old", "new", "message", "place"), REFUSED)
def test_what_has_no_meaning_is_refused_where_it_stands(
    tmp_path: Path, old: str, new: str, message: str, place: str
) -> None:
    error = refusal(tmp_path, old, new)
    assert message in error.message
    assert error.where.endswith(f"task.yaml:{place}")


def test_a_window_without_any_event_bound_needs_no_start(tmp_path: Path) -> None:
    assert load_task(written(tmp_path, TASK.replace("    start: null\n", ""))).windows


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("or(admission)", "at least two"),
        ("not(admission)", "ACES knows neither not"),
        ("or(admission, and(death, lab))", "ACES knows neither not"),
        ("or(admission, death", "is not an expression"),
        ("admission + death", "is not an expression"),
        ("xor(admission, death)", "is not and, or or not"),
        ("admission", "needs and"),
        ("or(admission, nobody)", "'nobody' is not defined"),
        ("or(admission, either)", "defined by itself: either → either"),
    ],
)
def test_a_derived_predicate_in_use_must_make_sense(
    tmp_path: Path, expression: str, message: str
) -> None:
    text = TASK.replace("or(admission, death)", expression).replace("{lab:", "{either:")
    with pytest.raises(TaskInvalid) as caught:
        load_task(written(tmp_path, text))
    assert message in caught.value.message
    assert "task.yaml:" in caught.value.where


def test_a_predicate_not_in_use_may_be_a_placeholder(tmp_path: Path) -> None:
    text = TASK.replace('either: {expr: "or(admission, death)"}', "either: ???")
    assert "either" not in load_task(written(tmp_path, text)).predicates


def test_windows_that_refer_to_each_other_are_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, "end: trigger + 24h", "end: target.end")
    assert "in a circle and never to the trigger: 'input', 'target'" in error.message


def test_a_predicates_file_replaces_whole_predicates(tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("predicates:\n  lab: {code: B}\n")
    task = load_task(written(tmp_path, TASK), over)
    assert task.plain()[-1].codes.values == ("B",)
    over.write_text("predicate:\n  lab: {code: B}\n")
    with pytest.raises(TaskInvalid, match=r"over.yaml:1:1: 'predicate' is not known here"):
        load_task(written(tmp_path, TASK), over)


@pytest.mark.parametrize("text", ["", "[1, 2]", "trigger: [", "trigger: &a {b: *a}", "a: 1\n\tb"])
def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path, text: str) -> None:
    with pytest.raises(BiolakeError):
        load_task(written(tmp_path, text))


def test_a_code_the_lake_lacks_names_its_predicate_and_the_nearest_code(tmp_path: Path) -> None:
    text = TASK.replace("{code: A}", "{code: C//3}")
    view = memory_view([*EVENTS, Event(1, 2, "C//1")])
    with pytest.raises(TaskInvalid) as caught:
        build(view, load_task(written(tmp_path, text)))
    assert "predicate 'admission'" in caught.value.message
    assert "Did you mean 'C//1'?" in caught.value.message
    assert caught.value.where.endswith("task.yaml:2:3")


def test_one_missing_part_of_an_or_is_a_note_and_no_error(tmp_path: Path) -> None:
    text = TASK.replace("label: death", "label: either").replace("code: A}", "code: A}", 1)
    text = text.replace("or(admission, death)", "or(admission, other)")
    text = text.replace("  death:", "  other: {code: ZZZ}\n  death:")
    cohort = build(memory_view(EVENTS), load_task(written(tmp_path, text)))
    assert any("'other'" in note for note in cohort.notes)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("24h", 24),
        ("24 hours", 24),
        ("1 day, 2 hours", 26),
        ("30 days", 720),
        ("2wks", 336),
        ("1 week 1d", 192),
        ("90 min", 1.5),
        ("5400 sec", 1.5),
        ("1:30:00", 1.5),
        ("2:01:30:00", 49.5),
        ("90:00", 1.5),
        ("1.5 d", 36),
    ],
)
def test_lengths_of_time_read_as_in_es_aces(text: str, hours: float) -> None:
    assert parse_duration(text) == hours * 3_600_000_000


@pytest.mark.parametrize("text", ["", "24", "1 month", "h", "1.2.3h", "-1d", "one day", "1d x"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    assert parse_duration(text) is None


def test_lengths_of_time_are_said_in_whole_units() -> None:
    assert duration_text(36 * 3_600_000_000) == "36 hours"
    assert duration_text(-48 * 3_600_000_000) == "2 days"
    assert duration_text(1_500_000) == "1.5 seconds"
