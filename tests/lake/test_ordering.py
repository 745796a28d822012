"""The two orders are those of a plain stable sort, whatever the values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from biolake.lake.columns import NO_TIME
from biolake.lake.ordering import by_code, by_subject_time, is_sorted, repeats, stable_argsort

ANY = st.integers(-(1 << 63), (1 << 63) - 1)
RANKS = st.one_of(st.integers(0, 3), st.integers(0, (1 << 31) - 1))
SECONDS = st.integers(-(9 * 10**12), 9 * 10**12).map(lambda s: s * 1_000_000)
TIMES = st.one_of(st.just(int(NO_TIME)), SECONDS, st.sampled_from([0, 1_000_000]))


def arrays(*columns: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, ...]]]:
    return st.lists(st.tuples(*columns), max_size=60)


@given(arrays(RANKS, st.one_of(TIMES, TIMES, ANY)))
def test_by_subject_then_time_static_rows_first(rows: list[tuple[int, ...]]) -> None:
    rank = np.array([r for r, _ in rows], dtype=np.int32)
    time = np.array([t for _, t in rows], dtype=np.int64)
    assert by_subject_time(rank, time).tolist() == np.lexsort((time, rank)).tolist()


@given(arrays(st.integers(0, 5), TIMES))
def test_by_subject_then_time_of_whole_seconds(rows: list[tuple[int, ...]]) -> None:
    rank = np.array([r for r, _ in rows], dtype=np.int32)
    time = np.array([t for _, t in rows], dtype=np.int64)
    assert by_subject_time(rank, time).tolist() == np.lexsort((time, rank)).tolist()


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 1 << 20))))
def test_by_code_keeps_the_order_within_a_code(codes: list[int]) -> None:
    rank = np.array(codes, dtype=np.int32)
    assert by_code(rank).tolist() == np.argsort(rank, kind="stable").tolist()


@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 1 << 62))))
def test_the_fast_sort_is_stable(values: list[int]) -> None:
    keys = np.array(values, dtype=np.int64)
    assert stable_argsort(keys).tolist() == np.argsort(keys, kind="stable").tolist()


def test_many_ties_stay_in_order() -> None:
    keys = np.random.default_rng(5).integers(0, 50, 100_000)
    assert np.array_equal(stable_argsort(keys), np.argsort(keys, kind="stable"))


@given(arrays(st.integers(0, 3), st.integers(0, 3), ANY))
def test_sorted_means_sorted(rows: list[tuple[int, ...]]) -> None:
    columns = [np.array([row[n] for row in rows], dtype=np.int64) for n in range(3)]
    assert is_sorted(columns) == (rows == sorted(rows))
    assert is_sorted([np.sort(columns[0])])


@given(st.lists(st.integers(0, 9)))
def test_repeats_counts_values_seen_before(values: list[int]) -> None:
    assert repeats(np.array(values, dtype=np.int64)) == len(values) - len(set(values))
