"""Where a lake's index lies, what its state file says, and how it is dropped.

It lies in the folder `index` of a local lake. Of a lake in a bucket it lies in a cache folder of
this machine that is named by the lake's id. Every build writes folders of its own and
then names them in `state.json`, so a build that dies leaves the index before it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from biolake.core.errors import SetupMissing
from biolake.lake import commits
from biolake.lake.lake import Lake

FORMAT = 1  # of the index: another one is built anew
_STATE = "state.json"


@dataclass(frozen=True)
class BuiltPart:
    """One part as it was built."""

    name: str
    folder: str
    rows: int
    commit: int
    built: str
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What the index holds."""

    parts: Mapping[str, BuiltPart] = field(default_factory=dict)


def home_of(lake: Lake) -> Path:
    """Return the folder of a lake's index; it need not exist."""
    if not lake.root.startswith("s3://"):
        return Path(lake.root) / "index"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "biolake" / "index" / lake.lake_id


def read_state(lake: Lake) -> State | None:
    """Return the state of a lake's index, None where there is none that may be used.

    An index that was built before a subject was forgotten is removed here, wherever it lies: this
    machine may not be the one that forgot.
    """
    home = home_of(lake)
    try:
        raw = json.loads((home / _STATE).read_text(encoding="utf-8"))
        if raw["format"] != FORMAT or raw["lake"] != lake.lake_id:
            return None
        parts = {name: BuiltPart(**part) for name, part in raw["parts"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if parts and _forgot_since(lake, min(part.commit for part in parts.values())):
        drop(lake)
        return None
    return State(parts)


def _forgot_since(lake: Lake, commit: int) -> bool:
    numbers = commits.numbers(lake.store)
    later = [number for number in numbers if number > commit]
    if not numbers or commit > numbers[-1]:
        return True  # the lake is not the one it was
    return any(commits.read(lake.store, number).kind == "forget" for number in later)


def require_state(lake: Lake) -> State:
    state = read_state(lake)
    if state is None or not state.parts:
        raise SetupMissing(
            "the lake has no search index", where=lake.root, next="Build it: biolake index build"
        )
    return state


def write_state(lake: Lake, state: State) -> None:
    """Make these the parts of the index, in one step, and remove the folders of no part."""
    home = make_home(lake)
    content = {
        "format": FORMAT,
        "lake": lake.lake_id,
        "parts": {name: asdict(part) for name, part in sorted(state.parts.items())},
    }
    part = home / f".{_STATE}-{secrets.token_hex(4)}"
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, home / _STATE)
    clear(lake, state)


def clear(lake: Lake, state: State) -> None:
    """Remove what builds that died have left, and what newer ones replaced."""
    named = {part.folder for part in state.parts.values()} | {_STATE}
    for path in home_of(lake).iterdir():
        if path.name not in named:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def make_home(lake: Lake) -> Path:
    """Return the folder of the index, which only its owner may read: it holds what notes say."""
    home = home_of(lake)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    return home


def drop(lake: Lake) -> bool:
    """Remove the index; say whether there was one."""
    home = home_of(lake)
    if not home.exists():
        return False
    shutil.rmtree(home)
    return True


def size_of(lake: Lake, part: BuiltPart) -> int:
    """Return the bytes of a part's files."""
    folder = home_of(lake) / part.folder
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
