"""One lake with a tiny laboratory in it, for every test that only reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.source import loaded


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loaded(tmp_path_factory.mktemp("cli"))


@pytest.fixture(autouse=True)
def _no_lake_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIOLAKE_LAKE", raising=False)
    monkeypatch.delenv("BIOLAKE_DEBUG", raising=False)
