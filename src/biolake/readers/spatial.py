"""Imaging-based spatial assays as tables: counts, and the coordinates of each cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.media import Cells
from biolake.core.reading import SourceFile

if TYPE_CHECKING:
    from biolake.readers._cells.assembling import Read

_PLACES = re.compile(
    r"(?P<start>.*?)cell_(?:coordinates|locations)(?P<end>\.(?:txt|tsv|csv)(?:\.gz)?)",
    re.IGNORECASE,
)
_COUNTS = ("expression", "cell_by_gene", "counts")
_METADATA = ("cell_metadata", "metadata", "annotation")
_GZIP = b"\x1f\x8b"
_HEADING = re.compile(
    rb'(?i)(?:^|[\t,; "])(?:center_|centroid_|sdim)?x(?:_centroid)?(?:["\t,; \r]|$)'
)


def claims(name: str, head: bytes) -> bool:
    """Take `…cell_coordinates` (or locations) tables of which the heading has an x.

    The counts (`…expression`) and what is known of the cells (`…cell_metadata`) come with it.
    """
    if not _PLACES.fullmatch(PurePosixPath(name).name):
        return False
    return not head or head.startswith(_GZIP) or bool(_HEADING.search(head.split(b"\n", 1)[0]))


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read the tables of each assay; the names of its files begin alike."""
    from biolake.readers._cells.finding import found_or_refused

    for file in files:
        counts, metadata = (_beside(file, surroundings, names) for names in (_COUNTS, _METADATA))
        mine = tuple(each for each in (file, counts, metadata) if each is not None)

        def read(mine: tuple[SourceFile, ...] = mine) -> Read:
            return _read({PurePosixPath(each.name).name: each.path for each in mine})

        yield from found_or_refused(mine, read)


def _beside(
    file: SourceFile, surroundings: Surroundings, words: Sequence[str]
) -> SourceFile | None:
    name = _PLACES.fullmatch(PurePosixPath(file.name).name)
    if name is None:
        return None
    ends = dict.fromkeys((name["end"], ".txt", ".tsv", ".csv", ".txt.gz", ".tsv.gz", ".csv.gz"))
    for word in words:
        for end in ends:
            found = surroundings.beside(file, f"{name['start']}{word}{end}")
            if found is not None:
                return found
    return None


def _read(paths: dict[str, Path]) -> Read:
    from biolake.readers._cells.tables import read_tables

    first = next(iter(paths.values()))
    others = {name: path for name, path in paths.items() if path != first}
    start = _PLACES.fullmatch(first.name)
    prefix = start["start"] if start else ""
    found = {
        group: next(
            (p for n, p in others.items() if n.removeprefix(prefix).startswith(group)), None
        )
        for group in (_COUNTS, _METADATA)
    }
    counts, metadata = found[_COUNTS], found[_METADATA]
    if counts is None:
        raise SourceUnreadable("there is no table of counts (…expression) beside the coordinates")
    return read_tables(counts, first, metadata)


@asset_reader(
    "Spatial assays as tables (coordinates and counts)", claims=claims, find=find, extra="omics"
)
def spatial(content: Content) -> Cells:
    """Open tables of counts and coordinates as cells × genes, in the order of the counts.

    Coordinates are in the unit of the file. Raises `SourceUnreadable`.
    """
    try:
        return _read({name: content.path(name) for name in content.names}).cells
    except BiolakeError as error:
        error.where = error.where or content.names[0]
        raise
