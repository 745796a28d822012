"""One rule that stands for many: a list of texts, each with events of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.mapping.source import HEAD, read

from biolake.core.errors import MappingInvalid
from biolake.core.keys import row_key
from biolake.ingest.mapping.loading import parse_mapping

TABLES = """
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    events:
      - name: has
        each: {finding: [AF, "1AVB"]}
        when: contains(found, finding)
        code: "'FOUND//' || finding"
        time: at
        text_value: upper(finding)
      - {name: any, when: found IS NOT NULL, code: "'ANY'", time: at}
"""
ROWS = "id,sid,at,found\n1,7,2020-01-01,AF 1AVB\n2,7,2020-01-02,AF\n3,7,2020-01-03,\n"


def test_each_text_of_the_list_is_a_rule_of_its_own(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"t.csv": ROWS}, TABLES)
    found = {(row["code"], row["text_value"], row["row_key"]) for row in outcome.table()}
    one, other = (row_key("small", "t", f"has {name}") for name in ("AF", "1AVB"))
    assert {row for row in found if row[0] != "ANY"} == {
        ("FOUND//AF", "AF", 1 ^ one),
        ("FOUND//AF", "AF", 2 ^ one),
        ("FOUND//1AVB", "1AVB", 1 ^ other),
    }
    assert outcome.tally.event_rows == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{finding: [AF", "{a: [x], finding: [AF", "takes one name"),
        ("{finding:", "{a b:", "is not a name"),
        ('[AF, "1AVB"]', "[AF, AF]", "two event rules"),
    ],
)
def test_a_mistaken_list_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(MappingInvalid, match=message):
        parse_mapping((HEAD + TABLES).replace(old, new, 1), Path("m.yaml"))


def test_the_name_may_not_hide_a_column(tmp_path: Path) -> None:
    tables = TABLES.replace("{finding:", "{found:")
    with pytest.raises(MappingInvalid, match="is a column or a `let` already"):
        read(tmp_path, {"t.csv": ROWS}, tables)


def test_the_name_means_nothing_in_another_rule(tmp_path: Path) -> None:
    tables = TABLES.replace("found IS NOT NULL", "finding IS NOT NULL")
    with pytest.raises(MappingInvalid, match="there is no column 'finding'"):
        read(tmp_path, {"t.csv": ROWS}, tables)
