"""Stored files of a bucket as DuckDB reads them: by ranges, asking for nothing it knows already.

A file named by a commit never changes and the commit holds its size, so that neither its existence
nor its size nor its age is asked for: only the bytes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

from biolake.lake.store import S3Store

BLOCK = 1 << 20  # bytes read ahead: most column chunks of a row group fit
_UNCHANGED = datetime(1970, 1, 1, tzinfo=UTC)


class BucketFiles(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """The files of one lake; `sizes` are those a commit states, by key."""

    protocol = "s3"
    cachable = False

    def __init__(self, store: S3Store, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.store, self._sizes = store, dict(sizes)
        self._root = self._strip_protocol(store.root)

    def key(self, path: str) -> str:
        return str(self._strip_protocol(path)).removeprefix(f"{self._root}/")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        key = self.key(path)
        if key not in self._sizes:
            self._sizes[key] = self.store.size(key)
        return {"name": self._strip_protocol(path), "size": self._sizes[key], "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the path itself: views name every file in full."""
        return [str(self._strip_protocol(path))]

    def modified(self, path: str) -> datetime:
        return _UNCHANGED

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Ranges:
        return Ranges(self, path, mode, BLOCK, size=self.info(path)["size"])


class Ranges(AbstractBufferedFile):  # type: ignore[misc] # fsspec has no types
    """One file of a bucket, open for reading."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        files: BucketFiles = self.fs
        return files.store.read_range(files.key(self.path), start, end)
