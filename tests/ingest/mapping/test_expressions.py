"""What a mapping's SQL may not do, and what it may."""

from __future__ import annotations

import pytest

from biolake.core.errors import DATA_REFUSED, MappingInvalid
from biolake.ingest.mapping.definition import Expression, Where
from biolake.ingest.mapping.expressions import Expressions, Scope

SCOPE = Scope({"what": "What", "at": "at"}, {"item": {"label": "label"}}, texts=frozenset(["what"]))


def resolve(text: str) -> str:
    return Expressions().sql(Expression(text, Where("m.yaml", 3, 10)), SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "1; COPY (SELECT 1) TO 'x.csv'",
        "1; SELECT 2",
        "what) FROM read_csv('/etc/passwd') --",
        "what FROM read_csv('/etc/passwd')",
        "what /* ",
        "(SELECT 1)",
        "EXISTS (SELECT 1)",
        "what = ANY (SELECT 1)",
        "what = ANY(['x'])",
        "sum(1)",
        "row_number() OVER ()",
        "*",
        "COLUMNS('a')",
        "what WHERE true",
        "DISTINCT what",
        "what LIMIT 1",
        "what UNION SELECT 1",
        "what, at",
        "what AS x",
        "$1",
        "?",
        "#1",
        "read_text('/etc/passwd')",
        "getenv('HOME')",
        "current_setting('home_directory')",
        "getvariable('x')",
        "query('select 1')",
        "glob('*')",
        "nextval('s')",
        "random()",
        "uuid()",
        "gen_random_uuid()",
        "now()",
        "today()",
        "current_date",
        "current_timestamp",
        "age(at)",
        "hash(what)",
        "unnest([1])",
        "list_transform([1], x -> x)",
        "main.upper(what)",
        "what.upper()",
        "error('x')",
        "what::mytype",
        "what::TIMESTAMP",
        "try_cast(what AS DATE)",
        "what::main.foo",
        "item.*",
        "other.label",
        "item.other",
        "wat",
        "",
        "sum(1) FILTER (WHERE true)",
        "json_serialize_sql('select 1')",
    ],
)
def test_anything_but_one_scalar_expression_is_refused(text: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        resolve(text)
    assert caught.value.where.startswith("m.yaml:3:")
    assert caught.value.exit_code == DATA_REFUSED


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("WHAT || item.label -- note", '((src.What || item."label"))'),
        ("'it''s; -- (SELECT 1)'", "('it''s; -- (SELECT 1)')"),
        ("coalesce(nullif(what, ''), 'UNK')", "(COALESCE(\"nullif\"(src.What, ''), 'UNK'))"),
        ("try_cast(what AS DOUBLE)", "(TRY_CAST(src.What AS DOUBLE))"),
    ],
)
def test_names_become_unambiguous_and_comments_go(text: str, sql: str) -> None:
    assert resolve(text) == sql


def test_an_error_points_into_the_expression() -> None:
    with pytest.raises(MappingInvalid, match="random") as caught:
        resolve("what || random()")
    assert caught.value.where == "m.yaml:3:18"


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(MappingInvalid, match=r"Did you mean 'item.label'\?"):
        resolve("item.lable")


def test_a_column_named_like_a_keyword_is_a_column() -> None:
    assert resolve("at") == '(src."at")'
