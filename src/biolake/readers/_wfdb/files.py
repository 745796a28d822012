"""The files of one record: found by the names its headers give, and never outside its folder."""

from __future__ import annotations

from biolake.core.assets import Content
from biolake.core.errors import SourceUnreadable
from biolake.readers._wfdb.header import Header, read_header


class RecordFiles:
    """Reads a record's files by the names its headers use; each is read once."""

    def __init__(self, content: Content) -> None:
        self._content = content
        folder, slash, _ = content.names[0].rpartition("/")
        self._folder = folder + slash
        self._bytes: dict[str, bytes] = {}

    def header(self, record: str) -> Header:
        """Return the header of a record of this folder."""
        return read_header(self.read(f"{record}.hea"))

    def read(self, name: str) -> bytes:
        """Return a file's bytes; `SourceUnreadable` when the record has no such file."""
        found = self._bytes.get(name)
        if found is None:
            found = self._bytes[name] = self._read(name)
        return found

    def _read(self, name: str) -> bytes:
        try:
            return self._content.read(self._folder + inside(name))
        except FileNotFoundError:
            raise missing(name) from None


def inside(name: str) -> str:
    """Return a name given in a header; refuse one that leaves the record's folder."""
    parts = name.split("/")
    if "" in parts or ".." in parts or "." in parts or any(sign in name for sign in "\\:\0"):
        raise SourceUnreadable("the header names a file by a path that may leave its folder")
    return name


def missing(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{name}, which the header names, is not there",
        next="Put the record's files in the header's folder.",
    )
