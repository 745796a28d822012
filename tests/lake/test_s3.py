"""A lake in a bucket, against a real S3-compatible server on loopback."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.beeps import take, write

from biolake.core.catalogue import discover
from biolake.core.errors import BiolakeError, LakeBusy, NotPermitted, SetupMissing
from biolake.core.keys import shard_of
from biolake.export import meds
from biolake.ingest.pipeline import ingest
from biolake.lake import commits, locking, verifying
from biolake.lake.assets import StoredContent, find_assets
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init, open_lake
from biolake.lake.locking import LEASES, writer
from biolake.lake.store import LocalStore, S3Store, open_store, self_test

BUCKET = "hospital"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
CATALOGUE = discover("biolake.readers")
FIRST, LATER = dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2)  # noqa: DTZ001  lake times are naive


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server on a free port; another port if that one was taken meanwhile."""
    for attempt in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (folder / f"server-{attempt}.log").open("wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
            server = subprocess.Popen(command, stdout=log, stderr=log)
        if answers(server, f"http://127.0.0.1:{port}"):
            return server, f"http://127.0.0.1:{port}"
        stop_server(server)
    raise RuntimeError("no S3 server came up")


def answers(server: subprocess.Popen[bytes], url: str) -> bool:
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()  # noqa: S310 loopback
            return True
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    return False


def stop_server(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server, url = start_server(tmp_path_factory.mktemp("s3"))
    try:
        request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")  # noqa: S310 loopback
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 loopback
        yield url
    finally:
        stop_server(server)


@pytest.fixture
def root(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{request.node.name}/lake"


def source(folder: Path, subjects: range, value: float = 1.5) -> str:
    """Write a small MEDS source: each subject has a static row and two measurements."""
    rows = [
        {"subject_id": subject, "time": time, "code": code, "numeric_value": number}
        for subject in subjects
        for time, code, number in (
            (None, "GENDER//F", None),
            (FIRST, "LAB//1", value),
            (LATER, "LAB//2", float(subject)),
        )
    ]
    columns = {
        "subject_id": pa.int64(),
        "time": pa.timestamp("us"),
        "code": pa.string(),
        "numeric_value": pa.float32(),
    }
    folder = folder / "hospital"  # one data set name, one subject id system
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(columns)), folder / "data" / "0.parquet")
    return str(folder)


def load(lake: Lake, name: str) -> commits.Commit | None:
    return ingest(lake, name, CATALOGUE, mapping="meds").load.commit


def test_a_lake_in_a_bucket_is_written_read_verified_and_exported(root: str, tmp_path: Path):
    lake = init(root, subject_ids="source", shard_groups=4)
    assert load(lake, source(tmp_path, range(40))) is not None
    assert load(lake, str(tmp_path / "hospital")) is None, "the same files add nothing"
    lake = open_lake(root)
    with open_view(lake) as view:
        found = view.rows(
            "SELECT code, numeric_value FROM events"
            " WHERE shard_group = ? AND shard = ? AND subject_id = 7 ORDER BY time NULLS FIRST",
            [lake.group_of(shard_of(7)), shard_of(7)],
        )
        report = meds.export(view, tmp_path / "meds")
    assert found == [("GENDER//F", None), ("LAB//1", 1.5), ("LAB//2", 7.0)]
    assert report.rows == 120
    with open_view(lake, 0) as view:
        assert view.rows("SELECT count(*) FROM events") == [(0,)]
    assert verifying.verify(lake).problems == ()


def test_a_second_load_replaces_what_was_corrected_and_keeps_the_old_commit(
    root: str, tmp_path: Path
):
    lake = init(root, subject_ids="source", shard_groups=2)
    load(lake, source(tmp_path / "a", range(10)))
    load(lake, source(tmp_path / "b", range(5, 15), value=2.5))
    counts = [events(lake, at) for at in (1, 2)]
    assert counts == [30, 30 + 15 + 5], "5 new subjects, 5 new values; static rows are known"
    assert verifying.verify(lake).problems == ()


def events(lake: Lake, at: int) -> int:
    with open_view(lake, at) as view:
        return int(view.rows("SELECT count(*) FROM events")[0][0])


def test_a_load_that_died_before_its_commit_is_undone_by_the_next(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = init(root, subject_ids="source", shard_groups=2)
    load(lake, source(tmp_path / "a", range(10)))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    second = source(tmp_path / "b", range(10, 20))
    with monkeypatch.context() as patch:
        patch.setattr(commits, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            load(lake, second)
    assert events(lake, lake.commit().number) == 30
    load(lake, source(tmp_path / "c", range(20, 30)))
    assert lake.commit().number == 2
    assert events(lake, 2) == 60
    assert verifying.verify(lake).problems == ()


def test_a_second_writer_is_told_who_holds_the_lake(root: str):
    store = open_store(root)
    other = writer(open_store(root), "another")
    with (
        writer(store, "ward-7"),
        pytest.raises(LakeBusy, match=r"process \d+ of .*\(ward-7\)"),
        other,
    ):
        pass
    with writer(open_store(root), "another"):
        pass


def test_an_expired_lease_is_taken_over_by_one_writer_and_its_holder_must_not_publish(
    root: str, tmp_path: Path
):
    lake = init(root, subject_ids="source", shard_groups=2)
    mine, theirs = (source(tmp_path / name, range(10)) for name in ("a", "b"))

    def be_suspended(stage: str) -> None:
        if stage == "before commit":
            [(key, _)] = lake.store.list(LEASES)
            card = json.loads(lake.store.read(key))
            lake.store.write(key, json.dumps(card | {"expires": 0}).encode())
            load(open_lake(root), theirs)

    with pytest.raises(LakeBusy, match="took over"):
        ingest(lake, mine, CATALOGUE, mapping="meds", stage=be_suspended)
    assert lake.commit().number == 1
    assert verifying.verify(lake).problems == ()
    with writer(lake.store, "later"):
        assert len(lake.store.list(LEASES)) == 1, "the leases of the past are cleared"


def test_a_lease_is_renewed_while_it_is_held(root: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locking, "LEASE_SECONDS", 0.6)
    store = open_store(root)
    with writer(store, "long load"):
        time.sleep(1.5)
        monkeypatch.setattr(locking, "LEASE_SECONDS", 60)
        with pytest.raises(LakeBusy), writer(open_store(root), "another"):
            pass
        locking.confirm(store)


def test_put_if_absent_lets_one_of_many_win(root: str):
    store = open_store(root)
    self_test(store, writers=16)
    assert store.list("") == [], "the test leaves nothing"


def test_a_repeated_put_whose_answer_was_lost_is_a_success(root: str):
    store = open_store(root)
    assert store.put_if_absent("commits/1", b"mine")
    assert store.put_if_absent("commits/1", b"mine")
    assert not store.put_if_absent("commits/1", b"theirs")
    assert store.read("commits/1") == b"mine"


class Careless(LocalStore):
    """A store that takes every put for the first one, as some S3 imitations do."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.write(key, data)
        return True


def test_a_store_that_lets_two_win_is_refused(tmp_path: Path):
    with pytest.raises(BiolakeError, match="could lose a commit"):
        self_test(Careless(str(tmp_path)))


def test_a_bucket_that_is_not_there_is_named(root: str):
    with pytest.raises(SetupMissing, match=r"s3://nowhere/.*no such bucket"):
        init("s3://nowhere/lake")


def test_an_unknown_key_is_a_missing_file_and_a_lake_that_is_not_there_says_so(root: str):
    store = S3Store(root)
    assert not store.exists("biolake.toml")
    with pytest.raises(FileNotFoundError):
        store.read("biolake.toml")
    with pytest.raises(SetupMissing, match="no lake here"):
        open_lake(root)


def test_refused_credentials_are_an_error_without_the_request(root: str):
    from biolake.lake.store import _refusal

    error = _refusal("PermissionDeniedError", "GET https://host/key?X-Amz-Signature=1", root)
    assert isinstance(error, NotPermitted)
    assert "Signature" not in str(error)


def test_assets_are_packed_in_a_bucket_read_by_range_and_forgotten(
    tmp_path: Path, root: str
) -> None:
    lake = init(root)
    for n in range(3):
        write(tmp_path / "source", f"{n}.beep", subject=f"p{n}", n=n)
    report = take(lake, tmp_path / "source", new_subjects=True)
    assert (report.assets.linked, report.assets.packs) == (3, 1)
    assert take(lake, tmp_path / "source").load.commit is None
    with open_view(lake) as view:
        for row in find_assets(view):
            with StoredContent(view, row.asset_id) as content:
                data = (tmp_path / "source" / content.names[0]).read_bytes()
                assert content.read(content.names[0]) == data
                assert content.path(content.names[0]).read_bytes() == data
        subject = find_assets(view)[0].subject_id
    assert verifying.verify(lake).problems == ()
    assert subject is not None
    assert forget(lake, subject).scan.hits == ()
    assert verifying.verify(lake).problems == ()
    assert len(lake.store.list("packs/")) == 1
