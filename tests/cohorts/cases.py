"""Random small tasks and event tables, and a view of such a table that needs no lake on disk.

Times are whole hours, so that offsets and events often fall on the same instant.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from biolake.core.schema import TERMS
from biolake.lake.commits import Commit, StoredFile, TableState
from biolake.lake.door import Access, View, view_sql

HOUR = 3_600_000_000
EPOCH = dt.datetime(2020, 1, 1)  # noqa: DTZ001  MEDS times are naive
CODES = ("A", "B", "C//1", "C//2", "LAB")
VALUES = (None, 1.2999, 1.3, 1.31, 7.0, float("nan"))
STATIC = ("SEX//M", "SEX//F")
ANY, FIRST, LAST = "_ANY_EVENT", "_RECORD_START", "_RECORD_END"


# The lake's event columns; UNIT is an SQL expression over the row.
TABLE = """
CREATE TABLE events AS
SELECT (subject_id % 2)::INTEGER AS shard_group, 0::SMALLINT AS shard, *,
       (UNIT)::VARCHAR AS unit, NULL::TIMESTAMP AS end_time, NULL::BIGINT AS encounter_id,
       'main' AS site_id, 'l' AS load_id, 's' AS source
FROM meds
"""


@dataclass(frozen=True)
class Event:
    """One fact; `hour` counts from an epoch and is None if the fact has no time."""

    subject: int
    hour: int | None
    code: str
    value: float | None = None
    text: str | None = None


@dataclass(frozen=True)
class Move:
    """How a point is found from another: `offset` (hours), `next`, `previous`, or `stay`."""

    kind: str
    hours: int = 0
    event: str = ""


@dataclass(frozen=True)
class WindowSpec:
    name: str
    root: str
    reference: str
    first: Move
    second: Move
    inclusive: dict[str, bool]
    has: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    label: str = ""
    index: str = ""


@dataclass(frozen=True)
class Spec:
    """A task as plain values: predicates are written as their YAML would be."""

    trigger: str
    windows: list[WindowSpec]
    predicates: dict[str, dict[str, object]]
    demographics: dict[str, dict[str, object]] = field(default_factory=dict)


PREDICATES: dict[str, dict[str, object]] = {
    "a": {"code": "A"},
    "b": {"code": "B"},
    "c": {"code": {"regex": "^C//.*"}},
    "ac": {"code": {"any": ["A", "C//2"]}},
    "high": {"code": "LAB", "value_min": 1.3, "value_min_inclusive": False},
    "upto": {"code": "LAB", "value_max": 1.3, "value_max_inclusive": True},
    "band": {"code": "LAB", "value_min": 1.3, "value_min_inclusive": True, "value_max": 7},
    "noted": {"code": "B", "text_value": "x"},
    "a_or_b": {"expr": "or(a, b)"},
    "both": {"expr": "and(a, b)"},
    "deep": {"expr": "and(a_or_b, c)"},
    "man": {"code": "SEX//M", "static": True},
    "man_a": {"expr": "and(man, a)"},
}
# A static predicate holds at no time, so only other predicates can name it.
COUNTED = [name for name in PREDICATES if name != "man"]
DEMOGRAPHICS: dict[str, dict[str, object]] = {"male": {"code": "SEX//M"}}


def random_events(rng: random.Random, subjects: int = 6, most: int = 14) -> list[Event]:
    events = []
    for subject in range(1, subjects + 1):
        hours = rng.choice((6, 24, 72))
        events += [Event(subject, None, sex) for sex in STATIC if rng.random() < 0.5]
        for _ in range(rng.randint(1, most)):
            code = rng.choice(CODES)
            value = rng.choice(VALUES) if code == "LAB" else None
            text = rng.choice(("x", "y", None)) if code == "B" else None
            events.append(Event(subject, rng.randint(0, hours), code, value, text))
    return events


def random_spec(rng: random.Random) -> Spec:
    names = COUNTED
    trigger = rng.choice([*names, "a", "b", "c", "a_or_b", ANY, ANY, FIRST, LAST])
    points, windows = ["trigger"], []
    for number in range(rng.choice((1, 2, 2, 3, 4))):
        window = _random_window(rng, f"w{number}", points)
        windows.append(window)
        points += [f"{window.name}.start", f"{window.name}.end"]
    labelled, indexed = rng.randrange(len(windows)), rng.randrange(len(windows))
    windows = [
        WindowSpec(
            **{
                **vars(window),
                "label": rng.choice(names) if number == labelled else "",
                "index": rng.choice(("start", "end")) if number == indexed else "",
            }
        )
        for number, window in enumerate(windows)
    ]
    demographics = DEMOGRAPHICS if rng.random() < 0.2 else {}
    return Spec(trigger, windows, PREDICATES, demographics)


def _random_window(rng: random.Random, name: str, points: list[str]) -> WindowSpec:
    root = rng.choice(("start", "end"))
    names = [*COUNTED, "a", "b", "c", "a_or_b", ANY, ANY]
    first = rng.choice(
        [
            Move("stay"),
            Move("stay"),
            Move("offset", rng.choice((-2, 1, 3, 12))),
            Move("offset", rng.choice((-24, -3, -1, 1, 2, 24))),
            Move(rng.choice(("next", "previous")), event=rng.choice(names)),
        ]
    )
    forward = root == "start"
    edge = LAST if forward else FIRST
    size = rng.choice((1, 2, 5, 24, 48))
    second = rng.choice(
        [
            Move("offset", size if forward else -size),
            Move("next" if forward else "previous", event=rng.choice([*names, edge])),
            Move("next" if forward else "previous", event=edge),
        ]
    )
    inclusive = {"start": rng.random() < 0.5, "end": rng.random() < 0.5}
    has = {}
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        low, high = rng.choice(((1, None), (None, 0), (None, 1), (0, 2), (1, 2), (2, None)))
        has[rng.choice([*COUNTED, "a", "c", ANY, FIRST, LAST])] = (low, high)
    return WindowSpec(name, root, rng.choice(points), first, second, inclusive, has)


def task_yaml(spec: Spec) -> str:
    """Write the task as ACES reads it."""
    import yaml

    windows = {window.name: _window_yaml(window) for window in spec.windows}
    task: dict[str, object] = {"predicates": spec.predicates, "trigger": spec.trigger}
    if spec.demographics:
        task["patient_demographics"] = spec.demographics
    # Equal blocks must not become YAML aliases: every block is its own.
    return str(yaml.dump({**task, "windows": windows}, sort_keys=False))


def _window_yaml(window: WindowSpec) -> dict[str, object]:
    other = "end" if window.root == "start" else "start"
    found: dict[str, object] = {
        window.root: _boundary(window.reference, window.first),
        other: _boundary(window.root, window.second),
        "start_inclusive": window.inclusive["start"],
        "end_inclusive": window.inclusive["end"],
    }
    if window.has:
        found["has"] = {name: f"({low}, {high})" for name, (low, high) in window.has.items()}
    if window.label:
        found["label"] = window.label
    if window.index:
        found["index_timestamp"] = window.index
    return found


def _boundary(reference: str, move: Move) -> str | None:
    if move.event in (FIRST, LAST):
        return None
    if move.kind == "stay":
        return reference
    if move.kind == "offset":
        sign, hours = ("-" if move.hours < 0 else "+"), abs(move.hours)
        return f"{reference} {sign} {_duration(hours)}"
    return f"{reference} {'->' if move.kind == 'next' else '<-'} {move.event}"


def _duration(hours: int) -> str:
    if hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours}h" if hours % 2 else f"{hours * 60} minutes"


def microseconds(hour: int) -> int:
    return round((EPOCH - dt.datetime(1970, 1, 1)).total_seconds()) * 1_000_000 + hour * HOUR  # noqa: DTZ001


def at(hour: int | None) -> dt.datetime | None:
    return None if hour is None else EPOCH + dt.timedelta(hours=hour)


def meds_table(events: list[Event]) -> pa.Table:
    """Return the events as a MEDS table, sorted by subject and time."""
    rows = sorted(events, key=lambda e: (e.subject, -1 if e.hour is None else e.hour))
    return pa.table(
        {
            "subject_id": pa.array([e.subject for e in rows], pa.int64()),
            "time": pa.array([at(e.hour) for e in rows], pa.timestamp("us")),
            "code": pa.array([e.code for e in rows], pa.string()),
            "numeric_value": pa.array([e.value for e in rows], pa.float32()),
            "text_value": pa.array([e.text for e in rows], pa.string()),
        }
    )


def memory_view(
    events: list[Event], parents: dict[str, list[str]] | None = None, units: str | None = None
) -> View:
    """Return a view of events that lie in memory, in two shard groups."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.execute("SET TimeZone = 'UTC'")
    con.register("meds", meds_table(events))
    con.execute(TABLE.replace("UNIT", "NULL" if units is None else units))
    con.execute("CREATE VIEW events_by_code AS FROM events")
    con.execute(
        "CREATE TABLE codes AS SELECT code, NULL::VARCHAR AS description,"
        " NULL::VARCHAR[] AS parent_codes, '' AS vocabulary, count(*) AS events"
        " FROM events GROUP BY code"
    )
    con.execute(view_sql("terms", TERMS, []))
    for code, above in (parents or {}).items():
        con.execute("UPDATE codes SET parent_codes = ? WHERE code = ?", [above, code])
    files = tuple(StoredFile(f"{g}", 0, "", 2_000_000, 0, g) for g in (0, 1))
    commit = Commit(1, "load", "", "", "", "", tables={"events": TableState(1, files)})
    return View(None, commit, con, Access())  # type: ignore[arg-type]
