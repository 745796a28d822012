"""The compiler against the naive oracle, on random events and random trees of windows."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cohorts import oracle
from tests.cohorts.cases import (
    HOUR,
    Event,
    Spec,
    memory_view,
    microseconds,
    random_events,
    random_spec,
    task_yaml,
)

from biolake.cohorts import build, load_task


def built(events: list[Event], spec: Spec, folder: Path) -> Counter[oracle.Row]:
    """Build the cohort and return its rows with hours instead of times."""
    path = folder / "task.yaml"
    path.write_text(task_yaml(spec))
    view = memory_view(events)
    try:
        labels = build(view, load_task(path), missing="allow").labels
    finally:
        view.con.close()
    times = labels["prediction_time"].cast("int64").to_pylist()
    hours = [None if time is None else (time - microseconds(0)) // HOUR for time in times]
    columns = labels["subject_id"].to_pylist(), hours, labels["boolean_value"].to_pylist()
    return Counter(zip(*columns, strict=True))


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.randoms(use_true_random=False))
def test_a_random_task_gives_what_its_definition_says(tmp_path: Path, rng: random.Random) -> None:
    events, spec = random_events(rng), random_spec(rng)
    assert built(events, spec, tmp_path) == oracle.cohort(events, spec)


@pytest.mark.parametrize("seed", range(2))
def test_many_plain_random_tasks_agree_with_the_oracle(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        events, spec = random_events(rng), random_spec(rng)
        assert built(events, spec, tmp_path) == oracle.cohort(events, spec), task_yaml(spec)
