"""What would be lost without a word: events without a time, conversions that meet no unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from tests.ingest.mapping.source import HEAD, HEADER, read

from biolake.core.catalogue import Catalogue
from biolake.core.units import spellings, to_ucum
from biolake.ingest.mapping import check_mapping
from biolake.ingest.mapping.loading import parse_mapping
from biolake.ingest.mapping.units import applies_to
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import init
from biolake.lake.quality import quality

TABLES = """
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    events:
      - {name: sex, static: true, code: "'SEX//' || what"}
      - {name: death, code: "'MEDS_DEATH'", time: at}
      - {name: note, when: num = '1', code: "nullif(txt, '-')", time: at}
"""
ROWS = "1,1,2020-01-01,F,1,x\n2,2,,M,1,-\n3,3,,F,0,x\n4,4,2020-01-02,,1,-\n5,5,,,0,\n"
WHEN = "{name: death, when: '\"at\" IS NOT NULL',"
CODE = "'c'"
CONVERT = """
convert:
  - {codes: "^A//K$", from: "%s", to: "mg/dL", scale: 2.0}
tables:
  t:
    file: t.csv
    columns: {at: TIMESTAMP, num: DOUBLE}
    events: [{code: "'A//' || what", time: at, numeric_value: num, unit: txt}]
"""


def test_a_dropped_event_is_counted_by_rule_and_reason(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": HEADER + ROWS}, TABLES)
    assert outcome.tally.dropped == {
        "death: no time": 2,
        "note: no time": 1,
        "note: no code": 1,
        "sex: no code": 1,
    }
    assert outcome.rejects == [(6, "'SEX//' || what", "no code")]


def test_nothing_is_dropped_where_every_rule_says_when(tmp_path: Path) -> None:
    tables = TABLES.replace("{name: death,", WHEN)
    outcome = read(tmp_path, {"t.csv": HEADER + "1,1,2020-01-01,F,1,x\n2,2,,M,0,\n"}, tables)
    assert not outcome.tally.dropped


def test_a_check_warns_of_the_rule_that_drops_events(tmp_path: Path) -> None:
    read(tmp_path, {"t.csv": HEADER + "1,1,,F,0,x\n"}, TABLES)
    (problem,) = check_mapping(tmp_path / "small.yaml", tmp_path / "source")
    assert problem.level == "warning"
    assert "none of the rule 'death': no time" in problem.message
    assert problem.next == """If that is meant, say `when: '"at" IS NOT NULL'`."""


def test_a_load_notes_dropped_events_and_quality_counts_them(tmp_path: Path) -> None:
    read(tmp_path, {"t.csv": HEADER + "1,1,,F,0,x\n2,2,2020-01-01,M,0,x\n"}, TABLES)
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    mapping = tmp_path / "small.yaml"
    source = tmp_path / "source"

    def load() -> tuple[str, ...]:
        report = ingest(lake, str(source), Catalogue(), mapping=str(mapping))
        return report.plan.reading.notes

    assert load() == ("events dropped: t/death: no time (1)",)
    with open_view(lake) as view:
        (row,) = quality(view).rows_of("events dropped")
    found = (row.item, row.count, row.total, row.detail, row.verdict)
    assert found == ("t", 1, 4, "death: no time 1", "warn")
    mapping.write_text(HEAD + TABLES.replace("{name: death,", WHEN))
    assert load() == ()
    with open_view(lake) as view:
        assert quality(view).rows_of("events dropped") == []


@pytest.mark.parametrize("written", ["µmol/l", "umol/L", "UMOL/L ", "micromole"])
def test_a_conversion_applies_to_every_spelling_of_its_unit(tmp_path: Path, written: str) -> None:
    head = HEAD + 'units: {micromole: "umol/L"}\n'
    rows = f"1,1,2020-01-01,K,3,{written}\n2,1,2020-01-01,NA,3,{written}\n"
    outcome = read(tmp_path, {"t.csv": HEADER + rows}, CONVERT % "umol/L", head)
    values = {event["code"]: event["numeric_value"] for event in outcome.table()}
    assert values == {"A//K": 6.0, "A//NA": 3.0}


def test_a_conversion_leaves_other_units_alone(tmp_path: Path) -> None:
    # In small letters only one of the two is what the rule names: m/uL is 10*6/uL.
    head = HEAD + 'units: {"units": "[pH]"}\n'
    outcome = read(
        tmp_path,
        {"t.csv": HEADER + "1,1,2020-01-01,K,3,units\n2,1,2020-01-01,K,3,\n"},
        CONVERT % "U",
        head,
    )
    assert [event["numeric_value"] for event in outcome.table()] == [3.0, 3.0]


def test_a_check_warns_of_a_conversion_that_never_applies(tmp_path: Path) -> None:
    read(tmp_path, {"t.csv": HEADER + "1,1,2020-01-01,K,3,mmol/l\n"}, CONVERT % "umol/L")
    (problem,) = check_mapping(tmp_path / "small.yaml", tmp_path / "source")
    assert "this conversion applies to none of the first 100,000 rows" in problem.message
    assert problem.next == "Units of these codes there: mmol/l."
    (tmp_path / "small.yaml").write_text(HEAD + CONVERT % "MMOL/L")
    assert check_mapping(tmp_path / "small.yaml", tmp_path / "source") == []


def test_units_are_compared_as_the_lake_compares_them() -> None:
    written = [*spellings(), *set(spellings().values()), "M/UL", "odd", " mg/dL ", "UMOL/L", "Odd"]
    mapping = parse_mapping(HEAD.lstrip() + CONVERT % "x", Path("m.yaml"))
    (rule,) = mapping.conversions
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest(?) AS u", [written])
        for wanted in {*written, "UL"}:
            wish = replace(rule, codes=".", from_unit=wanted)
            sql = f"SELECT u FROM t WHERE {applies_to(wish, '1', 'u', CODE, mapping)}"  # noqa: S608
            found = {unit for (unit,) in connection.execute(sql).fetchall()}
            same = {unit for unit in written if to_ucum(unit) == to_ucum(wanted)}
            assert found == same, wanted
