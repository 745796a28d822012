"""A local folder as a store: whole files or none, and one winner of any race."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biolake.core.errors import BiolakeError, LakeBusy
from biolake.lake.locking import writer
from biolake.lake.store import LocalStore, Store, open_store, self_test


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "lake"))


def test_what_is_written_is_read(store: Store) -> None:
    store.write("a/b.txt", b"one")
    store.write("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"two"
    assert store.exists("a/b.txt")
    assert store.list("a/") == [("a/b.txt", 3)]
    assert store.list("") == [("a/b.txt", 3)]


def test_what_is_not_there_is_told(store: Store) -> None:
    assert not store.exists("a")
    assert store.list("a/") == []
    store.delete("a")
    with pytest.raises(FileNotFoundError):
        store.read("a")


def test_of_many_writers_of_one_key_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.put_if_absent("key", b"%d" % n), range(32)))
    assert sum(won) == 1
    assert store.read("key") == b"%d" % won.index(True)
    assert store.list("") == [("key", len(store.read("key")))]


def test_an_upload_moves_the_file(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "new.parquet"
    source.write_bytes(b"rows")
    store.upload(source, "events/shard_group=1/x.parquet")
    assert not source.exists()
    target = tmp_path / "copy"
    store.download("events/shard_group=1/x.parquet", target)
    assert target.read_bytes() == b"rows"
    with pytest.raises(FileNotFoundError):
        store.download("events/none.parquet", tmp_path / "none")


def test_a_good_store_passes_the_self_test_and_keeps_no_trace(store: Store) -> None:
    self_test(store)
    assert store.list("") == []


def test_a_store_that_lets_two_writers_win_is_refused(tmp_path: Path) -> None:
    class Careless(LocalStore):
        def put_if_absent(self, key: str, data: bytes) -> bool:
            self.write(key, data)
            return True

    with pytest.raises(BiolakeError, match="8 of 8 writers"):
        self_test(Careless(str(tmp_path)))


def test_a_second_writer_is_told_who_holds_the_lake(store: Store) -> None:
    with writer(store, "load of labs"), pytest.raises(LakeBusy, match="load of labs"):  # noqa: SIM117
        with writer(store, "another"):
            pass
    with writer(store, "another"):
        pass


def test_a_writer_can_wait_its_turn(store: Store) -> None:
    order: list[str] = []

    def second() -> None:
        with writer(store, "second", wait=10):
            order.append("second")

    with ThreadPoolExecutor(1) as pool, writer(store, "first"):
        pool.submit(second)
        order.append("first")
    assert order in (["first", "second"], ["first"])
