"""10x Genomics: folders of matrix.mtx, HDF5 matrices, and Visium slides of either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError
from biolake.core.media import Cells
from biolake.core.reading import SourceFile

if TYPE_CHECKING:
    from biolake.readers._cells.assembling import Read

_MAGIC = b"\x89HDF\r\n\x1a\n"
_BANNER = b"%%MatrixMarket"
_HDF5 = (".h5", ".hdf5")
_MATRIX = ("matrix.mtx", "matrix.mtx.gz")


def claims(name: str, head: bytes) -> bool:
    """Take `…matrix.mtx[.gz]`, other Matrix Market files, and HDF5 files named .h5.

    An HDF5 file of another kind is refused when it is looked into; barcodes, features and the
    `spatial` folder come with their matrix.
    """
    base = PurePosixPath(name).name.lower()
    if base.endswith(_MATRIX):
        return True
    if base.endswith(".mtx"):
        return head.startswith(_BANNER)
    return base.endswith(_HDF5) and (head.startswith(_MAGIC) or base.endswith("_bc_matrix.h5"))


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each matrix with the files beside it, of which the names begin alike.

    A `spatial` folder beside it with the positions of the spots makes it a Visium slide.
    """
    from biolake.readers._cells.finding import found_or_refused

    for file in files:
        mine = (file, *_beside(file, surroundings))

        def read(mine: tuple[SourceFile, ...] = mine) -> Read:
            from biolake.readers._cells.tenx_folder import read_tenx

            paths = {each.name: each.path for each in mine}
            return read_tenx(tuple(paths), paths.__getitem__)

        yield from found_or_refused(mine, read)


def _beside(file: SourceFile, surroundings: Surroundings) -> Iterator[SourceFile]:
    """Yield barcodes, features and positions of a matrix, one file of each."""
    from biolake.readers._cells.tenx_folder import BARCODES, FACTORS, FEATURES, POSITIONS, TABLES

    base = PurePosixPath(file.name).name
    start = base.lower().find("matrix.mtx")
    if start >= 0:
        groups = (BARCODES, FEATURES, *((name,) for name in TABLES))
        for names in groups:
            yield from _first(file, surroundings, [base[:start] + name for name in names])
    inner = PurePosixPath(file.name).parent.name.endswith("_bc_matrix")
    for names in (POSITIONS, (FACTORS,)):
        folders = ("spatial", "../spatial") if inner else ("spatial",)
        yield from _first(
            file, surroundings, [f"{folder}/{name}" for folder in folders for name in names]
        )


def _first(
    file: SourceFile, surroundings: Surroundings, names: Sequence[str]
) -> Iterator[SourceFile]:
    for name in names:
        up = name.startswith("../")
        home = SourceFile(file.place, str(PurePosixPath(file.name).parent)) if up else file
        found = surroundings.beside(home, name.removeprefix("../"))
        if found is not None:
            yield found
            return


@asset_reader("10x matrices (MTX, H5) and Visium", claims=claims, find=find, extra="omics")
def tenx(content: Content) -> Cells:
    """Open a 10x matrix, turned to cells × features, with its barcodes, features and places.

    MTX files keep the type of their entries (64 bits), HDF5 files that of the file. A Visium
    slide's coordinates are pixels (column, row) of the full picture. Raises `SourceUnreadable`.
    """
    from biolake.readers._cells.tenx_folder import read_tenx

    try:
        return read_tenx(content.names, content.path).cells
    except BiolakeError as error:
        error.where = error.where or content.names[0]
        raise
