"""What a cohort says of itself, and what a `biolake:` block adds to a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cohorts.cases import Event, at, memory_view

from biolake.cohorts import Cohort, build, load_task
from biolake.core.errors import DataRefused, TaskInvalid
from biolake.lake.door import View

BASE = """\
predicates:
  admission: {code: A}
  death: {code: B}
  discharge: {code: C//1}
  icu: {code: C//2}
  creatinine: {code: LAB}
trigger: admission
windows:
  input:
    start: trigger
    end: start + 48h
    start_inclusive: true
    end_inclusive: true
    index_timestamp: start
"""
EVENTS = [
    Event(1, None, "SEX//M"),
    *(Event(1, hour, "A") for hour in (0, 100)),
    *(Event(1, hour, "LAB", value) for hour, value in ((1, 1.0), (30, 1.6), (48, 1.2))),
    Event(1, 120, "C//1"),
    Event(1, 200, "B"),
    *(Event(2, hour, "A") for hour in (0,)),
    *(Event(2, hour, "C//2") for hour in (0,)),
    *(Event(2, hour, "LAB", value) for hour, value in ((2, 0.5), (2, 0.9), (50, 9.0))),
    *(Event(3, hour, "A") for hour in (10,)),
    *(Event(3, hour, "C//1") for hour in (60,)),
]


@pytest.fixture
def view() -> Iterator[View]:
    found = memory_view(EVENTS)
    yield found
    found.con.close()


def cohort(view: View, folder: Path, block: str, base: str = BASE) -> Cohort:
    path = folder / "task.yaml"
    path.write_text(base + block)
    return build(view, load_task(path))


def triggers(found: Cohort) -> list[tuple[int, int]]:
    origin = at(0)
    assert origin is not None
    rows = zip(
        *(found.labels[c].to_pylist() for c in ("subject_id", "prediction_time")), strict=True
    )
    return [(subject, int((time - origin).total_seconds() // 3600)) for subject, time in rows]


def test_attrition_counts_rows_and_subjects_step_by_step(view: View, tmp_path: Path) -> None:
    block = """\
    has: {creatinine: "(1, None)"}
  home:
    start: trigger
    end: start -> discharge
    start_inclusive: false
    end_inclusive: true
"""
    found = cohort(view, tmp_path, block)
    assert [(s.name, s.subjects, s.rows, s.lost) for s in found.attrition] == [
        ("trigger admission", 3, 4, 0),
        ("window input", 2, 2, 2),
        ("window home", 1, 1, 1),
    ]
    assert found.emptied_at is None
    assert triggers(found) == [(1, 0)]
    assert "must hold at least 1 creatinine" in found.sentence


def test_an_empty_cohort_says_where_it_emptied(view: View, tmp_path: Path) -> None:
    found = cohort(view, tmp_path, '    has: {creatinine: "(9, None)"}\n')
    assert len(found.labels) == 0
    assert found.emptied_at == "window input"
    assert "nobody is left after step 'window input'" in found.notes


def test_the_sql_runs_by_itself(view: View, tmp_path: Path) -> None:
    found = cohort(view, tmp_path, '    has: {creatinine: "(1, None)"}\n')
    *setup, statement = found.sql.split(";\n")
    for part in setup:
        view.con.execute(part)
    rows = view.con.execute(statement, {"first": 0, "last": 1}).fetchall()
    assert sum(row[-1] == 1 for row in rows) == len(found.labels)


def test_not_and_nesting_work_under_biolake(view: View, tmp_path: Path) -> None:
    block = """\
    has: {ward: "(1, None)"}
biolake:
  predicates:
    ward: {expr: "and(admission, not(or(icu, death)))"}
"""
    assert triggers(cohort(view, tmp_path, block)) == [(1, 0), (1, 100), (3, 10)]


def test_a_bare_not_holds_at_every_other_event(view: View, tmp_path: Path) -> None:
    block = """\
    has: {quiet: "(3, None)"}
biolake:
  predicates:
    quiet: {expr: "not(admission)"}
"""
    assert triggers(cohort(view, tmp_path, block)) == [(1, 0)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("{max: [1.5, null]}", [(1, 0)]),
        ("{max: [null, 1.5]}", [(2, 0)]),
        ("{mean: [0.69, 0.71]}", [(2, 0)]),
        ("{min: [1.0, null]}", [(1, 0)]),
        ("{first: [0.5, 0.5]}", [(2, 0)]),
        ("{last: [0.9, 1.3]}", [(1, 0), (2, 0)]),
        ("{change: [0.3, null]}", [(2, 0)]),
        ("{change: [0.1, 0.2]}", [(1, 0)]),
        ("{change: [0.2, 0.4]}", [(1, 0), (2, 0)]),
        ("{max: [1.5, null], last: [null, 1.1]}", []),
    ],
)
def test_values_over_a_window_are_judged(
    view: View, tmp_path: Path, wanted: str, expected: list[tuple[int, int]]
) -> None:
    block = f"biolake:\n  windows:\n    input:\n      has_value: {{creatinine: {wanted}}}\n"
    assert triggers(cohort(view, tmp_path, block)) == expected


def test_an_open_end_of_a_window_leaves_its_reading_out(view: View, tmp_path: Path) -> None:
    block = "biolake:\n  windows:\n    input:\n      has_value: {creatinine: {last: [1.5, null]}}\n"
    base = BASE.replace("end_inclusive: true", "end_inclusive: false")
    assert triggers(cohort(view, tmp_path, block, base)) == [(1, 0)]


def test_values_in_several_units_are_refused(tmp_path: Path) -> None:
    units = (
        "CASE WHEN code = 'LAB' THEN CASE WHEN subject_id = 1 THEN 'mg/dL' ELSE 'umol/L' END END"
    )
    mixed = memory_view(EVENTS, units=units)
    block = "biolake:\n  windows:\n    input:\n      has_value: {creatinine: {max: [1.5, null]}}\n"
    with pytest.raises(DataRefused, match="several units: mg/dL, umol/L"):
        cohort(mixed, tmp_path, block)
    base = BASE.replace("{code: LAB}", "{code: LAB, unit: mg/dL}")
    assert triggers(cohort(mixed, tmp_path, block, base)) == [(1, 0)]


def test_a_predicate_without_values_has_no_statistics(view: View, tmp_path: Path) -> None:
    block = """\
biolake:
  predicates:
    ward: {expr: "not(icu)"}
  windows:
    input:
      has_value: {ward: {max: [1.5, null]}}
"""
    with pytest.raises(TaskInvalid, match="'ward' has no values"):
        cohort(view, tmp_path, block)


def test_a_task_can_be_a_predicate_of_another(view: View, tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(BASE + '    has: {creatinine: "(2, None)"}\n')
    block = """\
    has: {long_stay: "(1, None)"}
biolake:
  predicates:
    long_stay: {task: long.yaml}
"""
    assert triggers(cohort(view, tmp_path, block)) == [(1, 0), (2, 0)]


def test_a_nested_task_may_have_to_be_positive(view: View, tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(BASE + "    label: icu\n")
    block = """\
    has: {inner: "(1, None)"}
biolake:
  predicates:
    inner: {task: inner.yaml, positive: true}
"""
    assert triggers(cohort(view, tmp_path, block)) == [(2, 0)]


def test_tasks_that_nest_each_other_are_refused(view: View, tmp_path: Path) -> None:
    block = '    has: {me: "(1, None)"}\nbiolake:\n  predicates:\n    me: {task: task.yaml}\n'
    with pytest.raises(TaskInvalid, match="refers to itself"):
        cohort(view, tmp_path, block)


def test_descendants_of_a_code_follow_its_parents(tmp_path: Path) -> None:
    parents = {"C//1": ["I50"], "C//2": ["C//1"], "LAB": ["X"]}
    tree = memory_view(EVENTS, parents)
    block = """\
    has: {heart: "(1, None)"}
biolake:
  predicates:
    heart: {code: {descendants_of: [I50]}}
"""
    assert triggers(cohort(tree, tmp_path, block)) == [(1, 100), (2, 0)]


def outcome(view: View, folder: Path, text: str) -> list[tuple[int, float, int]]:
    labels = cohort(view, folder, f"biolake:\n  outcome: {text}\n").labels
    names = ("subject_id", "duration_days", "observed")
    return list(zip(*(labels[name].to_pylist() for name in names), strict=True))


def test_time_to_event_is_censored_at_the_end_of_the_record(view: View, tmp_path: Path) -> None:
    assert outcome(view, tmp_path, "{event: death}") == [
        (1, 200 / 24, 1),
        (1, 100 / 24, 1),
        (2, 50 / 24, 0),
        (3, 50 / 24, 0),
    ]


def test_a_competing_event_ends_follow_up_if_it_comes_first(view: View, tmp_path: Path) -> None:
    rows = outcome(view, tmp_path, "{event: death, competing: [discharge]}")
    assert rows == [(1, 120 / 24, 2), (1, 20 / 24, 2), (2, 50 / 24, 0), (3, 50 / 24, 2)]


def test_a_horizon_ends_follow_up(view: View, tmp_path: Path) -> None:
    rows = outcome(view, tmp_path, "{event: death, horizon: 100h}")
    assert rows == [(1, 100 / 24, 0), (1, 100 / 24, 1), (2, 50 / 24, 0), (3, 50 / 24, 0)]


def test_an_outcome_needs_a_prediction_time(view: View, tmp_path: Path) -> None:
    base = BASE.replace("    index_timestamp: start\n", "")
    with pytest.raises(TaskInvalid, match="no window gives one"):
        cohort(view, tmp_path, "biolake:\n  outcome: {event: death}\n", base)


def test_an_unknown_key_of_ours_is_refused(view: View, tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=r"'outcomes' is not known here\. Did you mean 'outcome'"):
        cohort(view, tmp_path, "biolake:\n  outcomes: {event: death}\n")


def test_the_prediction_time_of_a_backward_window_is_the_end_asked_for(
    view: View, tmp_path: Path
) -> None:
    base = BASE.replace("start: trigger", "start: end - 48h").replace(
        "end: start + 48h", "end: trigger"
    )
    found = cohort(view, tmp_path, "", base)
    assert triggers(found) == [(1, -48), (1, 52), (2, -48), (3, -38)]
    assert "ES-ACES 0.7.3 would report the other end of window 'input'" in found.notes
