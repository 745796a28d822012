"""Measure the two look-ups a person waits for, warm, on a lake made from a laboratory source.

    python benchmarks/lookups.py --lake LAKE --source SRC

Subjects are spread evenly over the source; codes are met as they occur, so common ones are likely.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

from measure import table, use_threads

from biolake.core.keys import shard_of
from biolake.lake.door import View, open_view
from biolake.lake.lake import open_lake

Key = TypeVar("Key", int, str)
KEYS = 30
BARS_MS = {"events of one subject": 50, "count of one code": 40}


def events_of_subject(view: View, subject_id: int) -> object:
    """Fetch every event of one subject (the lake keeps the source's ids)."""
    shard = shard_of(subject_id)
    return view.rows(
        "SELECT time, code, numeric_value, text_value, unit FROM events"
        " WHERE shard_group = ? AND shard = ? AND subject_id = ?",
        [view.lake.group_of(shard), shard, subject_id],
    )


def count_of_code(view: View, code: str) -> object:
    """Count the events that carry one code, and their subjects."""
    return view.rows(
        "SELECT count(*), count(DISTINCT subject_id) FROM events_by_code WHERE code = ?", [code]
    )


def subjects(source: Path) -> list[int]:
    """Choose subjects at equal distances through the source."""
    everybody = [int(row["subject_id"]) for row in _rows(source / "patients.csv")]
    return everybody[:: max(1, len(everybody) // KEYS)][:KEYS]


def codes(source: Path) -> list[str]:
    """Choose the first distinct codes of the source."""
    seen: dict[str, None] = {}
    for row in islice(_rows(source / "labevents.csv"), 10_000):
        seen[f"LAB//{row['itemid']}//{row['valueuom'] or 'UNK'}"] = None
    return list(seen)[:KEYS]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def latencies_ms(look_up: Callable[[Key], object], keys: Sequence[Key]) -> list[float]:
    """Time one look-up per key, after one that is not counted."""
    look_up(keys[0])
    return [_milliseconds(look_up, key) for key in keys]


def _milliseconds(look_up: Callable[[Key], object], key: Key) -> float:
    start = time.perf_counter()
    look_up(key)
    return (time.perf_counter() - start) * 1_000


def line(what: str, measured: Sequence[float]) -> list[str]:
    p95 = quantiles(measured, n=20)[-1]
    return [what, str(len(measured)), f"{median(measured):.1f}", f"{p95:.1f}", str(BARS_MS[what])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--source", type=Path, required=True)
    asked = parser.parse_args()
    use_threads()
    with open_view(open_lake(str(asked.lake))) as view:
        by_subject = latencies_ms(lambda key: events_of_subject(view, key), subjects(asked.source))
        by_code = latencies_ms(lambda key: count_of_code(view, key), codes(asked.source))
    lines = [line("events of one subject", by_subject), line("count of one code", by_code)]
    sys.stdout.write(table(("what", "keys", "median ms", "p95 ms", "bar ms"), lines))


if __name__ == "__main__":
    main()
