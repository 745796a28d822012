"""Read assets: find them by what they are and whose, and get their bytes from the packs."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np

from biolake.core.errors import LakeDamaged, WrongUse
from biolake.core.schema import ASSETS
from biolake.lake.door import View
from biolake.lake.lake import Lake
from biolake.lake.packs import Place, read_at
from biolake.lake.store import LocalStore, S3Store, Store

_OPEN_FILES = 64
_AHEAD = 16 << 20
# An asset of many samples has no subject of its own, and waits for none.
_WAITS = "subject_id IS NULL AND asset_id NOT IN (SELECT asset_id FROM asset_samples)"
_COLUMNS = tuple(name for name in ASSETS.names if name != "subject_key")


@dataclass(frozen=True)
class AssetRow:
    """One asset as the index knows it."""

    asset_id: str
    subject_id: int | None
    encounter_id: int | None
    time: datetime | None
    end_time: datetime | None
    modality: str
    format: str
    kind: str | None
    seconds: float | None
    rate: float | None
    channels: int | None
    shape: tuple[int, ...]
    units: str | None
    device: str | None
    attributes: Mapping[str, Any]
    files: int
    bytes: int
    site_id: str
    load_id: str
    source_key: str


def find_assets(
    view: View,
    *,
    ids: Sequence[str] | None = None,
    subject: int | None = None,
    modality: str | None = None,
    linked: bool | None = None,
    limit: int | None = None,
) -> list[AssetRow]:
    """Return the assets that fit, by subject and time; `ids` may be cut short at the end."""
    tests: list[str] = []
    values: list[Any] = []
    if ids is not None:
        whole = [name for name in ids if len(name) == 64]
        parts = [name for name in ids if len(name) != 64]
        begins = " OR len(list_filter(?, lambda p: starts_with(asset_id, p))) > 0" if parts else ""
        tests.append(f"(asset_id IN (SELECT unnest(?::VARCHAR[])){begins})")
        values += [whole, *([parts] if parts else [])]
    if subject is not None:
        tests.append("subject_id = ?")
        values.append(subject)
    if modality is not None:
        tests.append("modality = ?")
        values.append(modality)
    if linked is not None:
        tests.append("subject_id IS NOT NULL" if linked else _WAITS)
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    cut = "" if limit is None else f" LIMIT {int(limit)}"
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    order = " ORDER BY subject_id NULLS LAST, time NULLS FIRST, asset_id"
    rows = view.rows(f"SELECT {names} FROM assets{where}{order}{cut}", values)  # noqa: S608 - ours
    return [_row(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _row(values: dict[str, Any]) -> AssetRow:
    values["shape"] = tuple(values["shape"] or ())
    values["attributes"] = json.loads(values["attributes"])
    return AssetRow(**values)


@dataclass(frozen=True)
class AssetFile:
    """One file of an asset: its path in the source it came from, and where its bytes lie."""

    name: str
    sha256: str
    place: Place


def asset_files(view: View, asset_id: str) -> list[AssetFile]:
    """Return the files of one asset, the one that opens it first."""
    rows = view.rows(
        'SELECT name, sha256, pack, "offset", length FROM asset_files WHERE asset_id = ?'
        " ORDER BY number",
        [asset_id],
    )
    if not rows:
        raise WrongUse("the lake holds no such asset", next="List them: biolake assets list")
    return [AssetFile(name, sha, Place(*place)) for name, sha, *place in rows]


class AssetIndex:
    """Where the files of every asset lie, in memory: built once, then each look-up is immediate.

    It takes some 100 bytes a file. `number` 0 is the file that opens the asset.
    """

    def __init__(self, view: View) -> None:
        table = view.table(
            'SELECT asset_id, pack, "offset", length FROM asset_files ORDER BY asset_id, number'
        )
        ids = table["asset_id"].to_numpy(zero_copy_only=False).astype("S64")
        packs = table["pack"].combine_chunks().dictionary_encode()
        self._packs: list[str] = packs.dictionary.to_pylist()
        self._pack = packs.indices.to_numpy(zero_copy_only=False)
        self._offset, self._length = table["offset"].to_numpy(), table["length"].to_numpy()
        self.ids, self._first = np.unique(ids, return_index=True)
        self._last = np.append(self._first[1:], len(ids))

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, asset_id: str) -> list[Place]:
        """Return the places of an asset's files; `KeyError` when there is none of this id."""
        name = asset_id.encode()
        at = int(np.searchsorted(self.ids, name))
        if at == len(self.ids) or self.ids[at] != name:
            raise KeyError(asset_id)
        return [
            Place(self._packs[self._pack[n]], int(self._offset[n]), int(self._length[n]))
            for n in range(int(self._first[at]), int(self._last[at]))
        ]


class PackReader:
    """Reads parts of packs: a local pack stays open for the next read, a bucket's is asked."""

    def __init__(self, lake: Lake) -> None:
        self._store: Store = lake.store
        self._handles: OrderedDict[str, int] = OrderedDict()
        self._held: tuple[str, int, bytes] = ("", 0, b"")  # a part read ahead: pack, offset, bytes

    def __enter__(self) -> PackReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def read(self, pack: str, offset: int, length: int) -> bytes:
        """Return a part of a pack; `LakeDamaged` when it is not all there."""
        if length == 0:
            return b""
        name, start, held = self._held
        if name == pack and start <= offset and offset + length <= start + len(held):
            return held[offset - start : offset - start + length]
        return self._read(pack, offset, length)

    def ahead(self, places: Sequence[Place]) -> None:
        """Read in one pass what will be asked for, where it lies together in one pack."""
        self._held = ("", 0, b"")
        if not places or len({place.pack for place in places}) > 1:
            return
        first = min(place.offset for place in places)
        length = max(place.offset + place.length for place in places) - first
        if length <= _AHEAD:
            with suppress(LakeDamaged):  # who reads the damaged part is told
                self._held = (places[0].pack, first, self._read(places[0].pack, first, length))

    def _read(self, pack: str, offset: int, length: int) -> bytes:
        try:
            if isinstance(self._store, S3Store):
                data = self._store.read_range(pack, offset, offset + length)
            else:
                data = read_at(self._handle(pack), offset, length)
        except FileNotFoundError:
            raise self._damaged(pack, "a pack is missing") from None
        if len(data) != length:
            raise self._damaged(pack, "a pack is cut short")
        return data

    def _handle(self, pack: str) -> int:
        handle = self._handles.get(pack)
        if handle is not None:
            self._handles.move_to_end(pack)
            return handle
        if len(self._handles) >= _OPEN_FILES:
            os.close(self._handles.popitem(last=False)[1])
        assert isinstance(self._store, LocalStore)  # noqa: S101 - there are two kinds of store
        handle = self._handles[pack] = os.open(self._store.path / pack, os.O_RDONLY)
        return handle

    def _damaged(self, pack: str, what: str) -> LakeDamaged:
        return LakeDamaged(what, where=self._store.uri(pack), next="Check the lake: biolake verify")


class StoredContent:
    """The bytes of one stored asset, as its reader wants them (`core.assets.Content`).

    Names are those of the source, less the folder all files share. Close it, or use it in a
    `with` block, to remove what `path` wrote.
    """

    def __init__(
        self,
        view: View,
        asset_id: str,
        *,
        packs: PackReader | None = None,
        files: Sequence[AssetFile] | None = None,
    ) -> None:
        self._files = dict(_named(asset_files(view, asset_id) if files is None else files))
        self.names: tuple[str, ...] = tuple(self._files)
        self._own = packs is None
        self._packs = packs or PackReader(view.lake)
        self._lake = view.lake
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> StoredContent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, name: str) -> bytes:
        """Return one file whole; `FileNotFoundError` when the asset has none of that name."""
        place = self._place(name)
        return self._packs.read(place.pack, place.offset, place.length)

    def part(self, name: str, start: int, length: int) -> bytes:
        """Return some bytes of a file by one ranged read; fewer where the file ends before."""
        place = self._place(name)
        length = max(0, min(length, place.length - start))
        return self._packs.read(place.pack, place.offset + start, length)

    def _place(self, name: str) -> Place:
        try:
            return self._files[name].place
        except KeyError:
            raise FileNotFoundError(name) from None

    def path(self, name: str) -> Path:
        """Return a local file with these bytes, under its own name; it lies there until `close`."""
        if name not in self._files:
            raise FileNotFoundError(name)
        if self._scratch is None:
            # Named as readers' spill is, so that a writer clearing its scratch leaves it alone.
            self._scratch = tempfile.TemporaryDirectory(prefix="content-", dir=self._home())
        target = Path(self._scratch.name) / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{secrets.token_hex(4)}")
            self._copy(self._files[name].place, part)
            part.rename(target)
        return target

    def _copy(self, place: Place, target: Path) -> None:
        with target.open("wb") as out:
            for start in range(0, place.length, 1 << 24):
                length = min(1 << 24, place.length - start)
                out.write(self._packs.read(place.pack, place.offset + start, length))

    def _home(self) -> str | None:
        if not isinstance(self._lake.store, LocalStore):
            return None
        home = self._lake.store.path / "scratch"
        home.mkdir(exist_ok=True)
        return str(home)

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        if self._own:
            self._packs.close()


def _named(files: Sequence[AssetFile]) -> list[tuple[str, AssetFile]]:
    """Name the files of an asset, less the folder they share; no two alike, none climbing out."""
    parts = [_safe(PurePosixPath(file.name)) for file in files]
    shared = os.path.commonpath([p.parent.as_posix() for p in parts]) if parts else ""
    found: dict[str, AssetFile] = {}
    for number, (path, file) in enumerate(zip(parts, files, strict=True)):
        name = path.relative_to(shared).as_posix() if shared else path.as_posix()
        found[f"{number:04d}-{path.name}" if name in found else name] = file
    return list(found.items())


def _safe(path: PurePosixPath) -> PurePosixPath:
    plain = [re.sub(r"[\x00-\x1f]", "_", p) for p in path.parts if p not in ("..", "/", ".")]
    return PurePosixPath(*plain) if plain else PurePosixPath("file")
