"""The open data sets that figures are checked on; tests are skipped where they are not at hand."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"


@cache
def columns(name: str) -> dict[str, tuple[str, ...]]:
    """Return a file's columns as text."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip("no shared data")
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    header, *rows = csv.reader(text.decode().splitlines())
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def numbers(values: Sequence[str]) -> np.ndarray:
    """Return text as floats; empty is missing."""
    return np.array([float(value) if value else np.nan for value in values])


def flchain() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return names, covariates, days of follow-up and deaths; complete cases, 6,524 subjects."""
    data = columns("survival_core/flchain.csv.gz")
    male = np.array([value == "M" for value in data["sex"]], dtype=float)
    rest = [numbers(data[name]) for name in ("kappa", "lambda", "creatinine", "mgus")]
    x = np.column_stack([numbers(data["age"]), male, *rest])
    kept = np.isfinite(x).all(axis=1)
    names = ["age", "male", "kappa", "lambda", "creatinine", "mgus"]
    return names, x[kept], numbers(data["futime"])[kept], numbers(data["death"])[kept]


def rotterdam() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return names, covariates, days to recurrence and recurrences; 2,982 subjects."""
    data = columns("survival_core/rotterdam.csv.gz")
    sizes = [np.array([v == level for v in data["size"]], float) for level in ("20-50", ">50")]
    rest = ("grade", "nodes", "pgr", "er", "hormon", "chemo")
    first = [numbers(data["age"]), numbers(data["meno"])]
    x = np.column_stack([*first, *sizes, *(numbers(data[name]) for name in rest)])
    names = ["age", "meno", "size2", "size3", *rest]
    return names, x, numbers(data["rtime"]), numbers(data["recur"])


def gbsg() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return names, covariates, days to recurrence or death, and those events; 686 subjects."""
    data = columns("survival_core/gbsg.csv.gz")
    names = ["age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon"]
    x = np.column_stack([numbers(data[name]) for name in names])
    return names, x, numbers(data["rfstime"]), numbers(data["status"])
