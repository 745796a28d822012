"""Loom files: genes × cells in one HDF5 file, turned to cells × genes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError
from biolake.core.media import Cells
from biolake.core.reading import SourceFile

if TYPE_CHECKING:
    from biolake.readers._cells.assembling import Read


def claims(name: str, head: bytes) -> bool:
    """Take files named .loom."""
    return name.lower().endswith(".loom")


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file whole, in blocks of cells."""
    from biolake.readers._cells.finding import found_or_refused

    for file in files:

        def read(file: SourceFile = file) -> Read:
            from biolake.readers._cells.loom_file import read_loom

            return read_loom(file.path)

        yield from found_or_refused((file,), read)


@asset_reader("Loom", claims=claims, find=find, extra="omics")
def loom(content: Content) -> Cells:
    """Open a loom file: its matrix, or the layer of counts, as cells × genes in the file's type.

    Attributes of columns become what is known of each cell. Raises `SourceUnreadable`.
    """
    from biolake.readers._cells.loom_file import read_loom

    name = content.names[0]
    try:
        return read_loom(content.path(name)).cells
    except BiolakeError as error:
        error.where = error.where or name
        raise
