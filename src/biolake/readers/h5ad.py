"""AnnData files (.h5ad): cells × genes with all that is known of each."""

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

_STORE = (
    "a Zarr store is a folder of many small files, and is not read: write it as one .h5ad file"
    " (anndata.read_zarr, then write_h5ad)"
)


def claims(name: str, head: bytes) -> bool:
    """Take .h5ad and .h5mu by name, and files of a Zarr store, so that they are told of."""
    return PurePosixPath(name).suffix.lower() in (".h5ad", ".h5mu") or _in_store(name)


def _in_store(name: str) -> bool:
    return any(part.lower().endswith(".zarr") for part in PurePosixPath(name).parts[:-1])


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file whole, in blocks of rows; samples are those its donor or sample column says.

    A file whose cells lie in a slide (`obsm["spatial"]`) is spatial.
    """
    from biolake.readers._cells.finding import found_or_refused

    for file in files:
        if _in_store(file.name):
            yield UnreadableFile(file, _STORE)
            continue

        def read(file: SourceFile = file) -> Read:
            from biolake.readers._cells.anndata_file import read_anndata

            return read_anndata(file.path)

        yield from found_or_refused((file,), read)


@asset_reader("AnnData (h5ad)", claims=claims, find=find, extra="omics")
def h5ad(content: Content) -> Cells:
    """Open an AnnData file of any version: counts, cell types, samples and coordinates.

    The matrix is the first that holds counts of X, `layers["counts"]` and `raw.X`; without any, X
    as it is, and never taken for counts. Values keep their stored type. A matrix larger than 192 MB
    is read by rows. Raises `SourceUnreadable`.
    """
    from biolake.readers._cells.anndata_file import read_anndata

    name = content.names[0]
    try:
        return read_anndata(content.path(name)).cells
    except BiolakeError as error:
        error.where = error.where or name
        raise
