"""Every file of a source in order of their names, and why one cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from biolake.core.reading import SourceFile

HEAD = 4096


def walk(root: Path, used: set[str]) -> Iterator[tuple[SourceFile, str]]:
    """Yield the files of a source in order of their names, with why one is barred."""
    if root.is_file():
        if os.path.realpath(root) not in used:
            yield SourceFile(root, root.name), ""
        return
    home = os.path.realpath(root)
    folders = [(home, "")]
    while folders:
        folder, before = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted((e for e in found if not e.name.startswith(".")), key=_name)
        except OSError as error:  # the rest of the source is there all the same
            file = SourceFile(folder, _sayable(before.removesuffix("/") or root.name))
            yield file, f"the folder cannot be read ({type(error).__name__})"
            continue
        entries = [e for e in entries if e.path not in used]
        inner = {e.name: e for e in entries if _is_folder(e)}
        folders += [(e.path, f"{before}{e.name}/") for e in reversed(inner.values())]
        for entry in entries:
            if entry.name not in inner and not _leads_to(entry, used):
                yield _named(entry, before + entry.name, home)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _leads_to(entry: os.DirEntry[str], used: set[str]) -> bool:
    """Tell whether a link leads to a folder of which the records' reading uses files."""
    if not entry.is_symlink() or not os.path.isdir(entry.path):
        return False
    folder = os.path.realpath(entry.path)
    return folder in used or any(path.startswith(folder + os.sep) for path in used)


def _sayable(name: str) -> str:
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def _named(entry: os.DirEntry[str], name: str, home: str) -> tuple[SourceFile, str]:
    said = _sayable(name)
    file = SourceFile(entry.path, said)
    if said != name:
        return file, "the file's name is not UTF-8"
    if entry.is_symlink() and not os.path.realpath(entry.path).startswith(home + os.sep):
        return file, "a link that leads out of the source"
    try:
        if entry.is_symlink() and entry.is_dir():
            return file, "a link to a folder is not followed"
        return file, "" if entry.is_file() else "no plain file"
    except OSError as error:
        if entry.is_symlink():
            return file, "a link that leads nowhere"
        return file, f"the file cannot be read ({type(error).__name__})"


def head_of(path: str | Path) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read(HEAD)
