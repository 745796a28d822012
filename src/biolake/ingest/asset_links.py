"""Whose the asset files of a source are, as the rows of its own lists say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import pyarrow as pa

from biolake.core.assets import FoundAsset, FoundSample
from biolake.core.reading import Chunk
from biolake.core.schema import MAPPED_ASSETS, MICROSECONDS

_PICTURES = ("photograph", "image")  # of which only a person can say what they show
_OTHER_KIND = "the list names another kind of data than the files say: theirs is kept"


@dataclass(frozen=True)
class _Link:
    subject: str
    encounter: str | None
    time: int | None
    modality: str | None = None


OF_MANY = "listed under one subject, and holds samples of many: their own names count"


@dataclass
class AssetLinks:
    """Whose the asset files are, as the source's own rows say: file name → subject."""

    utc: bool = False  # the times of the rows are UTC; else of the site's clock
    _links: dict[str, _Link | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._links)

    def pass_on(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Hand chunks on, keeping what they say of files."""
        for chunk in chunks:
            if chunk.asset_links is not None:
                self.take(chunk.asset_links)
            yield chunk

    def take(self, table: pa.Table) -> None:
        table = table.select(MAPPED_ASSETS.names).cast(MAPPED_ASSETS)
        times = table["time"].cast(MICROSECONDS).cast(pa.int64()).to_pylist()
        named = (table[name].to_pylist() for name in ("file", "subject", "encounter"))
        for file, *rest in zip(*named, times, table["modality"].to_pylist(), strict=True):
            name, link = PurePosixPath(file).as_posix(), _Link(*rest)
            known = self._links.get(name, link)
            # Two subjects for one file: neither is believed.
            agreed = known is not None and known.subject == link.subject
            self._links[name] = link if agreed else None

    def of(self, found: FoundAsset) -> tuple[FoundAsset, str]:
        """Return an asset with what the rows say of its files, and a fault if they disagree."""
        if not self._links:
            return found, ""
        mine = [
            self._links[name]
            for file in found.files
            for name in _names(file.name)
            if name in self._links
        ]
        if not mine:
            return found, ""
        links = [link for link in mine if link is not None]
        if len(links) < len(mine) or len({link.subject for link in links}) > 1:
            return replace(found, subject=None, listed=False), "listed under two subjects"
        if len(found.samples) > 1:
            return found, OF_MANY
        link = links[0]
        found = replace(
            found, subject=link.subject, system="", encounter=link.encounter, listed=True
        )
        found = found if link.time is None else self._timed(found, link.time)
        if len(found.samples) == 1:  # what the row says of the file it says of its sample
            sample = FoundSample(link.subject, time=_first(link.time, found.samples[0].time))
            found = replace(found, subject=None, samples=(sample,))
        if link.modality in (None, found.modality):
            return found, ""
        if found.modality not in _PICTURES:
            return found, _OTHER_KIND
        return replace(found, modality=str(link.modality)), ""

    def _timed(self, found: FoundAsset, time: int) -> FoundAsset:
        """Set the start as the rows say; an end moves with it."""
        end = found.end
        if found.start is not None and end is not None:
            end += time - found.start
        return replace(found, start=time, end=end, utc_offset=0 if self.utc else None)


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _names(name: str) -> Iterator[str]:
    """Yield a file's name with and without its suffixes."""
    yield name
    stem = PurePosixPath(name)
    for suffix in stem.suffixes[-2:]:
        if suffix:
            stem = stem.with_suffix("")
            yield stem.as_posix()
