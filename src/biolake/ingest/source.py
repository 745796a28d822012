"""A source as the user names it: a folder, a file, or an archive, opened safely and hashed."""

from __future__ import annotations

import errno
import hashlib
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from biolake.core.errors import SourceUnreadable, WrongUse
from biolake.core.reading import SourceFile

# RuntimeError: it needs a password; NotImplementedError: a kind of compression Python has not.
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError,
    RuntimeError, NotImplementedError,
)  # fmt: skip
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def open_source(name: str, scratch: Path) -> Path:
    """Return the folder or file to read: the source itself, or the archive's content unpacked."""
    path = Path(name).expanduser()
    if not path.exists():
        raise WrongUse("there is no such file or folder", where=name, next="Check the path.")
    if path.is_file() and path.name.lower().endswith(_ARCHIVES):
        # Some readers call a source after its folder: it is called as the archive is.
        return _unpack(path, scratch / "unpacked" / path.name)
    return path.resolve()


def _unpack(archive: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(".zip"):
            _unzip(archive, target)
        else:
            _untar(archive, target)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SourceUnreadable(
            f"the archive cannot be unpacked ({type(error).__name__})",
            where=archive.name,
            next="Nothing was read. Check that the file is whole and has no password, and copy it"
            " again.",
        ) from error
    children = list(target.iterdir())
    return children[0] if len(children) == 1 and children[0].is_dir() else target


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            link = stat.S_ISLNK(member.external_attr >> 16)
            goal = _inside(target, member.filename, archive.name, link=link)
            if member.is_dir():
                goal.mkdir(parents=True, exist_ok=True)
                continue
            goal.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as packed, goal.open("wb") as out:
                shutil.copyfileobj(packed, out)


def _untar(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as opened:
        for member in opened:
            special = not (member.isreg() or member.isdir())
            goal = _inside(target, member.name, archive.name, link=special)
            if member.isdir():
                goal.mkdir(parents=True, exist_ok=True)
                continue
            goal.parent.mkdir(parents=True, exist_ok=True)
            packed = opened.extractfile(member)
            if packed is not None:
                with packed, goal.open("wb") as out:
                    shutil.copyfileobj(packed, out)


def _inside(target: Path, name: str, archive: str, *, link: bool) -> Path:
    """Return where a member goes; refuse names that climb out, and links and devices."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[:1] or link:
        what = "is a link or a device" if link else "climbs out of the archive"
        raise SourceUnreadable(
            f"the member '{name}' {what}",
            where=archive,
            next="Nothing was read. Ask the sender for an archive of plain files.",
        )
    return target.joinpath(*parts.parts)


def hashed(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files with the SHA-256 of their content and their size."""
    return tuple(
        replace(file, content_hash=_content_hash(file.path), size=_size(file.path))
        for file in files
    )


def _content_hash(path: Path) -> str:
    if path.is_dir():  # a table in parts: the hash of its members' names and hashes
        digest = hashlib.sha256()
        for part in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{part.relative_to(path)}\0{_content_hash(part)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size
