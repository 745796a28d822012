"""HDF5 files read so that damage is told, and nothing larger than the file can hold is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import product
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.installed import require

MAGIC = b"\x89HDF\r\n\x1a\n"
_PACKED_MOST = 2100  # times that a filter can have shrunk the values (deflate: 1032)
_LOOKED_UP = 50_000  # chunks that are found one by one; of more, only their list is looked at
_SMALL = 1 << 24  # bytes of which nobody need be afraid

P = ParamSpec("P")
T = TypeVar("T")


def needs_hdf5(function: Callable[P, T]) -> Callable[P, T]:
    """Ask for the extra before a function that reads HDF5, and let damage be told by name."""

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        require("omics", "h5py", "numba", "scipy", to="read cells")
        return guarded(function, *args, **kwargs)

    return asked


def guarded(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function; whatever libraries raise of a damaged file becomes `SourceUnreadable`."""
    try:
        return function(*args, **kwargs)
    except (OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
        kind = type(error).__name__
    except (AttributeError, OverflowError, NotImplementedError, UnicodeError) as error:
        kind = type(error).__name__
    except MemoryError:
        kind = "MemoryError"
    raise SourceUnreadable(
        f"the file is damaged, cut short, or not laid out as its kind is ({kind})"
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file; raises `SourceUnreadable`."""
    import h5py

    if not path.stat().st_size:
        raise SourceUnreadable("the file is empty")
    with path.open("rb") as stream:
        if stream.read(8) != MAGIC:
            raise SourceUnreadable("its name says HDF5, but it is none")
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise SourceUnreadable("the HDF5 file is damaged or cut short") from None
    with file:
        yield file


def dataset(group: Any, name: str, *, dimensions: int | None = None) -> Any:
    """Return a dataset that the file can hold; raises `SourceUnreadable`."""
    import h5py

    found = group.get(name) if isinstance(group, h5py.Group) else None
    if not isinstance(found, h5py.Dataset):
        raise SourceUnreadable(f"it has no dataset '{_inside(group, name)}'")
    if dimensions is not None and found.ndim != dimensions:
        raise SourceUnreadable(f"'{_inside(group, name)}' has not {dimensions} dimension(s)")
    if found.size and not _complete(found):
        raise SourceUnreadable(f"parts of '{_inside(group, name)}' are missing")
    held = int(found.id.get_storage_size())
    if found.size * found.dtype.itemsize > max(_SMALL, held * _PACKED_MOST):
        raise SourceUnreadable(f"'{_inside(group, name)}' announces more than the file holds")
    return found


def _complete(found: Any) -> bool:
    """Say whether all chunks of a dataset are where they belong: missing ones read as zeros."""
    if found.chunks is None:
        return found.shape == () or int(found.id.get_storage_size()) > 0
    wanted = 1
    for length, chunk in zip(found.shape, found.chunks, strict=True):
        wanted *= -(-length // chunk)
    if wanted > found.id.get_num_chunks():
        return False
    steps = [range(0, length, step) for length, step in zip(found.shape, found.chunks, strict=True)]
    if wanted <= _LOOKED_UP:
        try:
            for place in product(*steps):
                found.id.read_direct_chunk(place)
        except (OSError, RuntimeError, ValueError):
            return False
        return True
    places: set[tuple[int, ...]] = set()
    found.id.chunk_iter(lambda chunk: places.add(chunk.chunk_offset))
    return places.issuperset(product(*steps))


def numbers(group: Any, name: str) -> np.ndarray:
    """Return a whole dataset of one dimension, of numbers."""
    found = dataset(group, name, dimensions=1)
    if found.dtype.kind not in "biuf":
        raise SourceUnreadable(f"'{_inside(group, name)}' holds no numbers")
    return np.asarray(found[()])


def texts(group: Any, name: str) -> np.ndarray:
    """Return a whole dataset of one dimension, as an array of str."""
    return as_text(dataset(group, name, dimensions=1), _inside(group, name))


def as_text(found: Any, name: str) -> np.ndarray:
    """Return a dataset as str, numbers written out; raises `SourceUnreadable` where it is none."""
    import h5py

    if h5py.check_string_dtype(found.dtype) is not None:
        try:
            return np.asarray(found.asstr()[()], dtype=object)
        except UnicodeDecodeError:
            raise SourceUnreadable(f"'{name}' holds text that is not UTF-8") from None
    if found.dtype.kind not in "biuf":
        raise SourceUnreadable(f"'{name}' holds neither text nor numbers")
    return np.array([str(value) for value in found[()].tolist()], dtype=object)


def attribute(node: Any, name: str) -> Any:
    """Return an attribute as Python's own value: text, number or list; None without."""
    value = node.attrs.get(name)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _inside(group: Any, name: str) -> str:
    home = str(getattr(group, "name", "") or "").strip("/")
    return f"{home}/{name}" if home else name
