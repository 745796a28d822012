"""Columns as the estimators want them: finite, of one length, of one type; or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biolake.core.errors import DataRefused, WrongUse

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]


def floats(name: str, values: ArrayLike, rows: int | None = None) -> Floats:
    """Return a column of finite float64, of `rows` rows when that is given."""
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise WrongUse(f"{name} must be one column, and has {column.ndim} dimensions.")
    _same_length(name, len(column), rows)
    if not np.isfinite(column).all():
        raise _missing(name, int((~np.isfinite(column)).sum()))
    return column


def matrix(name: str, values: ArrayLike, rows: int | None = None) -> NDArray[np.floating]:
    """Return a finite two-dimensional table, a row a subject; float32 is left as it is."""
    table = np.asarray(values)
    if table.dtype not in (np.float32, np.float64):
        table = table.astype(np.float64)
    if table.ndim != 2:
        raise WrongUse(f"{name} must have two dimensions, and has {table.ndim}.")
    _same_length(name, len(table), rows)
    # A sum is not finite when any term is not: one pass, no copy of a large table.
    with np.errstate(invalid="ignore", over="ignore"):
        suspects = np.flatnonzero(~np.isfinite(table.sum(axis=0, dtype=np.float64)))
    for column in suspects:
        lost = int((~np.isfinite(table[:, column])).sum())
        if lost:
            raise _missing(f"{name}, column {column + 1}", lost)
    return table


def flags(name: str, values: ArrayLike, rows: int | None = None) -> Flags:
    """Return a yes/no column given as booleans or as 0 and 1."""
    column = np.asarray(values)
    if column.ndim != 1:
        raise WrongUse(f"{name} must be one column, and has {column.ndim} dimensions.")
    _same_length(name, len(column), rows)
    if column.dtype == np.bool_:
        return column
    numbers = column.astype(np.float64)
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise DataRefused(f"{name} must hold only 0 and 1 (or false and true).")
    return np.asarray(numbers == 1.0)


def risks(name: str, values: ArrayLike, rows: int | None = None) -> Floats:
    """Return a column of probabilities, each from 0 to 1."""
    column = floats(name, values, rows)
    if column.size and (column.min() < 0.0 or column.max() > 1.0):
        raise DataRefused(f"{name} must lie between 0 and 1.", next="Give risks, not scores.")
    return column


def weights_of(values: ArrayLike | None, rows: int) -> Floats:
    """Return case weights: positive or zero, and one each when none are given."""
    if values is None:
        return np.ones(rows)
    column = floats("weights", values, rows)
    if (column < 0.0).any():
        raise DataRefused("weights must not be negative.")
    if not (column > 0.0).any():
        raise DataRefused("weights are all zero.")
    return column


def groups_of(name: str, values: ArrayLike | None, rows: int) -> Indices:
    """Return each row's group as a number from 0, in the order of the sorted labels."""
    return labelled(name, values, rows)[1]


def labelled(name: str, values: ArrayLike | None, rows: int) -> tuple[list[object], Indices]:
    """Return the sorted labels, and each row's place among them (one group when none is given)."""
    if values is None:
        return [None], np.zeros(rows, dtype=np.intp)
    column = np.asarray(values)
    _same_length(name, len(column), rows)
    labels, codes = np.unique(column, return_inverse=True)
    return list(labels.tolist()), codes.astype(np.intp)


def names_of(names: Sequence[str] | None, columns: int) -> tuple[str, ...]:
    """Return the covariates' names: as given, or x1, x2, and so on."""
    if names is None:
        return tuple(f"x{number}" for number in range(1, columns + 1))
    if len(names) != columns:
        raise WrongUse(f"{len(names)} names for {columns} covariates.")
    return tuple(names)


def both_outcomes(outcome: Flags) -> None:
    """Refuse an outcome that all have, or none."""
    if outcome.all() or not outcome.any():
        raise DataRefused("The outcome has only one value: nothing can be told apart.")


def _same_length(name: str, length: int, rows: int | None) -> None:
    if rows is not None and length != rows:
        raise WrongUse(f"{name} has {length} rows where {rows} were expected.")


def _missing(name: str, count: int) -> DataRefused:
    return DataRefused(
        f"{name} has {count} missing or infinite values.",
        next="Impute, or leave those subjects out and report how many.",
    )
