"""What an AnnData file says of each cell or gene, as an Arrow table: the first column is names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.readers._cells.hdf5 import as_text, attribute, dataset, texts

NAMES = "index"  # of the column of names, where the file has no word for it
_NULLABLE = ("nullable-integer", "nullable-boolean", "nullable-string-array")


def frame(file: Any, name: str, rows: int, notes: list[str]) -> pa.Table:
    """Read `obs` or `var` (or `raw/var`) of any AnnData version; it must have so many rows."""
    import h5py

    node = file.get(name)
    if isinstance(node, h5py.Dataset):
        table = _compound(file, node, name)
    elif isinstance(node, h5py.Group):
        table = _group(file, node, name, notes)
    else:
        raise SourceUnreadable(f"it has no table '{name}'")
    if len(table) != rows:
        raise SourceUnreadable(
            f"'{name}' has {len(table):,} rows, and the matrix has {rows:,}: they do not fit"
        )
    return table


def table_of(columns: dict[str, pa.Array]) -> pa.Table:
    """Make a table; a column of another length than the first is refused."""
    count = len(next(iter(columns.values())))
    for name, column in columns.items():
        if len(column) != count:
            raise SourceUnreadable(
                f"column '{name}' has {len(column):,} rows, the names beside it {count:,}"
            )
    return pa.table(columns)


def column_of(values: np.ndarray) -> pa.Array:
    """Make a column of a NumPy array of numbers or str."""
    if values.dtype.kind in "biuf":
        return pa.array(values.astype(values.dtype.newbyteorder("=")), from_pandas=False)
    return pa.array(values.tolist(), pa.string())


def _group(file: Any, node: Any, name: str, notes: list[str]) -> pa.Table:
    index = str(attribute(node, "_index") or "_index")
    index = index if index in node else "index"
    columns = {index: pa.array(_plain_texts(node[index], name), pa.string())}
    order = attribute(node, "column-order") or []
    order = [order] if isinstance(order, str) else list(order)
    others = [each for each in node if each not in (index, "__categories", *order)]
    for each in (*order, *others):
        found = _column(file, node, str(each))
        if found is None:
            notes.append(f"column '{each}' of {name} is of a kind that is not read")
        else:
            columns[str(each)] = found
    return table_of(columns)


def _plain_texts(node: Any, name: str) -> list[str]:
    import h5py

    if not isinstance(node, h5py.Dataset):  # a nullable or categorical index
        raise SourceUnreadable(f"the names of '{name}' are not plain text")
    return list(as_text(node, f"{name} names").tolist())


def _column(file: Any, node: Any, name: str) -> pa.Array | None:
    import h5py

    found = node.get(name)
    if isinstance(found, h5py.Group):
        return _encoded(found)
    if not isinstance(found, h5py.Dataset) or found.ndim != 1:
        return None
    dataset(node, name)
    named = found.attrs.get("categories")
    if isinstance(named, h5py.Reference):  # AnnData 0.7
        return _dictionary(found[()], as_text(file[named], name), bool(attribute(found, "ordered")))
    return _plain(found, name)


def _plain(found: Any, name: str) -> pa.Array | None:
    import h5py

    if h5py.check_string_dtype(found.dtype) is not None:
        return pa.array(as_text(found, name).tolist(), pa.string())
    return column_of(np.asarray(found[()])) if found.dtype.kind in "biuf" else _enumerated(found)


def _enumerated(found: Any) -> pa.Array | None:
    import h5py

    if h5py.check_enum_dtype(found.dtype) is not None:
        return column_of(np.asarray(found[()]).astype(bool))
    return None


def _encoded(group: Any) -> pa.Array | None:
    kind = str(attribute(group, "encoding-type") or "")
    if kind == "categorical":
        codes = np.asarray(dataset(group, "codes", dimensions=1)[()])
        found = dataset(group, "categories", dimensions=1)
        ordered = bool(attribute(group, "ordered"))
        return _dictionary(codes, _categories(found), ordered)
    if kind in _NULLABLE:
        values, mask = (dataset(group, n, dimensions=1) for n in ("values", "mask"))
        missing = np.asarray(mask[()]).astype(bool)
        plain = _plain(values, "values")
        if plain is None or len(plain) != len(missing):
            return None
        return pa.array([None if m else v for v, m in zip(plain.to_pylist(), missing, strict=True)],
                        plain.type)  # fmt: skip
    return None


def _categories(found: Any) -> np.ndarray:
    if found.dtype.kind in "biuf":
        return np.asarray(found[()])
    return as_text(found, "categories")


def _dictionary(codes: np.ndarray, categories: np.ndarray, ordered: bool) -> pa.Array:
    if codes.dtype.kind not in "iu" or codes.ndim != 1:
        raise SourceUnreadable("categories are numbered by something else than whole numbers")
    if len(codes) and (int(codes.max()) >= len(categories) or int(codes.min()) < -1):
        row = int(np.argmax((codes >= len(categories)) | (codes.astype(np.int64) < -1)))
        raise SourceUnreadable(f"row {row + 1:,} is of a category that is not listed")
    places = pa.array(codes.astype(np.int32), mask=codes.astype(np.int64) < 0)
    return pa.DictionaryArray.from_arrays(places, column_of(categories), ordered=ordered)


def _compound(file: Any, node: Any, name: str) -> pa.Table:
    """Read a table of AnnData before 0.7: one record a row, categories in `uns`."""
    if node.ndim != 1 or node.dtype.names is None:
        raise SourceUnreadable(f"'{name}' is no table")
    dataset(node.parent, name)
    rows = node[()]
    columns: dict[str, pa.Array] = {}
    for number, each in enumerate(rows.dtype.names):
        values = rows[each]
        listed = f"uns/{each}_categories"
        if number and values.dtype.kind in "iu" and listed in file:
            columns[each] = _dictionary(values, texts(file, listed), ordered=False)
        elif values.dtype.kind in "SO":
            columns[each] = pa.array([_decoded(value, each) for value in values.tolist()])
        elif values.dtype.kind in "biuf" and values.ndim == 1:
            columns[each] = column_of(values)
    return table_of(columns)


def _decoded(value: Any, name: str) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise SourceUnreadable(f"column '{name}' holds text that is not UTF-8") from None
