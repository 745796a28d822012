"""Notes of tables and messages, written behind one another into a scratch file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.reading import SourceFile


class Spool:
    """A scratch file that notes lie in. It lives as long as the load: packs are copied from it."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._path, self._size = scratch, Path(), 0

    def write(self, texts: pa.Array, name: str) -> Iterator[SourceFile]:
        """Append texts, none of them null, and yield the place of each under the name given."""
        texts = texts.cast(pa.large_string())
        offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
        first = int(offsets[0]) if len(texts) else 0
        data = memoryview(texts.buffers()[2] or b"")[first : int(offsets[-1])]
        start = self._append(data)
        place = str(self._path)
        ends = (offsets - first).tolist()
        for begin, end in pairwise(ends):
            digest = hashlib.sha256(data[begin:end]).hexdigest()
            yield SourceFile(
                place, name, digest, size=end - begin, start=start + begin, inside=True
            )

    def add(self, data: bytes, name: str) -> SourceFile:
        """Append the bytes of one note, and return its place under the name given."""
        start = self._append(memoryview(data))
        digest = hashlib.sha256(data).hexdigest()
        return SourceFile(str(self._path), name, digest, "", len(data), start, inside=True)

    def _append(self, data: memoryview) -> int:
        """Write at the end of the file and return where the data begin."""
        if not self._size:
            self._scratch.mkdir(parents=True, exist_ok=True)
            taken = len(list(self._scratch.glob("notes-*.txt")))
            self._path = self._scratch / f"notes-{taken:04d}.txt"
        with self._path.open("ab") as stream:
            stream.write(data)
        start, self._size = self._size, self._size + len(data)
        return start
