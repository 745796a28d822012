"""Limits that are quantiles of the lake's subjects, against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cohorts.cases import Event
from tests.cohorts.cases import memory_view as without_subjects

from biolake.cohorts import build, load_task
from biolake.cohorts.counts import count_subjects
from biolake.cohorts.quantiles import quantile, share_of
from biolake.cohorts.speaking import parse_criterion
from biolake.core.errors import BiolakeError, DataRefused, WrongUse
from biolake.lake.door import View

CODE = "EXPRESSION//TP53//zscore"
VALUES = [-1.5, -0.25, 0.0, 0.1, 0.2, 0.35, 0.4, 0.75, 1.0, 1.25, 3.5]
TASK = """\
predicates:
  start: {code: A}
  high: {code: EXPRESSION//TP53//zscore, value_min: LIMIT, value_min_inclusive: INCLUSIVE}
trigger: start
windows:
  so_far:
    start: null
    end: trigger
    start_inclusive: true
    end_inclusive: true
    has: {high: "(1, None)"}
    index_timestamp: end
"""


def memory_view(rows: list[Event]) -> View:
    view = without_subjects(rows)
    view.con.execute("CREATE TABLE subjects AS SELECT DISTINCT subject_id FROM events")
    return view


def events(values: list[float]) -> list[Event]:
    found = [Event(n, 0, "A") for n in range(len(values) + 2)]
    found += [Event(n, 0, CODE, value) for n, value in enumerate(values)]
    # Neither an earlier value nor subjects without one move the quantile.
    return [*found, Event(0, -50, CODE, 99.0), Event(len(values), 0, "CNA//TP53", -2.0)]


def members(tmp_path: Path, limit: str, inclusive: bool, values: list[float] = VALUES):
    path = tmp_path / "task.yaml"
    path.write_text(TASK.replace("LIMIT", limit).replace("INCLUSIVE", str(inclusive).lower()))
    view = memory_view(events(values))
    found = build(view, load_task(path))
    view.con.close()
    return found


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("word", ["median", "q50", "q25", "q90", "q0"])
def test_a_cohort_above_a_quantile_is_numpys(tmp_path: Path, word: str, inclusive: bool) -> None:
    found = members(tmp_path, word, inclusive)
    share = share_of(word)
    assert share is not None
    limit = np.float32(np.quantile(np.float32(VALUES), share))
    held = {n for n, v in enumerate(np.float32(VALUES)) if v > limit or (inclusive and v == limit)}
    wanted = held | {0}  # whose earlier value of 99 is above any limit
    assert set(found.labels["subject_id"].to_pylist()) == wanted


def test_the_number_used_stands_in_the_notes_and_in_the_sql(tmp_path: Path) -> None:
    found = members(tmp_path, "median", inclusive=False)
    assert found.notes[0] == (
        "predicate 'high': the median of EXPRESSION//TP53//zscore over 11 subjects is 0.35"
        " (of each subject the latest value)"
    )
    assert "> 0.35::FLOAT" in found.sql


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-100, 100, width=32), min_size=10, max_size=40),
    st.sampled_from(["median", "q10", "q33.3", "q100"]),
    st.sampled_from([">", ">=", "<", "<="]),
)
def test_counts_beyond_a_quantile_are_numpys(values: list[float], word: str, sign: str) -> None:
    view = memory_view([Event(n, 0, CODE, value) for n, value in enumerate(values)])
    criterion = parse_criterion(view, f"{CODE} {sign} {word}")
    (counted,) = count_subjects(view, criterion)
    view.con.close()
    share = share_of(word)
    assert share is not None
    limit = np.float32(np.quantile(np.array(values), share))
    held = np.float32(values)
    tests = {">": held > limit, ">=": held >= limit, "<": held < limit, "<=": held <= limit}
    assert counted.subjects == int(tests[sign].sum())


def test_plain_numbers_may_be_excluded_too() -> None:
    view = memory_view([Event(n, 0, "CNA//TP53", float(n - 2)) for n in range(5)])
    found = [
        count_subjects(view, parse_criterion(view, f"CNA//TP53 {text}"))[0].subjects
        for text in (">= 1", "> 1", "< 0", "<= 0", "> -2 < 2")
    ]
    view.con.close()
    assert found == [2, 1, 2, 3, 3]


def test_a_pattern_finds_every_class_of_a_genes_mutations() -> None:
    view = memory_view([
        Event(1, 0, "MUTATION//TP53//Missense_Mutation"),
        Event(2, 0, "MUTATION//TP53//Silent"),
        Event(3, 0, "MUTATION//TP53BP1//Silent"),
    ])  # fmt: skip
    found = count_subjects(view, parse_criterion(view, "MUTATION//TP53//*"))[0].subjects
    view.con.close()
    assert found == 2


def test_values_at_one_time_are_averaged() -> None:
    rows = [Event(n, 0, CODE, float(n)) for n in range(10)]
    view = memory_view([*rows, Event(9, 0, CODE, 11.0)])
    assert quantile(view, [CODE], 1.0).value == 10.0
    view.con.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CODE} > q101", "no quantile"),
        (f"{CODE} | A > median", "needs one code"),
        ("OTHER > median", "fewer than 10 subjects"),
    ],
)
def test_a_quantile_that_means_nothing_is_refused(text: str, said: str) -> None:
    view = memory_view([*events(VALUES), Event(1, 0, "OTHER", 1.0)])
    with pytest.raises((WrongUse, DataRefused), match=said):
        parse_criterion(view, text)
    view.con.close()


def test_a_task_says_which_predicate_has_too_few(tmp_path: Path) -> None:
    with pytest.raises(BiolakeError, match=r"task.yaml:3:3.*predicate 'high': fewer than 10"):
        members(tmp_path, "median", inclusive=False, values=VALUES[:4])
