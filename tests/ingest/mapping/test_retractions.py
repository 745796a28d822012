"""Rows that take back what earlier rows with their key gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.mapping.source import HEADER, Outcome, read

from biolake.core.catalogue import Catalogue
from biolake.core.errors import MappingInvalid
from biolake.ingest.mapping.retractions import Placed, Retractions
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import init
from biolake.lake.verifying import verify

TABLES = """
tables:
  t:
    file: "t*.csv"
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP, num: DOUBLE}
    retract: {when: txt = 'cancelled', why: "taken back by the laboratory"}
    events:
      - {name: result, code: "'A//' || what", time: at, numeric_value: num}
      - {name: flag, when: num > 5, code: "'HIGH'", time: at}
"""


def standing(outcome: Outcome) -> list[tuple[object, object]]:
    """Return what stands of the events read: the last of each key, less the keys taken back."""
    taken = [chunk.retracted for chunk in outcome.chunks if chunk.retracted is not None]
    gone = {int(key) for keys in taken for key in keys}
    last = {event["row_key"]: event for event in outcome.table()}
    return sorted((e["code"], e["numeric_value"]) for key, e in last.items() if key not in gone)


def test_a_cancelled_row_takes_back_every_event_of_its_key(tmp_path: Path) -> None:
    rows = "1,1,2020-01-01,K,7,\n2,1,2020-01-01,NA,4,\n1,1,,K,no number,cancelled\n"
    outcome = read(tmp_path, {"t.csv": HEADER + rows}, TABLES)
    assert standing(outcome) == [("A//NA", 4.0)]
    assert outcome.tally.skipped == {"taken back by the laboratory": 1}


def test_a_key_given_again_after_its_cancellation_stands(tmp_path: Path) -> None:
    rows = "1,1,2020-01-01,K,7,\n1,1,,K,,cancelled\n"
    again = "1,1,2020-01-01,K,4,\n"
    outcome = read(tmp_path, {"t1.csv": HEADER + rows, "t2.csv": HEADER + again}, TABLES)
    # The flag of 7 is not given again: it stays taken back.
    assert standing(outcome) == [("A//K", 4.0)]


def test_a_cancellation_without_a_key_is_quarantined(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": HEADER + ",1,2020-01-01,K,,cancelled\n"}, TABLES)
    assert outcome.rejects == [(2, "id", "the key is empty")]


def test_a_table_without_a_key_cannot_take_back(tmp_path: Path) -> None:
    with pytest.raises(MappingInvalid, match="needs 'key'") as caught:
        read(tmp_path, {"t.csv": HEADER}, TABLES.replace("    key: [id]\n", ""))
    assert caught.value.where == "small.yaml:10:14"


def test_a_later_load_takes_back_what_an_earlier_one_gave(tmp_path: Path) -> None:
    rows = "1,1,2020-01-01,K,7,\n2,1,2020-01-01,NA,4,\n"
    read(tmp_path, {"t.csv": HEADER + rows}, TABLES)
    lake = init(str(tmp_path / "lake"), subject_ids="source")

    def load() -> list[str]:
        source, mapping = tmp_path / "source", tmp_path / "small.yaml"
        ingest(lake, str(source), Catalogue(), mapping=str(mapping))
        with open_view(lake) as view:
            return [code for (code,) in view.rows("SELECT code FROM events ORDER BY code")]

    assert load() == ["A//K", "A//NA", "HIGH"]
    (tmp_path / "source" / "t.csv").write_text(HEADER + rows.replace("7,\n", "7,cancelled\n"))
    assert load() == ["A//NA"]
    assert verify(lake).problems == ()


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.booleans()))))
def test_of_each_key_the_last_word_counts(batches: list[list[tuple[int, bool]]]) -> None:
    found, expected = Retractions(), set[int]()
    for batch in batches:
        keys = np.array([key for key, _ in batch], np.int64)
        taken = np.array([gone for _, gone in batch], bool)
        sides = [Placed(keys[mask], np.flatnonzero(mask)) for mask in (taken, ~taken)]
        found.note(*sides)
        for key, gone in batch:
            expected = expected | {key} if gone else expected - {key}
    assert set(found.keys.tolist()) == expected
    assert len(found.keys) == len(expected)
