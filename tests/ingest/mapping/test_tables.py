"""What becomes of each row, and what a row becomes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from tests.ingest.mapping.source import HEADER, TABLE, read

from biolake.core.errors import DataRefused, MappingInvalid
from biolake.core.keys import row_key


def test_a_row_becomes_an_event_with_the_source_s_own_key(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": HEADER + "7,1,2020-01-02 03:04:05,x,1.5,high\n"})
    assert outcome.table() == [
        {
            "subject": 1,
            "time": datetime.fromisoformat("2020-01-02 03:04:05"),
            "end_time": None,
            "code": "A//x",
            "numeric_value": 1.5,
            "text_value": "high",
            "unit": None,
            "encounter": None,
            "row_key": 7 ^ row_key("small", "t", "event"),
        }
    ]
    assert all(chunk.keyed for chunk in outcome.chunks)


FATES = """
tables:
  t:
    file: t.csv
    columns: {at: TIMESTAMP, num: DOUBLE}
    skip:
      - {when: what = 'draft', why: not final}
      - {when: what LIKE 'd%', why: starts with d}
    events:
      - {name: a, when: what <> 'none', code: "'A//' || what", time: at}
      - {name: b, when: num > 5, code: "nullif(txt, 'no code')", static: true}
"""


@pytest.mark.parametrize(
    ("row", "fate"),
    [
        ("1,2020-01-01,x,1,t", "event"),
        ("1,,x,9,t", "event"),  # the second rule still gives one
        ("1,2020-13-01,draft,1,t", ("at", "not a TIMESTAMP")),
        ("1,2020-01-01,x,1e999,t", ("num", "not a DOUBLE")),
        ("1,2020-01-01,x,nan,t", ("num", "not a DOUBLE")),
        ("1,2020-01-01T10:00:00+02:00,x,1,t", ("at", "has an offset")),
        ("1,2020-01-01 10:00:00Z,x,1,t", ("at", "has an offset")),
        (",2020-01-01,draft,1,t", "not final"),
        ("1,2020-01-01,dull,1,t", "starts with d"),
        (",2020-01-01,x,1,t", ("subject", "empty")),
        ("1.5,2020-01-01,x,1,t", ("sid", "not a BIGINT")),
        ("1e3,2020-01-01,x,1,t", ("sid", "not a BIGINT")),
        ("1,,x,1,t", ("at", "no time")),
        ("1,,none,9,no code", ("nullif(txt, 'no code')", "no code")),
        ("1,2020-01-01,none,1,t", "no rule applies"),
    ],
)
def test_every_row_has_one_fate(tmp_path: Path, row: str, fate: str | tuple[str, str]) -> None:
    tally = read(tmp_path, {"t.csv": f"sid,at,what,num,txt\n{row}\n"}, FATES).tally
    assert tally.rows == 1
    if isinstance(fate, tuple):
        assert [(r.row, r.column) for r in tally.rejects] == [(2, fate[0])]
        assert tally.rejects[0].reason.startswith(fate[1])
    elif fate == "event":
        assert tally.event_rows == 1
    else:
        assert tally.skipped == {fate: 1}


def test_several_rules_give_several_events_with_different_keys(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": "sid,at,what,num,txt\n1,2020-01-01,x,9,t\n"}, FATES)
    events = outcome.table()
    assert [event["code"] for event in events] == ["A//x", "t"]
    assert events[0]["row_key"] != events[1]["row_key"]
    assert outcome.tally.event_rows == 1


def test_an_unkeyed_row_is_known_by_a_hash_that_any_release_can_compute(tmp_path: Path) -> None:
    rows = "1,2020-01-01,x,,t\n" * 2 + "1,2020-01-01,x,0,t\n"
    outcome = read(tmp_path, {"t.csv": "sid,at,what,num,txt\n" + rows}, FATES)
    keys = [event["row_key"] for event in outcome.table()]
    assert keys[0] == keys[1] != keys[2]
    assert not any(chunk.keyed for chunk in outcome.chunks)
    # Columns in the order of their names: at, num, sid, txt, what.
    digest = hashlib.md5(b"10:2020-01-01-1:11:t1:x", usedforsecurity=False).digest()
    expected = int.from_bytes(digest[:8], "little", signed=True) ^ row_key("small", "t", "a")
    assert keys[0] == expected


def test_a_table_without_its_key_is_quarantined_row_by_row(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": HEADER + ",1,2020-01-01,x,,\n"})
    assert outcome.rejects == [(2, "id", "the key is empty")]


PATIENTS = """
tables:
  visits:
    file: visits.csv
    columns: {visit: BIGINT, start: TIMESTAMP, stop: TIMESTAMP}
    events: [{code: "'IN'", time: start, when: kind <> 'quiet'}]
    encounters: {id: visit, start: start, end: stop, kind: kind}
  people:
    file: people.csv
    events: [{code: "'SEX//' || sex", static: true}]
    people:
      - {system: national, value: ssn, scope: global}
"""


def test_people_come_first_and_a_row_of_people_or_encounters_alone_is_a_part(
    tmp_path: Path,
) -> None:
    files: dict[str, str | bytes] = {
        "visits.csv": "sid,visit,start,stop,kind\n1,5,2020-01-01,2020-01-03,quiet\n"
        "1,,2020-01-01,,quiet\n1,6,2020-02-01,,loud\n",
        "people.csv": "sid,sex,ssn\n1,F,12-3\n2,M,\n",
    }
    outcome = read(tmp_path, files, PATIENTS)
    assert outcome.chunks[0].table == "people"
    visits = outcome.tallies["visits.csv"]
    assert (visits.part_rows, visits.event_rows) == (1, 1)
    assert visits.skipped == {"no rule applies": 1}
    person = {"subject": 1, "system": "national", "value": "12-3", "scope": "global"}
    assert outcome.table("people") == [person]
    encounters = outcome.table("encounters")
    assert [(row["encounter"], row["kind"]) for row in encounters] == [(5, "quiet"), (6, "loud")]
    assert outcome.table()[-1]["encounter"] == 6


UNITS = """
units: {"K/uL": "10*3/uL"}
convert:
  - {codes: "^GLU", from: mmol/L, to: mg/dL, scale: 18.016, source: molar mass}
tables:
  t:
    file: t.csv
    columns: {num: DOUBLE}
    events: [{code: what, static: true, numeric_value: num, unit: u}]
"""


def test_units_are_renamed_and_values_converted_for_the_codes_named(tmp_path: Path) -> None:
    rows = "1,GLU,5,mmol/L\n1,CHOL,5,mmol/L\n1,WBC,5,K/uL\n1,GLU,,mmol/L\n"
    outcome = read(tmp_path, {"t.csv": "sid,what,num,u\n" + rows}, UNITS)
    assert [event["unit"] for event in outcome.table()] == ["mg/dL", "mmol/L", "10*3/uL", "mmol/L"]
    values = [event["numeric_value"] for event in outcome.table()]
    assert values == [pytest.approx(90.08), 5.0, 5.0, None]


LOOKUP = """
tables:
  t:
    file: t.csv
    lookups:
      item: {file: items.csv, on: {what: item}, columns: [label]}
    let: {named: "coalesce(item.label, 'unknown')"}
    events: [{code: named, static: true}]
codes:
  - {file: items.csv, code: label, description: "'item ' || item", parents: ["'UP'", "NULL"]}
"""


def test_a_look_up_adds_columns_and_a_file_of_codes_describes_them(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "t.csv": "sid,what\n1,b\n2,c\n3,a\n",
        "items.csv": "item,label\na,Sodium\nb,Potassium\n",
    }
    outcome = read(tmp_path, files, LOOKUP)
    assert [event["code"] for event in outcome.table()] == ["Potassium", "unknown", "Sodium"]
    code = outcome.table("codes")[0]
    assert code == {"code": "Sodium", "description": "item a", "parent_codes": ["UP"]}
    assert [file.name for file in outcome.reading.depends["t.csv"]] == ["items.csv"]
    assert outcome.tallies["items.csv"].part_rows == 2


def test_a_look_up_that_would_double_rows_is_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "t.csv": "sid,what\n1,b\n",
        "items.csv": "item,label\nb,Sodium\nb,Potassium\n",
    }
    with pytest.raises(DataRefused, match="two different rows for one key"):
        read(tmp_path, files, LOOKUP)


UTC = """
clock: utc
subject: {column: sid, system: small, type: text}
mapping: small
"""


def test_on_the_utc_clock_offsets_are_applied(tmp_path: Path) -> None:
    times = ["2020-01-01T10:00:00Z", "2020-01-01 10:00:00+02:00", "2020-01-01 10:00:00"]
    times += ["2020-01-01T10:00:00.5-0530"]
    rows = "".join(f"{n},A,{time},x,,\n" for n, time in enumerate(times))
    events = read(tmp_path, {"t.csv": HEADER + rows}, TABLE, UTC).table()
    assert [str(event["time"])[11:21] for event in events] == [
        "10:00:00",
        "08:00:00",
        "10:00:00",
        "15:30:00.5",
    ]
    assert events[0]["subject"] == "A"


def test_a_parquet_folder_reads_as_the_same_text_table(tmp_path: Path) -> None:
    text = HEADER + "7,1,2020-01-02 03:04:05,x,1.5,high\n8,2,2020-01-02,5,,\n"
    (tmp_path / "a").mkdir()
    expected = read(tmp_path / "a", {"t.csv": text}).table()
    folder = tmp_path / "b" / "source" / "t"
    folder.mkdir(parents=True)
    csv = tmp_path / "a" / "source" / "t.csv"
    for number in (7, 8):
        duckdb.execute(
            f"COPY (SELECT * FROM '{csv}' WHERE id = {number}) TO '{folder}/{number}.parquet'"  # noqa: S608 - a test's own path
        )
    outcome = read(tmp_path / "b", {})
    assert outcome.table() == expected
    assert [file.name for file in outcome.reading.files] == ["t/7.parquet", "t/8.parquet"]


def test_files_no_rule_names_and_tables_that_are_absent_are_noted(tmp_path: Path) -> None:
    tables = TABLE + "  other: {file: other.csv, part_of: {table: t}}\n"
    outcome = read(tmp_path, {"t.csv": HEADER, "notes.txt": "x"}, tables)
    assert outcome.reading.notes == ("not read: notes.txt", "not there: other.csv")


def test_an_expression_that_fails_on_a_value_is_refused_without_the_value(tmp_path: Path) -> None:
    tables = TABLE.replace("numeric_value: num", "numeric_value: CAST(txt AS DOUBLE)")
    with pytest.raises(DataRefused, match="fails on a value") as caught:
        read(tmp_path, {"t.csv": HEADER + "1,1,2020-01-01,x,,secret\n"}, tables)
    assert "secret" not in str(caught.value)
    assert caught.value.where == "small.yaml:12:58"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("time: what", "a time must be TIMESTAMP"),
        ("time: att", "there is no column 'att'. Did you mean 'at'?"),
        ("time: at, when: num", "a condition must be BOOLEAN"),
        ("time: at, numeric_value: txt", "a numeric value must be DOUBLE"),
    ],
)
def test_a_clash_of_types_is_refused_at_its_place(tmp_path: Path, wrong: str, message: str) -> None:
    tables = TABLE.replace("time: at, numeric_value: num", wrong)
    with pytest.raises(MappingInvalid) as caught:
        read(tmp_path, {"t.csv": HEADER}, tables)
    assert message in caught.value.message
    assert caught.value.where.startswith("small.yaml:12:")
