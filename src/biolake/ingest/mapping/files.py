"""Which files of a source folder a mapping's names stand for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile

LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")  # a JSON object a line
SUFFIXES = (".csv.gz", ".tsv.gz", ".txt.gz", ".csv", ".tsv", ".txt", ".parquet", *LINES)
_SUFFIX = re.compile("(" + "|".join(re.escape(suffix) for suffix in SUFFIXES) + ")$")


def stem_of(name: str) -> str:
    """Return a file's path in lower case without the ending that says how it is written."""
    return _SUFFIX.sub("", name.lower())


def is_table(name: str) -> bool:
    """Say whether a file is one that a table may lie in, by its name."""
    return bool(_SUFFIX.search(name.lower()))


@dataclass(frozen=True)
class Folder:
    """The files of a source, found once."""

    root: Path
    files: tuple[SourceFile, ...]

    def match(self, pattern: str) -> tuple[SourceFile, ...]:
        """Return the files a mapping's `file` stands for, in the order of their names."""
        stem = stem_of(pattern)
        keys = {file.name: _table_key(file.name, stem) for file in self.files}
        found = {name: key for name, key in keys.items() if key is not None}
        _refuse_twins(found, pattern)
        return tuple(file for file in self.files if file.name in found)


def find_files(source: Path) -> Folder:
    """List a source: a folder with everything below it, or one file."""
    source = source.absolute()
    if source.is_file():
        return Folder(source.parent, (_source_file(source, source.parent),))
    if not source.is_dir():
        raise SourceUnreadable("no such file or folder", where=str(source))
    return Folder(source, tuple(sorted(_below(str(source), ""), key=_parts)))


def _below(folder: str, before: str) -> Iterator[SourceFile]:
    """Yield the files below a folder; what is hidden, and folders behind links, are left out."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, f"{before}{entry.name}/")
        elif _is_file(entry):
            yield _named(entry.path, before + entry.name, entry.stat().st_size)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _parts(file: SourceFile) -> list[str]:
    return file.name.split("/")


def _source_file(path: Path, root: Path) -> SourceFile:
    return _named(path, path.relative_to(root).as_posix(), path.stat().st_size)


def _named(path: str | Path, name: str, size: int) -> SourceFile:
    # A name that is not UTF-8 is shown with its bytes as \xff.
    if not name.isascii():
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return SourceFile(path, name, size=size)


def _table_key(name: str, stem: str) -> str | None:
    """Return the table that a file belongs to: its own stem, or the folder of a Parquet part."""
    if not is_table(name):
        return None
    if fnmatchcase(stem_of(name), stem):
        return stem_of(name)
    folder = name.lower().rpartition("/")[0]
    is_part = name.lower().endswith(".parquet") and fnmatchcase(folder, stem)
    return folder if is_part else None


def _refuse_twins(keys: dict[str, str], pattern: str) -> None:
    """Refuse a table that lies there twice, as .csv and .csv.gz: it would be read twice."""
    seen: dict[str, str] = {}
    for name, key in keys.items():
        other = seen.setdefault(key, name)
        both_parts = key not in (stem_of(name), stem_of(other))
        if other != name and not both_parts:
            raise SourceUnreadable(
                f"'{pattern}' is there twice: {other} and {name}",
                next="Leave one of them in the folder.",
            )
