"""quality after files were read again: what the lake holds now, and the past on demand."""

from __future__ import annotations

import pytest
from tests.cli.source import LABS, call, loaded, told, write

MAPPING = """
mapping: ward
version: "1"
subject: {column: patient, system: ward, type: integer}
clock: local
tables:
  ward:
    file: ward.csv
    key: [row]
    columns: {row: BIGINT, patient: BIGINT, taken: TIMESTAMP, value: DOUBLE}
    events:
      - code: what
        time: taken
        numeric_value: value
        unit: unit
"""

# A reading before the birth, one that no living body has, one in another unit, two equal ones after
# the death.
WARD = """row,patient,taken,what,value,unit
1,1,2024-01-05,MEDS_BIRTH,,
2,1,2024-01-04,LOINC//8867-4,80,/min
3,1,2024-01-06,LOINC//8867-4,9000,/min
4,1,2024-01-07,LOINC//8867-4,1.2,Hz
5,1,2024-02-01,MEDS_DEATH,,
6,1,2024-02-03,NOTE,1,
7,1,2024-02-03,NOTE,1,
"""

FLAWS = {
    "before birth": (1, 7),
    "after death": (2, 7),
    "duplicate events": (1, 7),
    "implausible values": (1, 2),
    "units disagree": (1, 3),
}
EARLIER = (
    "time: taken",
    "time: \"CASE what WHEN 'MEDS_BIRTH' THEN taken - INTERVAL 1 YEAR ELSE taken END\"",
)
LATER = (
    "time: taken",
    "time: \"CASE what WHEN 'MEDS_DEATH' THEN taken + INTERVAL 1 YEAR ELSE taken END\"",
)
ONE_UNIT = ("unit: unit", "unit: \"CASE unit WHEN 'Hz' THEN '/min' ELSE unit END\"")
WHOLE = ("value: DOUBLE", "value: BIGINT")
SECOND = ('version: "1"', 'version: "2"')


def counts(lake, *words):
    checks = told("--lake", lake, "quality", *words)["checks"]
    return {c["check"]: (c["count"], c["total"]) for c in checks if c["check"] in FLAWS}


@pytest.fixture
def read(tmp_path):
    """Read the same ward with the mapping changed as said; return the lake's root."""
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "ward.csv").write_text(WARD)
    lake, mapping = tmp_path / "lake", tmp_path / "ward.yaml"
    told("--lake", lake, "init")

    def again(*changes):
        text = MAPPING
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        mapping.write_text(text)
        told("--lake", lake, "ingest", tmp_path / "ward", "--mapping", mapping)
        return lake

    return again


def test_a_mended_mapping_ends_what_its_earlier_reading_failed(read):
    read(WHOLE)
    lake = read()

    def verdict(*words):
        found = told("--lake", lake, "quality", *words)
        checks = {check["check"]: check["verdict"] for check in found["checks"]}
        return checks["quarantined rows"], found["left_out"]

    assert verdict() == ("ok", [{"load": "L0000000001", "table": "ward"}])
    assert verdict("--history") == ("fail", [])
    assert verdict("--load", "L0000000001") == ("fail", [])
    assert verdict("--at", 1) == ("fail", [])
    page = call("--lake", lake, "quality").stdout
    assert "Left out: 1 earlier reading of tables whose files were read again later;" in page
    assert "Left out" not in call("--lake", lake, "quality", "--history").stdout


def test_flaws_that_a_later_reading_left_in_place_still_count(read):
    assert counts(read()) == FLAWS
    assert counts(read(SECOND)) == FLAWS


def test_flaws_that_a_later_reading_mended_count_no_more(read):
    read()
    assert counts(read(EARLIER))["before birth"] == (0, 7)
    assert counts(read(EARLIER, ONE_UNIT)).get("units disagree") is None
    lake = read(LATER)
    assert counts(lake)["after death"] == (0, 7)
    assert counts(lake)["before birth"] == (1, 7)
    assert counts(lake, "--history")["after death"][0] >= 2


def test_a_new_delivery_leaves_the_earlier_one_counted(tmp_path):
    lake = loaded(tmp_path)
    (tmp_path / "hospital" / "labs.csv").write_text(LABS.replace("141.5", "142"))
    told("--lake", lake, "ingest", tmp_path / "hospital", "--mapping", tmp_path / "labs.yaml")
    found = told("--lake", lake, "quality")
    assert found["left_out"] == []
    assert {row["load"] for row in found["strata"]} == {"L0000000001", "L0000000002"}


def test_another_site_with_the_same_files_replaces_nothing(tmp_path):
    source, lake = write(tmp_path), tmp_path / "lake"
    told("--lake", lake, "init")
    for site in ("north", "south"):
        told(
            *("--lake", lake, "ingest", source, "--mapping", tmp_path / "labs.yaml"),
            *("--site", site),
        )
    assert told("--lake", lake, "quality")["left_out"] == []
