"""The SQL that answers one block of columns for one chunk of samples.

Times are whole microseconds, and `age` is how long before the prediction an event was. A value
counts only once it is known: one whose event was still going on (`end_time`) at the window's end
is left out, though the event itself is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from biolake.core.schema import BIRTH
from biolake.retrieval.definition import COUNTING, DAY, FOREVER, Group, Window
from biolake.retrieval.samples import Chunk

YEAR = 365.25 * DAY
PAIRED = 31  # the unit separator of ASCII, between a code and its unit

# {a}: age of the event, null outside the window; {v}: its value, null if not known.
# Sums are double; a single value is as exact as it is stored.
_MEASURES = {
    "count": "CAST(nullif(count({a}), 0) AS INTEGER)",
    "presence": "CAST(CASE WHEN count({a}) > 0 THEN 1 END AS TINYINT)",
    "time_since": "min({a}) / {day}",
    "n": "CAST(nullif(count({v}), 0) AS INTEGER)",
    "observed": "CAST(CASE WHEN count({v}) > 0 THEN 1 END AS TINYINT)",
    # Of several values at one time, `first` is the least and `last` the greatest.
    "first": "CAST(arg_max({v}, ROW({a}, -{v})) AS FLOAT)",
    "last": "CAST(arg_min({v}, ROW({a}, -{v})) AS FLOAT)",
    "min": "CAST(min({v}) AS FLOAT)",
    "max": "CAST(max({v}) AS FLOAT)",
    "sum": "sum({v})",
    "mean": "avg({v})",
    "sd": "stddev_samp({v})",
    "slope": "CASE WHEN regr_sxx({v}, -{a} / {day}) > 0 THEN regr_slope({v}, -{a} / {day}) END",
}

_GROUP = """
WITH past AS (
    SELECT s.sample, e.item, s.time - e.time AS age, s.time - e.ended AS ended, e.value
    FROM ({events}) e
    JOIN biolake_samples s ON s.subject_id = e.subject_id AND {reach}
    WHERE e.item IS NOT NULL
), seen AS (
    SELECT sample, item, {inputs} FROM past
), answers AS (
    SELECT sample, item, {measures} FROM seen GROUP BY sample, item
)
SELECT * FROM answers {filled} ORDER BY sample, item
"""

_EVENTS = """
    SELECT subject_id,
           epoch_us(time) AS time,
           epoch_us(end_time) AS ended,
           {item} AS item,
           {value} AS value
    FROM {source}
    WHERE shard_group = {group} AND shard BETWEEN {first} AND {last} AND time IS NOT NULL{only}
"""

_STATIC = """
SELECT DISTINCT s.sample, CAST(enum_code(TRY_CAST(e.code AS {codes})) AS INTEGER) AS item,
       CAST(1 AS TINYINT) AS "value"
FROM {source} e
JOIN biolake_samples s USING (subject_id)
WHERE e.shard_group = {group} AND e.shard BETWEEN {first} AND {last}
  AND e.time IS NULL{only} AND TRY_CAST(e.code AS {codes}) IS NOT NULL
ORDER BY sample, item
"""

_AGE = """
SELECT s.sample, CAST(0 AS INTEGER) AS item, max(s.time - epoch_us(e.time)) / {year} AS "value"
FROM events_by_code e
JOIN biolake_samples s ON s.subject_id = e.subject_id AND epoch_us(e.time) <= s.time
WHERE e.shard_group = {group} AND e.shard BETWEEN {first} AND {last} AND e.code = '{birth}'
GROUP BY s.sample
ORDER BY s.sample
"""


def group_sql(
    group: Group, chunk: Chunk, codes: str, source: str, only: str, pairs: str = ""
) -> str:
    """Return the query of a group; `pairs` is the type of the (code, unit) whose values count."""
    number = f"CAST(enum_code(TRY_CAST(code AS {codes})) AS INTEGER)"
    valued = "isfinite(numeric_value)"
    if pairs:
        valued += f" AND TRY_CAST(concat(code, chr({PAIRED}), unit) AS {pairs}) IS NOT NULL"
    first, last = chunk.shards
    events = _EVENTS.format(
        item=number if group.each else f"CASE WHEN {number} IS NOT NULL THEN 0 END",
        value=f"CASE WHEN {valued} THEN CAST(numeric_value AS DOUBLE) END",
        source=source,
        group=chunk.group,
        first=first,
        last=last,
        only=only,
    )
    columns = {
        f'"{window.name}.{name}"': _measure(number, name)
        for number, window in enumerate(group.windows)
        for name in group.aggregations
    }
    return _GROUP.format(
        events=events,
        reach=_reach(group),
        inputs=", ".join(_inputs(number, window) for number, window in enumerate(group.windows)),
        measures=", ".join(f"{sql} AS {name}" for name, sql in columns.items()),
        filled=_filled(group, list(columns)),
    )


def _measure(number: int, name: str) -> str:
    return _MEASURES[name].format(a=f"a{number}", v=f"v{number}", day=float(DAY))


def _reach(group: Group) -> str:
    """Return the condition on an event's time that any of the windows needs."""
    furthest = max(window.until for window in group.windows)
    conditions = [f"e.time <= s.time - {group.cut}"]
    if furthest < FOREVER:
        conditions.append(f"e.time > s.time - {furthest}")
    return " AND ".join(conditions)


def _filled(group: Group, columns: Sequence[str]) -> str:
    """Return the condition that drops rows without any entry, if there can be such rows."""
    furthest = max(window.until for window in group.windows)
    whole = any((w.cut, w.until) == (group.cut, furthest) for w in group.windows)
    if whole and any(name in COUNTING for name in group.aggregations):
        return ""
    return "WHERE " + " OR ".join(f"{name} IS NOT NULL" for name in columns)


def _inputs(number: int, window: Window) -> str:
    conditions = [f"age >= {window.cut}"] if window.cut else []
    if window.until < FOREVER:
        conditions.append(f"age < {window.until}")
    inside = " AND ".join(conditions) or "true"
    known = f"{inside} AND (ended IS NULL OR ended >= {window.cut})"
    return (
        f"CASE WHEN {inside} THEN age END AS a{number},"
        f" CASE WHEN {known} THEN value END AS v{number}"
    )


def static_sql(chunk: Chunk, codes: str, source: str, only: str) -> str:
    first, last = chunk.shards
    return _STATIC.format(
        codes=codes, source=source, group=chunk.group, first=first, last=last, only=only
    )


def age_sql(chunk: Chunk) -> str:
    """Return the query of ages in years; a birth after the prediction time is not known yet."""
    first, last = chunk.shards
    return _AGE.format(year=YEAR, group=chunk.group, first=first, last=last, birth=BIRTH)
