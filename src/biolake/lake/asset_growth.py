"""What becomes of a stored asset when its source gives other bytes under the same name.

A volume grows: its new files join the old ones, and one that bears the key of an old one (a SOP
Instance UID) takes its place. Anything else is replaced: the source corrected it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from biolake.core.assets import FoundAsset
from biolake.core.reading import SourceFile

DOUBLE = "another file of this load has the same identity in its source and other bytes"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an asset: its name in the source, its content, and the hash of its key."""

    name: str
    sha: str
    key: str | None = None


def told_apart(found: FoundAsset) -> tuple[list[tuple[SourceFile, str]], list[SourceFile]]:
    """Return the files that differ in content with their keys, and those that must go.

    Of files with one key and different bytes the first by name is kept. Raises `ValueError` where
    the keys are not one a file.
    """
    keys = found.file_keys or ("",) * len(found.files)
    first: dict[str, SourceFile] = {}
    contents: set[str] = set()
    kept: list[tuple[SourceFile, str]] = []
    doubles: list[SourceFile] = []
    for file, key in zip(found.files, keys, strict=True):
        if key and file.name < first.setdefault(key, file).name:
            first[key] = file
    for file, key in zip(found.files, keys, strict=True):
        if key and first[key].content_hash != file.content_hash:
            doubles.append(file)
        elif file.content_hash not in contents:
            contents.add(file.content_hash)
            kept.append((file, key))
    return kept, doubles


def after(
    mine: Sequence[Member], held: Sequence[Member], told: Collection[str], *, volume: bool
) -> list[Member]:
    """Return the files an asset has now: `mine` were found, `held` are stored, `told` came before.

    A file told before never takes the place of one that corrected it.
    """
    fresh = [member for member in mine if member.sha not in told]
    if not volume:
        return list(mine) if fresh else list(held)
    renewed = {member.key for member in fresh if member.key}
    kept = {m.sha: m for m in held if m.key is None or m.key not in renewed}
    known = {member.key for member in kept.values() if member.key} | renewed
    new = [m for m in mine if m.sha not in told or m.sha in kept or m.key not in known]
    named = {m.sha: m for m in new}
    return list((named | {sha: m for sha, m in kept.items() if sha not in named}).values())
