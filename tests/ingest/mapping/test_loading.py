"""Mistakes in a mapping file are named with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.mapping.source import HEAD, TABLE

from biolake.core.errors import MappingInvalid, WrongUse
from biolake.ingest.mapping import load_mapping
from biolake.ingest.mapping.loading import parse_mapping

GOOD = HEAD.lstrip() + TABLE.lstrip()


def refused(text: str) -> MappingInvalid:
    with pytest.raises(MappingInvalid) as caught:
        parse_mapping(text, Path("m.yaml"))
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("    key:", "    keys:", "m.yaml:7:5", "Did you mean 'key'?"),
        ("time: at", "tme: at", "m.yaml:10:33", "Did you mean 'time'?"),
        ("id: BIGINT", "id: BIGNT", "m.yaml:8:19", "Did you mean 'BIGINT'?"),
        ("type: integer}\nenc", "type: int}\nenc", "m.yaml:2:45", "must be integer or text"),
        ("mapping: small\n", "", "m.yaml:1:1", "'mapping' is missing"),
        ("time: at,", "", "m.yaml:10:9", "'time' is missing"),
        ("    file: t.csv\n", "", "m.yaml:6:5", "'file' is missing"),
        ("key: [id]", "file: u.csv", "m.yaml:7:5", "'file' is given twice"),
        ("key: [id]", "key: [id", "m.yaml:8:12", "this is not YAML"),
        ("key: [id]", "part_of: {table: u}", "m.yaml:6:5", "part_of another table"),
        ("key: [id]", "let: {a b: num}", "m.yaml:7:11", "is not a name"),
        ("key: [id]", "options: {delimiter: '::'}", "m.yaml:7:26", "must be one character"),
        ("clock", "clock", "", ""),
    ],
)
def test_a_mistake_is_named_where_it_stands(old: str, new: str, where: str, message: str) -> None:
    if not where:
        assert parse_mapping(GOOD, Path("m.yaml")).name == "small"
        return
    error = refused(GOOD.replace(old, new, 1))
    assert message in error.message
    assert error.where == where


@pytest.mark.parametrize(
    "text", ["", "a: &x [*x]\n", "[" * 400, "mapping: !!python/name:os.system x"]
)
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert refused(text).where.startswith("m.yaml")


def test_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(WrongUse, match="Did you mean 'mimic-iv'"):
        load_mapping("mimic-vi")


def test_an_expression_knows_where_it_stands() -> None:
    rule = parse_mapping(GOOD, Path("m.yaml")).tables[0].events[0]
    assert str(rule.code.where) == "m.yaml:10:17"


def test_aliases_of_aliases_are_refused_in_no_time() -> None:
    pairs = zip("abcdefghij", "bcdefghijk", strict=True)
    lines = [f"{name}: &{name} [{', '.join([f'*{one}'] * 9)}]" for one, name in pairs]
    with pytest.raises(MappingInvalid, match="'a' is not known here"):
        parse_mapping("\n".join(["a: &a [x, x]", *lines]), Path("m.yaml"))
