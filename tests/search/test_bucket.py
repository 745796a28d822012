"""Of a lake in a bucket the index lies on the machine that searches, and goes when it must."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lake.test_s3 import BUCKET, SETTINGS, start_server, stop_server
from tests.search.hospital import build, lake_of, made_notes, searched

from biolake.lake.forgetting import forget
from biolake.search.home import home_of, read_state

NOTES = made_notes(12, 6)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server, url = start_server(tmp_path)
    try:
        request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")  # noqa: S310 loopback
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 loopback
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/search/lake"
    finally:
        stop_server(server)


def test_the_index_lies_in_a_cache_that_is_named_by_the_lake(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lake = lake_of(root, NOTES)
    build(lake, ["notes"])
    home = tmp_path / "cache" / "biolake" / "index" / lake.lake_id
    assert home_of(lake) == home
    assert home.is_dir()
    assert not any(key.startswith("index/") for key, _ in lake.store.list(""))
    assert searched(lake, "takotsubo") == [NOTES[4].asset_id]
    forget(lake, NOTES[4].subject or 0)
    assert read_state(lake) is None
    assert not home.exists()
