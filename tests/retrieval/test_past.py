"""The kept past is in order, and comes back from its file as it was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from biolake.retrieval.past import NO_END, Past


def past(subject: list[int], time: list[int], ended: list[int] | None = None) -> Past:
    count = len(subject)
    return Past(
        np.array(subject, np.int32),
        np.array(time, np.int64),
        np.arange(count, dtype=np.int32),
        np.array([1.5, np.nan, 3, 4, 5][:count], np.float32),
        np.full(count, -1, np.int32),
        None if ended is None else np.array(ended, np.int64),
    )


def test_files_of_several_loads_become_one_past_in_order():
    found = Past.joined([past([0, 2], [5, 5]), past([0, 1, 2], [4, 9, 5], [6, NO_END, 7])])
    assert found.subject.tolist() == [0, 0, 1, 2, 2]
    assert found.time.tolist() == [4, 5, 9, 5, 5]
    assert found.code.tolist() == [0, 0, 1, 1, 2]  # of one moment: the earlier file's first
    assert found.ended is not None
    assert found.ended.tolist() == [6, NO_END, NO_END, NO_END, 7]
    assert len(Past.joined([])) == 0


def test_a_value_is_known_when_its_event_has_ended():
    found = past([0, 0, 1, 1], [1, 2, 3, 4], [9, 9, NO_END, 8])
    assert found.known(np.full(4, 8)).tolist() == [False, False, True, True]
    assert past([0, 0], [1, 2]).known(np.zeros(2)).tolist() == [True, False]


def test_what_is_saved_is_loaded(tmp_path: Path):
    for number, kept in enumerate([past([0, 1], [1, 2]), past([0, 1], [1, 2], [3, 4])]):
        kept.save(tmp_path / str(number))
        for name, array in asdict(Past.load(tmp_path / str(number))).items():
            np.testing.assert_array_equal(array, getattr(kept, name))


def test_subjects_are_cut_out_with_their_numbers():
    found = past([0, 1, 1, 3], [1, 1, 2, 1]).of_subjects(1, 2)
    assert (found.subject.tolist(), found.code.tolist()) == ([1, 1], [1, 2])
