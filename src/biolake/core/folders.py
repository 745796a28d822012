"""Folders that appear whole or not at all: written beside their name, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biolake.core.errors import WrongUse


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """Lend an empty folder beside `out` that becomes `out` when the block ends without an error.

    The folder lent is absolute: Arrow reads a relative path with a colon as a URI.
    """
    out = out.expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongUse(
            "the folder is not empty" if out.is_dir() else "there is a file of this name",
            where=str(out),
            next="Name a folder that is new or empty; nothing is overwritten.",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield unfinished
        unfinished.chmod(0o777 & ~_umask())
        os.replace(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
