from __future__ import annotations

from pathlib import Path

import pytest
from tests.lake.build import NUMBERED, chunk, event, load
from tests.retrieval.build import NOON

from biolake.lake.lake import Lake, init


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of subjects 1 to 12 (ids as in the source), in several shard groups."""
    root = str(Path(tmp_path_factory.mktemp("retrieval")) / "lake")
    made = init(root, subject_ids="source", shard_groups=4)
    rows = [event(str(n), n, code="MEDS_BIRTH", time=NOON.replace(year=2100)) for n in range(1, 13)]
    load(made, chunk(rows), subjects=NUMBERED)
    return made
