"""Columns of what is known without a window: facts without a time, sex, and age."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from biolake.core.schema import BIRTH
from biolake.lake.door import View
from biolake.retrieval.definition import DAY
from biolake.retrieval.matrix import part_path
from biolake.retrieval.reading import source_of
from biolake.retrieval.samples import Chunk, Samples
from biolake.retrieval.vocabulary import VALUES, Block
from biolake.retrieval.workers import code_type, each

YEAR = 365.25 * DAY

_STATIC = """
SELECT DISTINCT s.sample, CAST(enum_code(TRY_CAST(e.code AS {codes})) AS INTEGER) AS item,
       CAST(1 AS TINYINT) AS "value"
FROM {source} e
JOIN biolake_samples s USING (subject_id)
WHERE e.shard_group = {group} AND e.shard BETWEEN {first} AND {last}
  AND e.time IS NULL{only} AND TRY_CAST(e.code AS {codes}) IS NOT NULL
ORDER BY sample, item
"""

# Of several numbers of one code (two files' quality) the mean.
_VALUES = """
SELECT s.sample, CAST(enum_code(TRY_CAST(e.code AS {codes})) AS INTEGER) AS item,
       avg(CAST(e.numeric_value AS DOUBLE)) AS "value"
FROM {source} e
JOIN biolake_samples s USING (subject_id)
WHERE e.shard_group = {group} AND e.shard BETWEEN {first} AND {last}
  AND e.time IS NULL{only} AND TRY_CAST(e.code AS {codes}) IS NOT NULL
  AND e.numeric_value IS NOT NULL AND NOT isnan(e.numeric_value)
GROUP BY ALL
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


def write_facts(
    view: View,
    samples: Samples,
    parts: list[Chunk],
    folder: Path,
    number: int,
    block: Block,
    threads: int,
) -> None:
    """Write the parts of a block of facts; a birth after the prediction is not known yet."""
    part_path(folder, number, 0).parent.mkdir(parents=True)
    source, only = source_of(block.codes)
    with code_type(view, "biolake_wanted", block.codes) as codes:

        def work(con: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
            first, last = chunk.shards
            place = {"group": chunk.group, "first": first, "last": last}
            if block.kind == "age":
                sql = _AGE.format(year=YEAR, birth=BIRTH, **place)
            else:
                facts = _VALUES if block.measures == VALUES else _STATIC
                sql = facts.format(codes=codes, source=source, only=only, **place)
            _answer(con, samples, chunk, sql, part_path(folder, number, chunk.number))

        for _ in each(view, threads, work, parts):
            pass


def _answer(
    con: duckdb.DuckDBPyConnection, samples: Samples, chunk: Chunk, sql: str, path: Path
) -> None:
    """Run the query of one chunk and write what it answers."""
    rows = np.arange(chunk.start, chunk.stop)
    mine = pa.table(
        {
            "sample": rows.astype(np.int32),
            "subject_id": samples.subject_id[rows],
            "time": samples.time[rows],
        }
    )
    con.register("biolake_arrow", mine)
    con.execute("CREATE OR REPLACE TEMP TABLE biolake_samples AS SELECT * FROM biolake_arrow")
    con.unregister("biolake_arrow")
    quoted = str(path).replace("'", "''")
    con.execute(f"COPY ({sql}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)")
