"""Whatever is changed behind the lake's back is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake.transaction import AddAction
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lake.build import chunk, copy_of, load, many, rows_of

from biolake.core.errors import DataRefused
from biolake.lake import commits
from biolake.lake.commits import Commit, StoredFile
from biolake.lake.files import TableFile
from biolake.lake.lake import Lake, init, open_lake
from biolake.lake.transaction import SCHEMAS
from biolake.lake.verifying import verify


def build(root: Path) -> Lake:
    lake = init(str(root / "lake"), shard_groups=2)
    stays = [(f"e{n:04d}-{k}", f"p{n:04d}") for n in range(40) for k in range(2)]
    load(lake, chunk(many(300), encounters=stays, rejects=2, skipped=1))
    load(lake, chunk(many(50, first_key=900), file="b.csv", rejects=1))
    return lake


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return build(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def lake(shared: Lake, tmp_path: Path) -> Lake:
    return copy_of(shared, tmp_path)


def stored(lake: Lake) -> list[StoredFile]:
    return [file for state in lake.commit().tables.values() for file in state.files]


def rewrite_commit(lake: Lake, change: Callable[[Commit], Commit]) -> None:
    commit = lake.commit()
    lake.store.write(commits.key_of(commit.number), change(commit).to_json())


def replace_file(lake: Lake, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a file's rows anew, and put the new size and hashes into the commit and the log."""
    commit = lake.commit()
    state = commit.tables[table]
    old = state.files[0]
    new = TableFile(Path(lake.root), SCHEMAS[table])
    new.write(change(pq.ParquetFile(lake.store.uri(old.path)).read()))
    entry = new.finish(lake.store, table, "forged", old.shard_group)
    Path(lake.store.uri(entry.path)).rename(lake.store.uri(old.path))
    files = (replace(entry, path=old.path), *state.files[1:])
    tables = {**commit.tables, table: replace(state, files=files)}
    rewrite_commit(lake, lambda commit: replace(commit, tables=tables))


def whats(lake: Lake) -> str:
    return "; ".join(f"{p.table}: {p.what}" for p in verify(lake).problems)


def test_an_untouched_lake_has_no_problems(shared: Lake) -> None:
    report = verify(shared)
    assert report.problems == report.leftovers == report.notes == ()
    assert report.commit == 2
    assert report.files == len(stored(shared))
    assert report.rows == sum(file.rows for file in stored(shared))


def test_every_earlier_commit_can_be_verified(shared: Lake) -> None:
    assert [verify(shared, at=n).problems for n in (0, 1)] == [(), ()]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_anywhere_is_found(shared: Lake, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(stored(shared)))
    place = data.draw(st.integers(0, file.size - 1))
    bit = data.draw(st.integers(0, 7))
    path = Path(shared.store.uri(file.path))
    good = path.read_bytes()
    bad = bytearray(good)
    bad[place] ^= 1 << bit
    path.write_bytes(bad)
    try:
        assert [p.file for p in verify(shared).problems] == [file.path]
    finally:
        path.write_bytes(good)


def test_a_file_cut_short_or_deleted_is_found(lake: Lake) -> None:
    first, second = stored(lake)[:2]
    path = Path(lake.store.uri(first.path))
    path.write_bytes(path.read_bytes()[:-1])
    lake.store.delete(second.path)
    found = {p.file: p.what for p in verify(lake).problems}
    assert "bytes" in found[first.path]
    assert "missing" in found[second.path]


def test_a_file_too_many_in_the_delta_log_is_found(lake: Lake) -> None:
    version = lake.commit().tables["codes"].version
    log = Path(lake.root) / "codes" / "_delta_log" / f"{version:020d}.json"
    added = {"path": "extra.parquet", "size": 1, "partitionValues": {}, "dataChange": True}
    line = json.dumps({"add": added | {"modificationTime": 0}})
    log.write_text(log.read_text() + line + "\n")
    assert "codes: Delta lists this file; the commit does not" in whats(lake)


def test_a_log_that_cannot_be_read_is_found(lake: Lake) -> None:
    for log in (Path(lake.root) / "sites" / "_delta_log").iterdir():
        log.write_text("no log")
    assert "sites: its Delta log cannot be read" in whats(lake)


def test_a_later_delta_version_is_noted(lake: Lake) -> None:
    from deltalake import DeltaTable

    table = DeltaTable(lake.store.uri("codes"))
    action = AddAction("extra.parquet", 1, {}, 0, True, "{}")
    table.create_write_transaction([action], mode="append", schema=table.schema())
    report = verify(lake)
    assert not report.problems
    assert "'codes'" in report.notes[0]


@pytest.mark.parametrize("name", ["events", "subjects", "codes", "added", "removed", "quarantine"])
def test_an_edited_count_of_the_commit_is_found(lake: Lake, name: str) -> None:
    def change(commit: Commit) -> Commit:
        return replace(commit, counts={**commit.counts, name: commit.counts[name] + 1})

    rewrite_commit(lake, change)
    assert whats(lake)


def test_an_edited_row_count_or_hash_of_a_file_is_found(lake: Lake) -> None:
    def change(commit: Commit) -> Commit:
        state = commit.tables["events_by_code"]
        files = (replace(state.files[0], row_hash=7), *state.files[1:])
        table = replace(state, files=files)
        return replace(commit, tables={**commit.tables, "events_by_code": table})

    rewrite_commit(lake, change)
    assert "row hash" in whats(lake)


@pytest.mark.parametrize("table", ["events", "events_by_code"])
def test_rows_out_of_order_are_found(lake: Lake, table: str) -> None:
    replace_file(lake, table, lambda rows: rows.take(list(range(len(rows)))[::-1]))
    assert whats(lake) == f"{table}: its rows are not in the promised order"


def test_a_row_changed_in_one_order_only_is_found(lake: Lake) -> None:
    def change(rows: pa.Table) -> pa.Table:
        place = rows.column_names.index("numeric_value")
        values = [1.0, *rows["numeric_value"].to_pylist()[1:]]
        return rows.set_column(place, "numeric_value", pa.array(values, pa.float32()))

    replace_file(lake, "events_by_code", change)
    assert whats(lake) == "events_by_code: it does not hold the same rows as 'events'"


@pytest.mark.parametrize("table", ["subjects", "codes"])
def test_derived_counts_that_disagree_are_found(lake: Lake, table: str) -> None:
    def change(rows: pa.Table) -> pa.Table:
        place = rows.column_names.index("events")
        return rows.set_column(
            place, "events", pa.array([n + 1 for n in rows["events"].to_pylist()])
        )

    replace_file(lake, table, change)
    assert "have another number of events" in whats(lake)


def test_a_subject_in_the_wrong_shard_is_found(lake: Lake) -> None:
    def change(rows: pa.Table) -> pa.Table:
        place = rows.column_names.index("shard")
        return rows.set_column(place, "shard", pa.array([0] * len(rows), pa.int16()))

    replace_file(lake, "subjects", change)
    assert "subjects are not in their shard" in whats(lake)


def test_an_encounter_of_nobody_is_found(lake: Lake) -> None:
    replace_file(lake, "subjects", lambda rows: rows.slice(1))
    found = whats(lake)
    assert "encounters: 1 subjects with encounters are not listed" in found
    assert "subjects: 1 subjects with events are not listed" in found


@pytest.mark.parametrize(
    ("column", "what"),
    [("known", "events do not add up"), ("part_rows", "rows do not add up"), ("file", "listed")],
)
def test_a_ledger_that_does_not_add_up_is_found(lake: Lake, column: str, what: str) -> None:
    def change(rows: pa.Table) -> pa.Table:
        place = rows.column_names.index(column)
        values = [v + 1 if isinstance(v, int) else "x.csv" for v in rows[column].to_pylist()]
        return rows.set_column(place, column, pa.array(values))

    replace_file(lake, "loads", change)
    assert what in whats(lake)


def test_files_that_no_commit_names_are_leftovers(lake: Lake) -> None:
    lake.store.write("events/shard_group=1/dead-load.parquet", b"anything")
    report = verify(lake)
    assert report.leftovers == ("events/shard_group=1/dead-load.parquet",)
    assert not report.problems


def test_no_subject_stands_in_a_problem(lake: Lake) -> None:
    ids = {str(subject) for (subject,) in rows_of(lake, "subject_id")}
    replace_file(lake, "subjects", lambda rows: rows.slice(1))
    found = whats(lake)
    assert not any(i in found for i in ids)


def test_a_redacted_commit_cannot_be_verified(lake: Lake) -> None:
    rewrite_commit(lake, lambda commit: replace(commit, redacts=(1,)))
    with pytest.raises(DataRefused, match="redacted by commit 2"):
        verify(open_lake(lake.root), at=1)
