"""The search index under `index/`: derived from the tables, so it may go and be made again."""

from __future__ import annotations

import shutil

from biolake.lake.lake import Lake
from biolake.lake.store import LocalStore

FOLDER = "index"


def drop_index(lake: Lake) -> int:
    """Remove the search index whole, from a folder or a bucket; return how many files it had."""
    keys = [key for key, _ in lake.store.list(f"{FOLDER}/")]
    for key in keys:
        lake.store.delete(key)
    if isinstance(lake.store, LocalStore):  # of an index no empty folder may stay
        shutil.rmtree(lake.store.path / FOLDER, ignore_errors=True)
    return len(keys)
