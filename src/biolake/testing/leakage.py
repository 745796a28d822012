"""The leakage test: change everything after the prediction time; what was built must not change.

    assert_blind_to_future(build, view, labels)

`build(view, labels)` returns a table of one row a label. It is called on the lake as it is, and on
the same lake with another future: later events lost, moved, recoded, revalued and invented, values
of events still going on replaced, deaths and discharges changed. Later assets are lost, moved and
invented, and they and those still being recorded have other vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.hashing import content_hash
from biolake.core.schema import MICROSECONDS
from biolake.lake.door import View

Build = Callable[[View, pa.Table], pa.Table]

INVENTED = "FUTURE//INVENTED"

_TABLES = ("events", "events_by_code", "subjects", "encounters", "codes", "assets", "embeddings")

# Draws are hashes of the row and the seed, so that a failure can be repeated.
_FUTURE = """
CREATE TABLE future_all AS
WITH placed AS (
    -- Rows of one moment keep their order: it decides the last bit of a sum.
    SELECT *, row_number() OVER () AS place FROM events
), drawn AS (
    SELECT e.*, l.until, CAST(hash(e.row_key, {seed}) % 1000003 AS BIGINT) AS draw,
           lead(e.code) OVER (PARTITION BY e.shard ORDER BY hash(e.row_key, {seed} + 1)) AS other
    FROM placed e LEFT JOIN future_from l USING (subject_id)
), past AS (
    SELECT * REPLACE (
        CASE WHEN end_time > until THEN 1e6 + draw % 1000 ELSE numeric_value END AS numeric_value,
        CASE WHEN end_time > until THEN 'FUTURE' ELSE text_value END AS text_value,
        CASE WHEN end_time > until THEN until + to_hours(1 + draw % 999) ELSE end_time END
            AS end_time
    )
    FROM drawn WHERE time IS NULL OR time <= until
), changed AS (
    SELECT * REPLACE (
        time + to_hours(draw % 9999) AS time,
        coalesce(other, '{invented}') AS code,
        -1e6 - draw % 1000 AS numeric_value,
        'FUTURE' AS unit,
        NULL AS end_time
    )
    FROM drawn WHERE (time > until OR (until IS NULL AND time IS NOT NULL)) AND draw % 2 = 0
), invented AS (
    SELECT * REPLACE (
        until + to_microseconds(1 + draw % 3 * 3600000000) AS time,
        CASE WHEN draw % 2 = 0 THEN '{invented}' ELSE code END AS code,
        2e6 AS numeric_value, 'FUTURE' AS unit, NULL AS end_time
    )
    FROM drawn WHERE until IS NOT NULL AND draw % 3 = 0
)
SELECT * EXCLUDE (until, draw, other) FROM (
    FROM past UNION ALL FROM changed UNION ALL FROM invented
)
"""

_OTHERS = {
    "events": "SELECT * EXCLUDE (place) FROM future_all"
    " ORDER BY shard_group, shard, subject_id, time NULLS FIRST, place",
    "events_by_code": "SELECT * EXCLUDE (place, row_key) FROM future_all"
    " ORDER BY shard_group, shard, code, subject_id, time NULLS FIRST, place",
    "subjects": "SELECT s.* REPLACE ("
    " CASE WHEN death <= until THEN death"
    " WHEN hash(subject_id) % 2 = 0 THEN until + INTERVAL 1 DAY END AS death,"
    " 1 + (SELECT count(*) FROM future_all e WHERE e.subject_id = s.subject_id) AS events)"
    " FROM now_subjects s LEFT JOIN future_from USING (subject_id)"
    " ORDER BY shard_group, shard, subject_id",
    "encounters": 'SELECT n.* REPLACE (CASE WHEN "end" <= until THEN "end" END AS "end")'
    " FROM now_encounters n LEFT JOIN future_from USING (subject_id)"
    ' WHERE "start" IS NULL OR "start" <= until',
    "codes": f"SELECT * FROM now_codes UNION ALL SELECT '{INVENTED}', NULL, NULL, 'FUTURE', 1"  # noqa: S608 - names are ours
    " ORDER BY code",
    "assets": f"""
        WITH drawn AS (
            SELECT a.*, l.until, greatest(a.time, a.end_time) > l.until AS later,
                   CAST(hash(a.asset_id) % 1000003 AS BIGINT) AS draw
            FROM now_assets a LEFT JOIN future_from l USING (subject_id)
        )
        SELECT * EXCLUDE (until, later, draw) REPLACE (
            CASE WHEN time > until THEN until + to_microseconds(1 + draw * 999983) ELSE time END
                AS time,
            CASE WHEN later THEN until + to_hours(300 + draw) ELSE end_time END AS end_time
        ) FROM drawn WHERE NOT coalesce(later, false) OR time <= until OR draw % 3 > 0
        UNION ALL
        SELECT * EXCLUDE (until, later, draw) REPLACE (
            '{INVENTED}' || asset_id AS asset_id, until + to_microseconds(1) AS time,
            NULL AS end_time
        ) FROM drawn WHERE until IS NOT NULL AND draw % 2 = 0
    """,  # noqa: S608 - names are ours
    "embeddings": f"""
        WITH later AS (
            SELECT asset_id, any_value(greatest(a.time, a.end_time) > l.until) AS later
            FROM now_assets a JOIN future_from l USING (subject_id) GROUP BY asset_id
        )
        SELECT e.* REPLACE (
            CASE WHEN later THEN list_transform(vector, lambda x: 1000 - 3 * x) ELSE vector END
                AS vector
        ) FROM now_embeddings e LEFT JOIN later USING (asset_id)
        UNION ALL
        SELECT e.* REPLACE ('{INVENTED}' || asset_id AS asset_id, 'FUTURE' AS encoder_version)
        FROM now_embeddings e
    """,  # noqa: S608
}


def assert_blind_to_future(
    build: Build, view: View, labels: pa.Table, *, seed: int = 0, ranks: int = 3
) -> None:
    """Fail if anything built for a label depends on what came after its prediction time.

    A subject's samples are tested one at a time, the first `ranks` of each: what is past to a later
    sample is future to an earlier one.
    """
    for rank in range(ranks):
        mine = _of_rank(labels, rank)
        if not mine.num_rows:
            break
        truth = build(view, mine)
        with another_future(view, mine, seed + 7 * rank):
            changed = build(view, mine)
        _assert_equal(truth, changed, rank)


@contextmanager
def another_future(view: View, labels: pa.Table, seed: int = 0) -> Iterator[None]:
    """Show the view's tables with other events after each subject's last prediction time."""
    con = view.con
    quoted = ", ".join(f"'{name}'" for name in _TABLES)
    query = f"SELECT view_name, sql FROM duckdb_views() WHERE view_name IN ({quoted})"  # noqa: S608
    originals = dict(view.rows(query))
    con.register("future_labels", labels.select(["subject_id", "prediction_time"]))
    con.execute(
        "CREATE TABLE future_from AS SELECT subject_id, max(prediction_time) AS until"
        " FROM future_labels GROUP BY subject_id"
    )
    try:
        con.execute(_FUTURE.format(seed=int(seed), invented=INVENTED))
        for name, sql in _OTHERS.items():
            if "now_" in sql:
                con.execute(f"CREATE TABLE now_{name} AS FROM {name}")
            con.execute(f"CREATE TABLE future_{name} AS {sql}")
        for name in _TABLES:
            con.execute(f"CREATE OR REPLACE VIEW {name} AS FROM future_{name}")
        yield
    finally:
        for sql in originals.values():
            con.execute(sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
        for name in ("from", "all", *_TABLES):
            con.execute(f"DROP TABLE IF EXISTS future_{name}")
            con.execute(f"DROP TABLE IF EXISTS now_{name}")
        con.unregister("future_labels")


def _of_rank(labels: pa.Table, rank: int) -> pa.Table:
    """Return the sample of each subject that comes at place `rank` in time."""
    subject = labels["subject_id"].to_numpy()
    time = pc.cast(labels["prediction_time"], MICROSECONDS).cast(pa.int64()).to_numpy()
    order = np.lexsort((time, subject))
    fresh = np.flatnonzero(np.append(True, np.diff(subject[order]) != 0)[: len(order)])
    counts = np.diff(np.append(fresh, len(order)))
    place = np.arange(len(order)) - np.repeat(fresh, counts)
    return labels.take(pa.array(np.sort(order[place == rank])))


def _assert_equal(truth: pa.Table, changed: pa.Table, rank: int) -> None:
    assert changed.column_names == truth.column_names, "the columns depend on the future"
    assert changed.num_rows == truth.num_rows, "the number of rows depends on the future"
    seen = [
        name
        for name in truth.column_names
        if not np.array_equal(content_hash(truth, [name]), content_hash(changed, [name]))
    ]
    assert not seen, f"sample {rank + 1} of a subject: {', '.join(seen)} depend on the future"
