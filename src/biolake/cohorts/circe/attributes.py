"""The attributes of a criterion: what its JSON says of each, and the SQL that asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import cast, get_args

from biolake.cohorts.circe.columns import Attribute
from biolake.cohorts.circe.documents import Node
from biolake.cohorts.circe.expression import (
    Concept,
    ConceptList,
    ConceptSetChoice,
    DateRange,
    Filter,
    Flag,
    NumberRange,
    RangeOp,
    Test,
    TextMatch,
    TextOp,
)

_CONCEPT_KEYS = (
    *("CONCEPT_ID", "CONCEPT_NAME", "CONCEPT_CODE", "CONCEPT_CLASS_ID", "DOMAIN_ID"),
    *("VOCABULARY_ID", "STANDARD_CONCEPT", "STANDARD_CONCEPT_CAPTION", "INVALID_REASON"),
    *("INVALID_REASON_CAPTION", "VALID_START_DATE", "VALID_END_DATE"),
)
_SIGNS = {"lt": "<", "lte": "<=", "eq": "=", "!eq": "<>", "gt": ">", "gte": ">="}


def parse_concept(node: Node) -> Concept:
    """Read a concept as ATLAS writes it: its id decides, the rest is for people."""
    got = node.fields(*_CONCEPT_KEYS)
    if "CONCEPT_ID" not in got:
        node.refuse("CONCEPT_ID is missing")
    name = got["CONCEPT_NAME"].text() if "CONCEPT_NAME" in got else ""
    return Concept(got["CONCEPT_ID"].integer(), name)


def parse_filters(
    node: Node,
    attributes: Mapping[str, Attribute],
    *structural: str,
    refused: Mapping[str, str] | None = None,
) -> tuple[tuple[Filter, ...], dict[str, Node]]:
    """Read every attribute of one criterion; hand back its structural values unread."""
    choices = {f"{name}CS": name for name, kind in attributes.items() if kind.kind == "concepts"}
    excludes = [f"{name}Exclude" for name, kind in attributes.items() if kind.exclude]
    got = node.fields(*attributes, *choices, *excludes, *structural, refused=refused)
    filters = []
    for key, value in got.items():
        test: Test | None = None
        if key in attributes:
            flag = got.get(f"{key}Exclude")
            test = _test(value, attributes[key].kind, flag is not None and flag.boolean())
        elif key in choices:
            test = _choice(value)
        if test is not None:
            filters.append(Filter(choices.get(key, key), test))
    return tuple(filters), {key: value for key, value in got.items() if key in structural}


def _test(node: Node, kind: str, exclude: bool) -> Test | None:
    if kind == "concepts":
        concepts = tuple(parse_concept(item) for item in node.items())
        return ConceptList(concepts, exclude) if concepts else None
    if kind == "codeset":
        return ConceptSetChoice(node.integer())
    if kind == "flag":
        return Flag() if node.boolean() else None
    if kind == "date":
        return _dates(node)
    return _text(node) if kind == "text" else _numbers(node, whole=kind == "integer")


def _choice(node: Node) -> ConceptSetChoice | None:
    got = node.fields("CodesetId", "IsExclusion")
    exclude = "IsExclusion" in got and got["IsExclusion"].boolean()
    return ConceptSetChoice(got["CodesetId"].integer(), exclude) if "CodesetId" in got else None


def _range(node: Node) -> tuple[RangeOp, Node, Node | None]:
    got = node.fields("Value", "Extent", "Op")
    if "Op" not in got or "Value" not in got:
        node.refuse("a range needs an Op and a Value")
    op = cast(RangeOp, got["Op"].one_of(*get_args(RangeOp)))
    if op.endswith("bt") and "Extent" not in got:
        node.refuse(f"'{op}' needs an Extent: between which two values?")
    return op, got["Value"], got["Extent"] if op.endswith("bt") else None


def _dates(node: Node) -> DateRange:
    op, value, extent = _range(node)
    return DateRange(op, value.day(), extent.day() if extent else None)


def _numbers(node: Node, *, whole: bool) -> NumberRange:
    op, value, extent = _range(node)
    if whole:
        return NumberRange(op, value.integer(), extent.integer() if extent else None)
    return NumberRange(op, float(value.number()), float(extent.number()) if extent else None)


def _text(node: Node) -> TextMatch:
    got = node.fields("Text", "Op")
    if "Op" not in got:
        node.refuse("Op is missing")
    op = cast(TextOp, got["Op"].one_of(*get_args(TextOp)))
    text = got["Text"].text() if "Text" in got else ""
    if not text.isprintable():
        got["Text"].refuse("the text has characters that cannot be printed, such as a line break")
    return TextMatch(op, text)


def condition_sql(expression: str, test: Test) -> str:
    """Return the condition that `expression` meets the test; unknown values never meet it."""
    match test:
        case NumberRange() | DateRange():
            return _range_sql(expression, test)
        case TextMatch():
            return _text_sql(expression, test)
        case ConceptList():
            ids = ", ".join(str(concept.concept_id) for concept in test.concepts)
            return f"{expression} {_not(test.exclude)}IN ({ids})"
        case ConceptSetChoice():
            return f"{expression} {_not(test.exclude)}{in_codeset(test.codeset)}"
        case Flag():
            return expression


def in_codeset(codeset: int) -> str:
    return "IN (SELECT s.concept_id " + f"FROM concept_sets s WHERE s.codeset_id = {codeset})"


def _not(exclude: bool) -> str:
    return "NOT " if exclude else ""


def _range_sql(expression: str, test: NumberRange | DateRange) -> str:
    if test.extent is None:
        return f"{expression} {_SIGNS[test.op]} {literal(test.value)}"
    between = f"{expression} BETWEEN {literal(test.value)} AND {literal(test.extent)}"
    return f"NOT ({between})" if test.op == "!bt" else f"({between})"


def _text_sql(expression: str, test: TextMatch) -> str:
    name = test.op.removeprefix("!")
    function = {"startsWith": "starts_with", "contains": "contains", "endsWith": "ends_with"}[name]
    return f"{_not(test.op.startswith('!'))}{function}({expression}, {literal(test.text)})"


def literal(value: float | date | str) -> str:
    """Write a value into SQL with its type, so that nothing in it can be read as SQL."""
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value) if isinstance(value, int) else f"CAST('{value!r}' AS DOUBLE)"
