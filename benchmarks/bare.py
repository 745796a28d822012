"""The least work that makes two sorted copies of a laboratory source: DuckDB, no lake.

One parse, the same event rows, one Parquet file in subject order and one in code order. What
Biolake costs beyond this is the price of its checks, row keys, provenance, history and shards.
"""

from __future__ import annotations

import argparse
from pathlib import Path

LABEVENTS = (
    "{'labevent_id': 'BIGINT', 'subject_id': 'BIGINT', 'hadm_id': 'BIGINT', 'itemid': 'VARCHAR', "
    "'charttime': 'TIMESTAMP', 'valuenum': 'DOUBLE', 'valueuom': 'VARCHAR', 'flag': 'VARCHAR'}"
)
PATIENTS = "{'subject_id': 'BIGINT', 'gender': 'VARCHAR', 'dob': 'TIMESTAMP', 'dod': 'TIMESTAMP'}"
EVENTS = """
CREATE TABLE events AS
SELECT subject_id, charttime AS time,
       'LAB//' || itemid || '//' || coalesce(valueuom, 'UNK') AS code,
       valuenum::FLOAT AS numeric_value, flag AS text_value, valueuom AS unit,
       hadm_id AS encounter_id
FROM read_csv('{source}/labevents.csv', header = true, columns = {labevents})
UNION ALL BY NAME SELECT subject_id, dob AS time, 'MEDS_BIRTH' AS code FROM people
UNION ALL BY NAME SELECT subject_id, dod AS time, 'MEDS_DEATH' AS code FROM people
WHERE dod IS NOT NULL
UNION ALL BY NAME SELECT subject_id, 'SEX//' || gender AS code FROM people
"""
ORDERS = {"events": "subject_id, time", "events_by_code": "code, subject_id, time"}


def convert(source: Path, out: Path, threads: int, memory: str) -> None:
    """Write `out/events.parquet` and `out/events_by_code.parquet`."""
    import duckdb

    con = duckdb.connect()
    con.execute(f"SET threads = {threads}")
    con.execute(f"SET memory_limit = '{memory}'")
    con.execute(f"SET temp_directory = '{out}/spill'")
    con.execute("SET preserve_insertion_order = false")
    con.execute(
        "CREATE VIEW people AS FROM "
        f"read_csv('{source}/patients.csv', header = true, columns = {PATIENTS})"
    )
    con.execute(EVENTS.format(source=source, labevents=LABEVENTS))
    for name, order in ORDERS.items():
        con.execute(
            f"COPY (FROM events ORDER BY {order}) TO '{out}/{name}.parquet' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="1GB")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    convert(asked.source, asked.out, asked.threads, asked.memory)


if __name__ == "__main__":
    main()
