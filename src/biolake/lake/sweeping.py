"""Files that no commit needs: left by loads that died, or held by redacted commits only."""

from __future__ import annotations

from collections.abc import Sequence

from biolake.lake import commits
from biolake.lake.commits import Commit
from biolake.lake.lake import SECRET, Lake
from biolake.lake.locking import confirm
from biolake.lake.packs import FOLDER
from biolake.lake.repacking import packs_named
from biolake.lake.transaction import SCHEMAS

LOG = "/_delta_log/"


def leftovers(lake: Lake) -> list[str]:
    """Return the files in table folders and the packs that no commit names, redacted ones aside.

    Files being written now are among them, so only the holder of the write lock may remove any.
    """
    store = lake.store
    history = [commits.read(store, number) for number in commits.numbers(store)]
    redacted = {number for commit in history for number in commit.redacts}
    named = {
        file.path
        for commit in history
        if commit.number not in redacted
        for state in commit.tables.values()
        for file in state.files
    }
    return [key for key in table_files(lake) if key not in named] + _packs(lake, history, redacted)


def _packs(lake: Lake, history: Sequence[Commit], redacted: set[int]) -> list[str]:
    """Return the packs of which no commit lists a part, redacted commits aside."""
    stored = [key for key, _ in lake.store.list(f"{FOLDER}/")]
    if not stored:
        return []
    files = {
        file.path: file
        for commit in history
        if commit.number not in redacted and "asset_files" in commit.tables
        for file in commit.tables["asset_files"].files
    }
    named = packs_named(lake, files.values())
    return sorted(key for key in stored if key not in named)


def table_files(lake: Lake) -> list[str]:
    """Return every file in a table folder that is not part of its Delta log."""
    found = (key for name in SCHEMAS for key, _ in lake.store.list(f"{name}/"))
    return sorted(key for key in found if LOG not in key and key != SECRET)


def sweep(lake: Lake) -> list[str]:
    """Remove the leftovers and return them. The caller holds the write lock."""
    swept = leftovers(lake)
    confirm(lake.store)
    for key in swept:
        lake.store.delete(key)
    return swept
