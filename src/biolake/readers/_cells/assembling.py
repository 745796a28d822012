"""From matrix, cells and features to `Cells`: what does not fit is refused, with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Cells
from biolake.omics.cells.values import Values, said, values_of
from biolake.omics.gene_symbols import is_date_like
from biolake.readers._cells.columns import (
    Samples,
    cell_types,
    samples_of,
    symbols_and_ids,
    times_of,
    words_of,
)
from biolake.readers._cells.matrices import Stored


@dataclass(frozen=True)
class Candidate:
    """A matrix of the file that may hold the counts, and the table of its features."""

    where: str  # "X", "raw.X", "layers['counts']"
    matrix: Stored | Any
    var: pa.Table


@dataclass(frozen=True)
class Sheet:
    """What a file holds, before its values were looked at; the first candidate with counts is
    taken."""

    candidates: Sequence[Candidate]
    obs: pa.Table
    log1p: bool = False
    coordinates: np.ndarray | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """A file read: its cells, and what only the index needs to know."""

    cells: Cells
    attributes: Mapping[str, Any]
    times: Sequence[int | None]  # one a sample, or one


def assembled(sheet: Sheet) -> Read:
    """Choose the matrix, tell samples and types, and check that everything fits."""
    chosen, matrix, values = _chosen(sheet)
    samples = samples_of(sheet.obs)
    _unique_cells(sheet.obs, samples)
    features, ids, mended = _features(chosen.var)
    typed = cell_types(sheet.obs)
    log1p = not values.counts and sheet.log1p and not values.negative and not values.endless
    endless = f"{chosen.where} holds no counts, and NaN or infinite values"
    notes = (*sheet.notes, samples.note, mended, endless if values.endless else "")
    cells = Cells(
        matrix,
        values.counts,
        samples.names,
        samples.of_cell,
        features,
        ids,
        typed[1] if typed else None,
        {name: _values(sheet.obs[name]) for name in sheet.obs.column_names[1:]},
        sheet.coordinates,
        tuple(note for note in notes if note),
        log1p,
        sheet.obs,
        chosen.var,
    )
    columns = {
        "sample_columns": list(samples.columns),
        "cell_type_column": typed[0] if typed else "",
    }
    attributes = {**sheet.attributes, **columns, **_told(chosen, cells)}
    return Read(cells, attributes, times_of(sheet.obs, samples))


def _told(chosen: Candidate, cells: Cells) -> dict[str, Any]:
    """Return what the index says of the matrix taken."""
    return {
        "values": "counts" if cells.raw else "log1p" if cells.log1p else "other",
        "taken_from": chosen.where,
        **_stored(chosen.matrix),
        **_mended(cells.features),
    }


def _chosen(sheet: Sheet) -> tuple[Candidate, Any, Values]:
    """Return the first matrix of counts; without any, the log values, or the first of all."""
    seen: list[tuple[Candidate, Any, Values]] = []
    for one in sheet.candidates:
        matrix = one.matrix.matrix if isinstance(one.matrix, Stored) else one.matrix
        _fits(one, matrix.shape, len(sheet.obs))
        values = values_of(matrix)
        if values.spoilt:
            raise SourceUnreadable(f"{one.where}: {values.spoilt}")
        seen.append((one, matrix, values))
        if values.counts:
            return seen[-1]
    if sheet.log1p:
        for found in seen:
            if not found[2].negative and not found[2].endless:
                return found
    return seen[0]


def _fits(one: Candidate, shape: tuple[int, int], cells: int) -> None:
    rows, columns = shape
    if rows != cells:
        raise SourceUnreadable(
            f"{one.where} has {rows:,} cells, the table of cells {cells:,}: they do not fit"
        )
    if columns != len(one.var):
        raise SourceUnreadable(
            f"{one.where} has {columns:,} features, the table of features {len(one.var):,}:"
            " they do not fit"
        )
    if not rows or not columns:
        raise SourceUnreadable(f"{one.where} is empty: {rows:,} cells, {columns:,} features")


def _unique_cells(obs: pa.Table, samples: Samples) -> None:
    """Refuse two cells of one name, unless they are of two samples."""
    encoded = words_of(obs, obs.column_names[0])
    if len(encoded.dictionary) == len(obs):
        return
    keys = np.column_stack([encoded.indices.to_numpy(), samples.of_cell])
    order = np.lexsort(keys.T[::-1])
    again = np.flatnonzero((np.diff(keys[order], axis=0) == 0).all(axis=1))
    if len(again):
        rows = sorted(order[again[0] : again[0] + 2] + 1)
        raise SourceUnreadable(
            f"cells {rows[0]:,} and {rows[1]:,} have the same barcode,"
            f" and so have {len(again):,} in all: which is which cannot be told"
        )


def _features(var: pa.Table) -> tuple[np.ndarray, np.ndarray, str]:
    """Return symbols, ids and a note. Symbols that became dates are refused, or named by their id
    where one says which gene it is."""
    symbols, ids = symbols_and_ids(var)
    dates = is_date_like(symbols)
    if not dates.mask.any():
        return symbols, ids, ""
    lost = dates.mask & ((ids == "") | (ids == symbols))
    if lost.any():
        raise SourceUnreadable(dates.explanation)
    features = np.where(dates.mask, ids, symbols).astype(object)
    count = int(dates.mask.sum())
    return features, ids, f"{count:,} gene symbols are dates: named by their ids instead"


def _mended(features: np.ndarray) -> dict[str, Any]:
    """Count features of which the name is not theirs alone."""
    extra = sum(n - 1 for n in Counter(features.tolist()).values() if n > 1)
    return {"repeated_symbols": extra} if extra else {}


def _stored(matrix: Stored | Any) -> dict[str, Any]:
    if isinstance(matrix, Stored):
        return {"layout": matrix.form, "stored_as": matrix.dtype.name}
    form = "dense" if isinstance(matrix, np.ndarray) else "csr"
    return {"layout": form, "stored_as": matrix.dtype.name}


def _values(column: pa.ChunkedArray) -> np.ndarray:
    values = column.combine_chunks()
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    return np.asarray(values.to_numpy(zero_copy_only=False))


def numbered(name: str, count: int) -> pa.Table:
    """Return a table of names made up by number, for a file that has none."""
    return pa.table({"index": [f"{name}_{n + 1}" for n in range(count)]})


def first_missing(wanted: Iterable[str], there: Iterable[str]) -> int:
    """Return the place of the first name that is not there, or -1."""
    known = set(there)
    return next((n for n, name in enumerate(wanted) if name not in known), -1)


def with_coordinates(sheet: Sheet, coordinates: np.ndarray) -> Sheet:
    """Add where each cell lies; places must be finite."""
    wrong = ~np.isfinite(coordinates).all(axis=1)
    if wrong.any():
        place = said((int(wrong.argmax()), 0)).partition(",")[0]
        raise SourceUnreadable(f"the place of {place} is no number")
    return replace(sheet, coordinates=coordinates)
