"""Matrices of an HDF5 file: their shape and parts checked, in memory or read by rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import RowBlocks
from biolake.readers._cells.hdf5 import attribute, dataset, guarded, numbers, opened

IN_MEMORY = 192 << 20  # bytes; a larger matrix is read by rows
_BLOCK = 32 << 20  # bytes of a run of rows
_LARGEST = 1 << 40
_BY_CELLS, _BY_FEATURES = ("cell", "feature"), ("feature", "cell")


@dataclass(frozen=True)
class Stored:
    """Where a matrix of cells × features lies in a file, and how.

    `form`: "csr", "csc" or "dense"; `turned`: the file has features × cells (so "csc" of the file
    is "csr" here, and a dense matrix is turned when read).
    """

    path: Path
    name: str  # of the group or dataset
    form: str
    shape: tuple[int, int]
    dtype: np.dtype
    size: int  # bytes in memory
    turned: bool = False

    @property
    def matrix(self) -> Any:
        """Return it in memory, or as `RowBlocks` when it is large."""
        if self.form == "csc":
            return guarded(_columns, self)
        if self.size <= IN_MEMORY:
            return _all(self)
        return SparseRows(self) if self.form == "csr" else DenseRows(self)


def sparse(path: Path, group: Any, form: str, shape: Any, *, turned: bool = False) -> Stored:
    """Describe a sparse matrix of `data`, `indices` and `indptr`."""
    data, indices = (dataset(group, name, dimensions=1) for name in ("data", "indices"))
    pointers = numbers(group, "indptr")
    size = _shape(shape, group.name)
    _check_kind(data, group.name)
    if data.shape != indices.shape:
        raise SourceUnreadable(f"{group.name}: data and indices are not of one length")
    if indices.dtype.kind not in "iu" or pointers.dtype.kind not in "iu":
        raise SourceUnreadable(f"{group.name}: indices or indptr are no whole numbers")
    major = size[0] if (form == "csr") else size[1]
    if len(pointers) != major + 1:
        raise SourceUnreadable(
            f"{group.name}: indptr is for {len(pointers) - 1:,} rows, its shape says {major:,}"
        )
    if pointers[0] != 0 or pointers[-1] != len(data) or (np.diff(pointers) < 0).any():
        raise SourceUnreadable(f"{group.name}: indptr does not fit its {len(data):,} values")
    if turned:
        form, size = ("csr" if form == "csc" else "csc"), (size[1], size[0])
    held = data.nbytes + len(data) * 4 + pointers.nbytes
    return Stored(path, group.name, form, size, data.dtype, held, turned)


def dense(path: Path, found: Any, *, turned: bool = False) -> Stored:
    """Describe a dense matrix."""
    found = dataset(found.parent, found.name.rpartition("/")[2], dimensions=2)
    _check_kind(found, found.name)
    size = _shape(found.shape, found.name)
    size = (size[1], size[0]) if turned else size
    return Stored(path, found.name, "dense", size, found.dtype, found.nbytes, turned)


def _check_kind(found: Any, name: str) -> None:
    if found.dtype.kind in "OSUV":
        raise SourceUnreadable(
            f"{name.strip('/')} holds text where counts should be, from cell 1, feature 1 on"
        )
    if found.dtype.kind not in "biuf":
        raise SourceUnreadable(f"{name.strip('/')} holds no real numbers")


def _shape(given: Any, name: str) -> tuple[int, int]:
    try:
        rows, columns = (int(n) for n in given)
    except (TypeError, ValueError):
        raise SourceUnreadable(f"{name.strip('/')}: its shape is not told") from None
    if rows < 0 or columns < 0 or rows * columns > _LARGEST:
        raise SourceUnreadable(f"{name.strip('/')}: its shape is impossible")
    return rows, columns


class _Rows(RowBlocks):
    """`step` is how many rows are read together."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.shape, self.dtype = stored, stored.shape, stored.dtype
        blocks = max(1, stored.size // _BLOCK)
        self.step = max(1, -(-stored.shape[0] // blocks))


class SparseRows(_Rows):
    """Rows of a CSR matrix in a file, each run checked as it is read."""

    def rows(self, start: int, stop: int) -> Any:
        def read() -> Any:
            with opened(self.stored.path) as file:
                return _sparse_rows(file[self.stored.name], self.shape[1], start, stop)

        return guarded(read)


class DenseRows(_Rows):
    """Rows of a dense matrix in a file."""

    def rows(self, start: int, stop: int) -> Any:
        def read() -> np.ndarray:
            with opened(self.stored.path) as file:
                found = file[self.stored.name]
                part = found[:, start:stop].T if self.stored.turned else found[start:stop]
                return np.ascontiguousarray(part, _native(found.dtype))

        return guarded(read)


def _all(stored: Stored) -> Any:
    rows = SparseRows(stored) if stored.form == "csr" else DenseRows(stored)
    return rows.rows(0, stored.shape[0])


def _sparse_rows(
    group: Any, columns: int, start: int, stop: int, words: tuple[str, str] = _BY_CELLS
) -> Any:
    """Return rows start to stop of a CSR group, values as stored; `words` say what is a row."""
    from scipy.sparse import csr_matrix

    pointers = group["indptr"][start : stop + 1].astype(np.int64)
    first, last = int(pointers[0]), int(pointers[-1])
    data = group["data"][first:last].astype(_native(group["data"].dtype), copy=False)
    indices = group["indices"][first:last]
    places = checked(indices, pointers - first, columns, start, words)
    small = np.int32 if last - first < 2**31 else np.int64
    made = csr_matrix((stop - start, columns), dtype=data.dtype)
    made.data, made.indices, made.indptr = data, places, (pointers - first).astype(small)
    if small is np.int64:
        made.indices = places.astype(np.int64)
    return made


def checked(
    indices: np.ndarray,
    pointers: np.ndarray,
    columns: int,
    start: int = 0,
    words: tuple[str, str] = _BY_CELLS,
) -> np.ndarray:
    """Return indices that lie within the matrix, none twice in one row."""
    row_is, column_is = words
    wrong = (
        (indices >= columns) | (indices < 0) if indices.dtype.kind == "i" else indices >= columns
    )
    if wrong.any():
        row = int(np.searchsorted(pointers, int(wrong.argmax()), "right"))
        raise SourceUnreadable(
            f"{row_is} {start + row:,} has a value of a {column_is} there is not"
        )
    places = indices.astype(np.int32, copy=False)
    again = repeated(places, pointers, columns)
    if again >= 0:
        raise SourceUnreadable(f"{row_is} {start + again + 1:,} has two values of one {column_is}")
    return places


def repeated(indices: np.ndarray, pointers: np.ndarray, columns: int) -> int:
    """Return the first row with one index twice, or -1."""
    from biolake.core.compiled import compiled

    rising = indices[1:] > indices[:-1]
    starts = pointers[1:-1]
    rising[starts[(starts > 0) & (starts < len(indices))] - 1] = True
    if rising.all():
        return -1
    return int(compiled(_repeated)(indices, pointers, np.full(columns, -1, dtype=np.int64)))


def _repeated(indices: np.ndarray, pointers: np.ndarray, last: np.ndarray) -> int:
    for row in range(len(pointers) - 1):
        for at in range(pointers[row], pointers[row + 1]):
            if last[indices[at]] == row:
                return row
            last[indices[at]] = row
    return -1


def _columns(stored: Stored) -> Any:
    """Return a matrix stored by features as CSR: it is turned in memory."""
    from scipy.sparse import csc_matrix

    with opened(stored.path) as file:
        group = file[stored.name]
        turned = _sparse_rows(group, stored.shape[0], 0, stored.shape[1], _BY_FEATURES)
    return csc_matrix(
        (turned.data, turned.indices, turned.indptr), shape=stored.shape, copy=False
    ).tocsr()


def _native(kind: np.dtype) -> np.dtype:
    return kind.newbyteorder("=")


def described(stored: Stored) -> dict[str, object]:
    """Return what the index says of how a matrix is stored."""
    return {"stored_as": stored.dtype.name, "layout": stored.form}


def encoded(path: Path, file: Any, name: str) -> Stored:
    """Describe a matrix of an AnnData file: a dataset, or a group that says which kind it is."""
    import h5py

    found = file.get(name)
    if isinstance(found, h5py.Dataset):
        return dense(path, found)
    if not isinstance(found, h5py.Group):
        raise SourceUnreadable(f"it has no matrix '{name}'")
    kind = attribute(found, "encoding-type") or attribute(found, "h5sparse_format") or ""
    form = str(kind)[:3]
    if form not in ("csr", "csc"):
        raise SourceUnreadable(f"'{name}' is a matrix of an unknown kind")
    shape = attribute(found, "shape")
    shape = attribute(found, "h5sparse_shape") if shape is None else shape
    return sparse(path, found, form, shape)
