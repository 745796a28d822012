"""Packs: plain tar files that hold the original bytes of assets, in members of their own.

A member is named `<asset_id>.<number>.<suffix>`, as WebDataset groups them, and the index keeps the
offset of its data: a read is one ranged read, and any tar tool opens a pack. The format is POSIX
ustar (IEEE Std 1003.1, pax); a member above 8 GiB has its size in GNU's base 256.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.lake.store import Store

FOLDER = "packs"
LARGEST = 256 << 20
BLOCK = 512
_COPY = 1 << 20
_END = bytes(2 * BLOCK)
_OWNERLESS = b"0000444\0" + b"0000000\0" * 2  # mode, user, group
_DATELESS = b"00000000000\0"
_LONGEST_SUFFIX = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes lie: a pack, and the part of it that is theirs."""

    pack: str
    offset: int
    length: int


def member_name(asset_id: str, number: int, name: str) -> str:
    """Return what a file is called in its pack: nothing of its own name but the suffix."""
    suffixes = name.rpartition("/")[2].lower().split(".")[1:][-2:]
    if suffixes[-1:] != ["gz"] or suffixes[0].isdigit():
        suffixes = suffixes[-1:]
    suffix = ".".join(suffixes)
    plain = suffix.replace(".", "")
    if not plain.isascii() or not plain.isalnum() or len(suffix) > _LONGEST_SUFFIX:
        suffix = "bin"
    return f"{asset_id}.{number:04d}.{suffix}"


class PackWriter:
    """Packs under construction in a scratch folder; each goes to the store when it is full."""

    def __init__(self, store: Store, scratch: Path, label: str, *, largest: int = LARGEST) -> None:
        self._store, self._scratch, self._label, self._largest = store, scratch, label, largest
        self._stream: BinaryIO | None = None
        self._path = scratch / "pack.tar"
        self._key = ""
        self._size = 0
        self._whole: tuple[str | Path, int] | None = None  # a file of many parts, open
        self.written: list[str] = []
        self.bytes = 0

    def begin(self, sizes: Sequence[int]) -> None:
        """Start a new pack if these files, which belong together, would fit into one but not here.

        Members of one asset then lie side by side.
        """
        need = sum(BLOCK + _padded(size) for size in sizes) + len(_END)
        if self._size and self._size + need > self._largest:
            self.close()

    def add(self, name: str, file: SourceFile) -> Place:
        """Copy a file in; refuse the load if its bytes are not those that were planned."""

        def copy(out: BinaryIO) -> int:
            try:
                if file.inside:
                    return self._copy_part(out, file)
                with open(file.place, "rb", buffering=0) as source:
                    return _copy(source, out, file)
            except FileNotFoundError as error:
                raise _changed(file, type(error).__name__) from None

        return self._member(name, file.size, copy)

    def _copy_part(self, out: BinaryIO, file: SourceFile) -> int:
        """Copy a part of a file that holds many, kept open for the next part of it."""
        if self._whole is None or self._whole[0] != file.place:
            self._let_go()
            self._whole = (file.place, os.open(file.place, os.O_RDONLY))
        left, at, digest = file.size, file.start, hashlib.sha256()
        while left and (block := os.pread(self._whole[1], min(left, _COPY), at)):
            digest.update(block)
            out.write(block)
            left, at = left - len(block), at + len(block)
        if digest.hexdigest() != file.content_hash:
            raise _changed(file, "other bytes than before")
        return file.size - left

    def _let_go(self) -> None:
        if self._whole is not None:
            os.close(self._whole[1])
            self._whole = None

    def add_part(self, name: str, size: int, copy: Callable[[BinaryIO], int]) -> Place:
        """Write a member of this size by a function that writes it and returns what it wrote."""
        return self._member(name, size, copy)

    def _member(self, name: str, size: int, copy: Callable[[BinaryIO], int]) -> Place:
        self.begin([size])
        stream = self._stream or self._open()
        stream.write(_header(name, size))
        offset = self._size + BLOCK
        if copy(stream) != size:
            raise SourceUnreadable(
                "a file changed while it was read", next="Nothing was stored. Try again."
            )
        stream.write(bytes(_padded(size) - size))
        self._size = offset + _padded(size)
        self.bytes += size
        return Place(self._key, offset, size)

    def _open(self) -> BinaryIO:
        number = len(self.written) + 1
        self._key = f"{FOLDER}/{self._label}-{number:04d}-{secrets.token_hex(4)}.tar"
        self._stream = self._path.open("wb", buffering=_COPY)
        self._size = 0
        return self._stream

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *failure: object) -> None:
        """Let go of a pack that was not finished: its load failed."""
        self._let_go()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        """Finish the pack under construction, if any, and store it."""
        self._let_go()
        if self._stream is None:
            return
        self._stream.write(_END)
        self._stream.close()
        self._stream = None
        self._store.upload(self._path, self._key)
        self.written.append(self._key)
        self._size = 0


def _copy(source: FileIO, out: BinaryIO, file: SourceFile) -> int:
    digest, size = hashlib.sha256(), 0
    step = min(_COPY, file.size + 1)  # no larger buffer than needed
    while block := source.read(step):
        digest.update(block)
        out.write(block)
        size += len(block)
    if digest.hexdigest() != file.content_hash:
        raise _changed(file, "other bytes than before")
    return size


def _changed(file: SourceFile, how: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"the file changed while it was read ({how})",
        where=file.name,
        next="Nothing was stored. Try again when nobody writes to the source.",
    )


def _header(name: str, size: int) -> bytes:
    """Return the ustar header of a plain file that anybody may read, without owner or date."""
    if size >= 1 << 33:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o444
        return info.tobuf(tarfile.GNU_FORMAT)
    head = name.encode().ljust(100, b"\0") + _OWNERLESS + b"%011o\0" % size + _DATELESS
    tail = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
    checksum = sum(head) + 8 * ord(" ") + sum(tail)
    return head + b"%06o\0 " % checksum + tail


def _padded(size: int) -> int:
    return size + -size % BLOCK


def read_at(handle: int, offset: int, length: int) -> bytes:
    """Read a part of an open local file."""
    data = os.pread(handle, length, offset)
    while len(data) < length:
        more = os.pread(handle, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
