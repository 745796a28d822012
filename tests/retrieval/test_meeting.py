"""Samples meet the events of their windows, in one order however they are sorted."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.retrieval.definition import Window
from biolake.retrieval.meeting import _after, _sorted, meet, span
from biolake.retrieval.past import Past

DRAW = np.random.default_rng(5)


def test_all_stretches_are_searched_at_once():
    edges = np.sort(DRAW.integers(0, 200, 13))
    low, high = edges[:-1], edges[1:]
    times = np.concatenate([np.sort(DRAW.integers(0, 40, n)) for n in np.diff(edges, prepend=0)])
    limit = DRAW.integers(-1, 42, len(low))
    found = _after(times, low, high, limit)
    for place, (a, b) in enumerate(zip(low, high, strict=True)):
        assert found[place] == a + np.searchsorted(times[a:b], limit[place], side="right")


@pytest.mark.parametrize("shift", [0, 40])
def test_pairs_too_large_for_one_number_are_sorted_alike(shift: int):
    pair, event = DRAW.integers(0, 1 << 20, 500) << shift, DRAW.permutation(500)
    for found, wanted in zip(
        _sorted(pair, event), (a[np.lexsort((event, pair))] for a in (pair, event)), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


def test_a_row_holds_its_events_by_code_then_time():
    subject = np.zeros(5, np.int32)
    past = Past(subject, np.arange(5), np.array([1, 0, 1, 0, 1]), np.ones(5), subject)
    mine, until = np.array([0, 0]), np.array([2, 4])
    spans = [span(past, mine, until, window) for window in (Window("w", 2), Window("e", None, 1))]
    assert [[edge.tolist() for edge in found] for found in spans] == [
        [[1, 3], [3, 5]],
        [[0, 0], [2, 4]],
    ]
    met = meet(spans, past.code, 2, each=True)
    assert list(zip(met.sample, met.item, strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert met.row.tolist() == [0, 1, 1, 2, 2, 3, 3, 3]
    assert met.event.tolist() == [1, 0, 2, 1, 3, 0, 2, 4]
    pooled = meet(spans, past.code, 2, each=False)
    assert (pooled.sample.tolist(), pooled.item.tolist()) == ([0, 1], [0, 0])
    assert pooled.event.tolist() == met.event.tolist()
