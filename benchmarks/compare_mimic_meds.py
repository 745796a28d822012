"""Compare Biolake's reading of the MIMIC-IV demo with the published MEDS form of the same demo.

Both start from the same CSV files, so every difference must have a reason, and each reason is a
query over the CSV files whose answer has to equal the difference exactly. From the repository root:

    python benchmarks/compare_mimic_meds.py MIMIC-IV-DEMO-FOLDER MEDS-EVENTS.parquet

Rows match on subject, time, code and value (float32), each as often as both sides hold it.
Exit status 1 if a row of either side is left without a reason.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from biolake.core.reading import ReadContext
from biolake.ingest.mapping import load_mapping, open_mapping

FAMILIES = """
    CASE
        WHEN code LIKE 'LAB//2%' THEN 'LAB (charted)'
        WHEN code LIKE 'LAB//5%' THEN 'LAB (laboratory)'
        WHEN regexp_matches(code, '^(MEDICATION//(START|STOP)|PROCEDURE//[A-Z]+)//')
        THEN split_part(code, '//', 1) || '//' || split_part(code, '//', 2)
        ELSE split_part(code, '//', 1)
    END
"""
TABLES = (
    "hosp/labevents",
    "hosp/pharmacy",
    "hosp/admissions",
    "hosp/hcpcsevents",
    "hosp/omr",
    "icu/inputevents",
    "icu/procedureevents",
    "icu/d_items",
)


class Reason(NamedTuple):
    """Why rows differ: the families it speaks for, and the query that counts them in the CSVs."""

    families: tuple[str, ...]
    side: str  # "ours" or "theirs": the side that holds more
    text: str
    evidence: str


def repeats(table: str, columns: str, where: str = "TRUE") -> str:
    """Return the query counting rows of a table beyond one for each value of the columns."""
    distinct = f"SELECT DISTINCT {columns} FROM {table} WHERE {where}"  # noqa: S608  (own names)
    return f"""
        SELECT count(*) - (SELECT count(*) FROM ({distinct})) FROM {table} WHERE {where}
    """  # noqa: S608  (own names)


MEASURED = ("Weight (Lbs)", "BMI (kg/m2)", "Height (Inches)")
REASONS = (
    Reason(
        ("LAB (charted)",),
        "theirs",
        "charted at the bedside: chartevents is not in this copy of the demo",
        """
        SELECT count(*) FROM theirs JOIN d_items ON itemid = split_part(code, '//', 2)
        WHERE linksto = 'chartevents'
        """,
    ),
    Reason(
        ("LAB (laboratory)",),
        "ours",
        "MEDS drops rows equal in time, item, value, unit, admission and priority",
        repeats(
            "labevents",
            "subject_id, charttime, itemid, value, valuenum, valueuom, hadm_id, priority",
        ),
    ),
    Reason(
        ("MEDICATION//START",),
        "ours",
        "MEDS drops rows equal in start, drug, route, frequency, doses a day and order",
        repeats(
            "pharmacy",
            "subject_id, starttime, medication, route, frequency, doses_per_24_hrs, poe_id",
        ),
    ),
    Reason(
        ("MEDICATION//STOP",),
        "ours",
        "MEDS drops rows equal in stop, drug and order",
        repeats("pharmacy", "subject_id, stoptime, medication, poe_id", "stoptime IS NOT NULL"),
    ),
    Reason(
        ("SUBJECT_WEIGHT_AT_INFUSION",),
        "ours",
        "MEDS keeps one of the infusions started in the same minute with the same weight",
        repeats("inputevents", "subject_id, starttime, patientweight"),
    ),
    Reason(
        ("PROCEDURE//START",),
        "ours",
        "MEDS drops procedures equal in start, item and stay",
        repeats("procedureevents", "subject_id, starttime, itemid, hadm_id, stay_id"),
    ),
    Reason(
        ("PROCEDURE//END",),
        "ours",
        "MEDS drops procedures equal in end, item and stay",
        repeats("procedureevents", "subject_id, endtime, itemid, hadm_id, stay_id"),
    ),
    Reason(
        ("ED_REGISTRATION",),
        "ours",
        "two admissions out of one visit to the emergency department",
        repeats("admissions", "subject_id, edregtime", "edregtime IS NOT NULL"),
    ),
    Reason(
        ("ED_OUT",),
        "ours",
        "two admissions out of one visit to the emergency department",
        repeats("admissions", "subject_id, edouttime", "edouttime IS NOT NULL"),
    ),
    Reason(
        ("HCPCS",),
        "ours",
        "MEDS drops rows equal in day, short description (it keeps no code) and admission",
        repeats("hcpcsevents", "subject_id, chartdate, short_description, hadm_id"),
    ),
    Reason(
        MEASURED,
        "ours",
        "weight, height and body mass index are numbers here; each row is kept",
        "SELECT count(*) FROM omr WHERE NOT starts_with(result_name, 'Blood Pressure')",
    ),
    Reason(
        MEASURED,
        "theirs",
        "the same measurements (subject, day, name), as text without a number, equal rows once",
        """
        SELECT count(*) FROM theirs WHERE EXISTS (
            SELECT 1 FROM omr
            WHERE CAST(omr.subject_id AS BIGINT) = theirs.subject
                AND CAST(omr.chartdate AS TIMESTAMP) = theirs.time
                AND omr.result_name = theirs.code
                AND NOT starts_with(omr.result_name, 'Blood Pressure')
        )
        """,
    ),
    Reason(
        (
            "Blood Pressure",
            "Blood Pressure Lying",
            "Blood Pressure Sitting",
            "Blood Pressure Standing (1 min)",
            "Blood Pressure Standing (3 mins)",
        ),
        "ours",
        "a blood pressure also gives its systolic and diastolic numbers",
        "SELECT 2 * count(*) FROM omr WHERE starts_with(result_name, 'Blood Pressure')",
    ),
)


def read_events(source: Path) -> pa.Table:
    """Return subject, time, code and value of every event that Biolake reads from the folder."""
    columns = ["subject", "time", "code", "numeric_value"]
    with tempfile.TemporaryDirectory() as scratch:
        reading = open_mapping(load_mapping("mimic-iv"), source, ReadContext("demo", Path(scratch)))
        parts = [
            chunk.events.select(columns)
            for chunk in reading.chunks(reading.files)
            if chunk.events is not None
        ]
    return pa.concat_tables(parts)


def prepare(source: Path, meds: Path) -> duckdb.DuckDBPyConnection:
    """Load both sides and the CSV tables the reasons speak of."""
    con = duckdb.connect()
    events = read_events(source)
    con.register("events", events)
    con.execute(f"""
        CREATE TABLE ours AS SELECT {FAMILIES} AS family, CAST(subject AS BIGINT) AS subject,
            time, code, CAST(numeric_value AS FLOAT) AS value FROM events
    """)  # noqa: S608
    con.execute(
        f"""
        CREATE TABLE theirs AS SELECT {FAMILIES} AS family, subject_id AS subject,
            time, code, value FROM read_parquet(?)
        """,  # noqa: S608
        [str(meds)],
    )
    for table in TABLES:
        (file,) = source.glob(f"{table}.csv*")
        con.execute(
            f"CREATE TABLE {table.rpartition('/')[2]} AS SELECT * "  # noqa: S608
            f"FROM read_csv(?, header = true, all_varchar = true, nullstr = '')",
            [str(file)],
        )
    return con


def compare(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int, int]]:
    """Return family, rows of ours, rows of theirs and matched rows, largest first."""
    return con.execute("""
        WITH a AS (SELECT *, count(*) AS n FROM ours GROUP BY ALL),
            b AS (SELECT *, count(*) AS n FROM theirs GROUP BY ALL)
        SELECT coalesce(a.family, b.family) AS family,
            coalesce(sum(a.n), 0)::BIGINT AS ours,
            coalesce(sum(b.n), 0)::BIGINT AS theirs,
            coalesce(sum(least(a.n, b.n)) FILTER (a.n > 0 AND b.n > 0), 0)::BIGINT AS matched
        FROM a FULL JOIN b
            ON a.subject = b.subject AND a.time IS NOT DISTINCT FROM b.time
            AND a.code = b.code AND a.value IS NOT DISTINCT FROM b.value
        GROUP BY 1 ORDER BY theirs DESC, ours DESC
    """).fetchall()


def explain(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[str, int, int, int]]
) -> tuple[list[tuple[str, str, int, str]], int]:
    """Return every difference with its reason, and how many rows have none."""
    more: dict[str, dict[str, int]] = {"ours": {}, "theirs": {}}
    for family, ours, theirs, matched in rows:
        if theirs:  # a family MEDS has not is a table it leaves out
            more["ours"][family] = ours - matched
            more["theirs"][family] = theirs - matched
    left = sum(sum(side.values()) for side in more.values())
    found: list[tuple[str, str, int, str]] = []
    for reason in REASONS:
        count = sum(more[reason.side].get(family, 0) for family in reason.families)
        (evidence,) = con.execute(reason.evidence).fetchone() or (0,)
        text = reason.text if evidence == count else f"NOT EXPLAINED: the query finds {evidence}"
        left -= count if evidence == count else 0
        found.append((" + ".join(reason.families), reason.side, count, text))
    return found, left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="folder of the MIMIC-IV demo, CSV")
    parser.add_argument("meds", type=Path, help="Parquet file of the demo in MEDS form")
    arguments = parser.parse_args()
    con = prepare(arguments.source, arguments.meds)
    rows = compare(con)
    print("| code family | ours | MEDS | matched |\n|---|---:|---:|---:|")
    for family, ours, theirs, matched in rows:
        print(f"| {family} | {ours:,} | {theirs:,} | {matched:,} |")
    found, left = explain(con, rows)
    print("\n| family | more in | rows | why |\n|---|---|---:|---|")
    for family, side, count, text in found:
        print(f"| {family} | {'ours' if side == 'ours' else 'MEDS'} | {count:,} | {text} |")
    shared = [row for row in rows if row[2]]
    print(
        f"\nMatched {sum(row[3] for row in shared):,} of {sum(row[2] for row in shared):,} "
        f"MEDS rows; {left:,} rows of either side without a reason."
    )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
