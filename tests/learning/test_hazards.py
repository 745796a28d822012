"""Person-periods by hand."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.errors import DataRefused
from biolake.learning.hazards import FollowUp, edges_of, person_periods

EDGES = np.array([10.0, 20.0, 30.0])


def _rows(duration: float, observed: float, cause: int = 1) -> list[tuple[int, float]]:
    follow_up = FollowUp(np.array([duration]), np.array([observed]))
    _, interval, outcome = person_periods(follow_up, EDGES, cause)
    return list(zip(interval.tolist(), outcome.tolist(), strict=True))


@pytest.mark.parametrize(
    ("duration", "observed", "rows"),
    [
        (5.0, 1, [(0, 1.0)]),
        (10.0, 1, [(0, 1.0)]),
        (15.0, 1, [(0, 0.0), (1, 1.0)]),
        (15.0, 0, [(0, 0.0)]),  # censored within the second interval: only the first is whole
        (20.0, 0, [(0, 0.0), (1, 0.0)]),
        (40.0, 1, [(0, 0.0), (1, 0.0), (2, 0.0)]),  # after the last horizon
        (15.0, 2, [(0, 0.0), (1, 0.0)]),  # a competing event: no event of this cause
        (0.0, 1, [(0, 1.0)]),
    ],
)
def test_a_follow_up_becomes_these_rows(
    duration: float, observed: float, rows: list[tuple[int, float]]
) -> None:
    assert _rows(duration, observed) == rows


def test_the_competing_hazard_counts_the_other_events() -> None:
    assert _rows(15.0, 2, cause=2) == [(0, 0.0), (1, 1.0)]


def test_every_horizon_is_an_edge_and_every_interval_has_events() -> None:
    rng = np.random.default_rng(0)
    follow_up = FollowUp(rng.exponential(100, 500), np.ones(500))
    edges = edges_of(follow_up, (30, 365))
    assert {30.0, 365.0} <= set(edges.tolist())
    assert np.histogram(follow_up.duration, np.concatenate([[0], edges]))[0].min() > 0


def test_no_event_within_the_horizon_is_refused() -> None:
    with pytest.raises(DataRefused, match="no event happened"):
        edges_of(FollowUp(np.array([5.0]), np.array([0.0])), (30,))
