"""Files that no commit needs: left by loads that died, or held by redacted commits only."""

from __future__ import annotations

from biolake.lake import commits
from biolake.lake.lake import SECRET, Lake
from biolake.lake.locking import confirm
from biolake.lake.transaction import SCHEMAS

LOG = "/_delta_log/"


def leftovers(lake: Lake) -> list[str]:
    """Return the files in table folders that no commit names, redacted commits aside.

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
    return [key for key in table_files(lake) if key not in named]


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
