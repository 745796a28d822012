"""Within a load: what repeats, what corrects, what is taken back, and where every row went."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lake.build import MRN, Row, chunk, event

from biolake.core.schema import EVENTS
from biolake.lake.building import Numbering
from biolake.lake.intake import Intake
from biolake.lake.lake import Lake, init
from biolake.lake.merging import Outcome, compare, settle
from biolake.lake.stored import StoredNames, to_block

FEW = st.integers(0, 4)
KEYED = st.lists(st.tuples(FEW, st.sampled_from([1.0, 2.0])), max_size=25)
UNKEYED = st.lists(st.lists(FEW, max_size=8), max_size=4)


def intake(lake: Lake, scratch: Path) -> Intake:
    base = lake.commit()
    return Intake(
        lake, base, site="main", load="load", subjects=MRN, scratch=scratch, expected_rows=0
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return init(str(tmp_path_factory.mktemp("merging") / "lake"), shard_groups=1)


@settings(max_examples=40, deadline=None)
@given(rows=KEYED, retracted=st.lists(FEW, max_size=2, unique=True))
def test_the_last_row_of_a_key_stands_and_every_row_is_counted(
    lake: Lake, rows: list[tuple[int, float]], retracted: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = intake(lake, Path(folder))
        events: list[Row] = [event("p", key, numeric_value=value) for key, value in rows]
        taken.add(chunk(events, retracted=retracted))
        taken.finish()
        outcome = Outcome()
        block = settle(taken.bucket(0), taken, Numbering.of(taken), outcome)
    last = dict(rows)
    stands = {key: value for key, value in last.items() if key not in retracted}
    assert dict(zip(block.key.tolist(), block.value.tolist(), strict=True)) == stands
    kept = [(key, value) for key, value in rows if key not in retracted]
    equal = sum(value == last[key] for key, value in kept) - len(stands)
    assert outcome.retracted[0] == len(rows) - len(kept)
    assert outcome.repeated[0] == equal
    assert outcome.superseded[0] == len(kept) - len(stands) - equal


@settings(max_examples=30, deadline=None)
@given(files=UNKEYED)
def test_equal_rows_without_keys_are_told_apart_within_a_file_only(
    lake: Lake, files: list[list[int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = intake(lake, Path(folder))
        for number, codes in enumerate(files):
            rows = [event("p", code=f"C//{code}") for code in codes]
            taken.add(chunk(rows, file=f"{number}.csv", keyed=False))
        taken.finish()
        block = settle(taken.bucket(0), taken, Numbering.of(taken), Outcome())
        names = np.array([*taken.codes.names, ""])
    most: Counter[str] = Counter()
    for codes in files:
        most |= Counter(f"C//{code}" for code in codes)
    assert Counter(names[block.code].tolist()) == most
    assert len(set(block.key.tolist())) == len(block)


@settings(max_examples=30, deadline=None)
@given(old=st.dictionaries(FEW, FEW), new=st.dictionaries(FEW, FEW))
def test_against_the_lake_equal_rows_are_known_and_others_replace(
    lake: Lake, old: dict[int, int], new: dict[int, int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = intake(lake, Path(folder))
        blocks = []
        for values in (old, new):
            rows = [event("p", key, numeric_value=float(v)) for key, v in values.items()]
            taken.add(chunk(rows, file=str(len(blocks))))
            taken.finish()
            blocks.append(taken.bucket(0))
            (Path(folder) / "bucket-0000.arrow").unlink(missing_ok=True)
        outcome = Outcome()
        fresh, replaced = compare(blocks[1], blocks[0], Numbering.of(taken), outcome)
    same = {key for key in new if old.get(key) == new[key]}
    assert sorted(fresh.key.tolist()) == sorted(set(new) - same)
    assert sorted(replaced.tolist()) == sorted((set(new) & set(old)) - same)
    assert sum(outcome.known.values()) == len(same)


def test_stored_rows_number_their_origins_once() -> None:
    names = StoredNames()
    rows = [
        {"subject_id": n % 2, "code": "A", "site_id": f"s{n % 2}", "load_id": "l", "source": "t"}
        | {"row_key": n, "shard": 0, "shard_group": 0}
        for n in range(6)
    ]
    table = pa.Table.from_pylist([dict.fromkeys(EVENTS.names) | row for row in rows], EVENTS)
    block = to_block(table, names)
    assert [names.origins[n].site for n in block.origin.tolist()] == ["s0", "s1"] * 3
    assert len(names.origins) == len(names.registry) == 2
    assert len(to_block(table.slice(0, 0), names)) == 0
