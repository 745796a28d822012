"""Write what is in a study's folder: the result with rounded figures, and its tables."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_DIGITS = 10


def write_result(result: Mapping[str, Any], path: Path) -> None:
    """Write result.json: keys sorted, floats to 10 significant digits, no NaN."""
    text = json.dumps(
        rounded(result), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Return plain JSON values; NaN and infinity become null."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, np.generic):
        return rounded(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): rounded(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return rounded(value.tolist())
    if isinstance(value, Sequence):
        return [rounded(inner) for inner in value]
    raise TypeError(f"a result cannot hold a {type(value).__name__}")


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows of plain values; nested ones as JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for row in rows:
            plain = (rounded(row.get(name)) for name in names)
            table.writerow(
                json.dumps(v, sort_keys=True) if isinstance(v, list | dict) else v for v in plain
            )
