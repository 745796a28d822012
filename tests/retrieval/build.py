"""A small lake and small definitions, and features worked out the slow way."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from biolake.core.schema import EVENTS, MICROSECONDS
from biolake.lake.door import View, open_view
from biolake.lake.lake import Lake
from biolake.retrieval.definition import Definition
from biolake.retrieval.features import build_features
from biolake.retrieval.loading import parse_definition
from biolake.retrieval.matrix import FeatureSet

NOON = datetime(2150, 3, 1, 12)  # noqa: DTZ001 - lake times are naive
DAY = timedelta(days=1)

EVERY = "[count, presence, time_since, n, observed, first, last, min, max, sum, mean, sd, slope]"


def definition(groups: str, extra: str = "") -> Definition:
    return parse_definition(
        f"""
features: test
{extra}
windows:
  day: {{lookback: 1d}}
  gapped: {{lookback: 2d, gap: 12h}}
  before: {{lookback: 1d, end: exclusive}}
  ever: {{lookback: unbounded}}
groups:
  {groups}
"""
    )


def labels(*samples: tuple[int, datetime]) -> pa.Table:
    return pa.table(
        {
            "subject_id": pa.array([subject for subject, _ in samples], pa.int64()),
            "prediction_time": pa.array([time for _, time in samples], MICROSECONDS),
        }
    )


@contextmanager
def pretending(lake: Lake, events: Sequence[dict[str, object]]) -> Iterator[View]:
    """Open a lake of which every subject has other events: these."""
    with open_view(lake) as view:
        shards = {
            s: (g, n)
            for g, n, s in view.rows("SELECT shard_group, shard, subject_id FROM subjects")
        }
        rows = [
            dict.fromkeys(EVENTS.names, None)
            | {"site_id": "main", "load_id": "L1", "source": "labs", "row_key": number}
            | dict(zip(("shard_group", "shard"), shards[event["subject_id"]], strict=True))
            | event
            for number, event in enumerate(events)
        ]
        view.con.register("pretended", pa.Table.from_pylist(rows, EVENTS))
        view.con.execute(
            "CREATE TABLE truth AS FROM pretended"
            " ORDER BY shard_group, shard, subject_id, time NULLS FIRST, row_key"
        )
        view.con.execute("CREATE OR REPLACE VIEW events AS FROM truth")
        view.con.execute(
            "CREATE OR REPLACE VIEW events_by_code AS SELECT * EXCLUDE (row_key) FROM truth"
            " ORDER BY shard_group, shard, code, subject_id, time NULLS FIRST, row_key"
        )
        view.con.execute(
            "CREATE OR REPLACE VIEW codes AS SELECT code, NULL::VARCHAR AS description,"
            " NULL::VARCHAR[] AS parent_codes, split_part(code, '//', 1) AS vocabulary,"
            " count(*) AS events FROM truth GROUP BY code"
        )
        yield view


def features(
    view: View, wanted: pa.Table, asked: Definition, out: Path, **more: object
) -> FeatureSet:
    return build_features(view, wanted, asked, out=out, **more)  # type: ignore[arg-type]


def rows(built: FeatureSet) -> dict[tuple[int, datetime, str], float]:
    """Return every entry that is not what its column's absence stands for, by sample and name."""
    table, dense = built.samples, built.dense()
    keys = list(
        zip(table["subject_id"].to_pylist(), table["prediction_time"].to_pylist(), strict=True)
    )
    found = {}
    for place, column in enumerate(built.columns):
        for row, key in enumerate(keys):
            value = float(dense[row, place])
            if not math.isnan(value) and not (column.absent == 0 and value == 0):
                found[(*key, column.name)] = value
    return found


def expected(
    events: Sequence[dict[str, object]], wanted: pa.Table, asked: Definition
) -> dict[tuple[int, datetime, str], float]:
    """Work out the same entries, one sample, code, window and aggregation at a time."""
    found = {}
    for sample in wanted.to_pylist():
        subject, time = sample["subject_id"], sample["prediction_time"]
        mine = [e for e in events if e["subject_id"] == subject and e["time"] is not None]
        for group in asked.groups:
            for code in sorted({str(e["code"]) for e in mine}) if group.each else [None]:
                for window in group.windows:
                    end = time - timedelta(microseconds=window.cut)
                    start = end - timedelta(microseconds=window.lookback or 10**16)
                    seen = [
                        e for e in mine if code in (None, e["code"]) and start < e["time"] <= end
                    ]
                    for name in group.aggregations:
                        value = aggregate(name, seen, time, end)
                        if value is not None:
                            full = "/".join(filter(None, [group.name, window.name, name, code]))
                            found[subject, time, full] = value
    return found


def aggregate(
    name: str, seen: list[dict[str, object]], time: datetime, end: datetime
) -> float | None:
    """Return one aggregation of some events, None where there is nothing to tell."""
    ages = [(time - e["time"]) / DAY for e in seen]
    if name in ("count", "presence", "time_since"):
        told = {"count": len(ages), "presence": 1, "time_since": min(ages, default=None)}
        return told[name] if seen else None
    pairs = [
        (age, value)
        for age, e in zip(ages, seen, strict=True)
        if (value := e["numeric_value"]) is not None and math.isfinite(value)
        if e["end_time"] is None or e["end_time"] <= end
    ]
    return VALUES[name](pairs, [value for _, value in pairs]) if pairs else None


def slope(pairs: list[tuple[float, float]]) -> float | None:
    """Return the least-squares slope of value against time, a day."""
    if len({age for age, _ in pairs}) < 2:
        return None
    return statistics.linear_regression([-age for age, _ in pairs], [v for _, v in pairs]).slope


VALUES = {
    "n": lambda pairs, values: len(values),
    "observed": lambda pairs, values: 1,
    "first": lambda pairs, values: -max((age, -value) for age, value in pairs)[1],
    "last": lambda pairs, values: -min((age, -value) for age, value in pairs)[1],
    "min": lambda pairs, values: min(values),
    "max": lambda pairs, values: max(values),
    "sum": lambda pairs, values: math.fsum(values),
    "mean": lambda pairs, values: statistics.fmean(values),
    "sd": lambda pairs, values: statistics.stdev(values) if len(values) > 1 else None,
    "slope": lambda pairs, values: slope(pairs),
}
