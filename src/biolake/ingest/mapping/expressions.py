"""The SQL a mapping may use: one scalar expression over the row, checked on its syntax tree."""

from __future__ import annotations

import json
from collections.abc import Mapping as Names
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NoReturn

import duckdb

from biolake.core.errors import MappingInvalid, did_you_mean
from biolake.ingest.mapping.definition import Expression
from biolake.ingest.mapping.engine import identifier, quoted
from biolake.ingest.mapping.functions import ALLOWED, LOSSY, TYPES

Tree = dict[str, Any]

_PREFIX = "SELECT "
_CLASSES = {
    "COLUMN_REF",
    "CONSTANT",
    "FUNCTION",
    "CASE",
    "CAST",
    "TYPE",
    "COMPARISON",
    "CONJUNCTION",
    "OPERATOR",
    "BETWEEN",
}
_NOT_ALLOWED = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "*",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a column by position",
    "LAMBDA": "a lambda",
    "COLLATE": "COLLATE",
    "DEFAULT": "DEFAULT",
}


@dataclass(frozen=True)
class Scope:
    """What names mean in an expression: row columns, look-up columns, and named expressions."""

    columns: Names[str, str]  # lower-case name → SQL
    lookups: Names[str, Names[str, str]] = field(default_factory=dict)
    named: Names[str, Tree] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()  # row columns that are text, lower case


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:")


class Expressions:
    """Checks expressions and rewrites them so that every name is unambiguous."""

    def __init__(self) -> None:
        self._parser = _database().cursor()

    def tree(self, expression: Expression, scope: Scope) -> Tree:
        """Return the checked syntax tree of an expression with its names resolved."""
        name = expression.text.strip()
        scope = self._bound(expression, scope)
        if name.lower() in dict(expression.bound):
            return scope.named[name.lower()]
        # A column's bare name may be an SQL keyword (end, at, order): it is a column all the same.
        known = name.lower() in scope.columns
        node = self.literal(identifier(name)) if known else self._only_node(expression)
        tree: Tree = _Walk(expression, scope).resolve(node)
        return tree

    def _bound(self, expression: Expression, scope: Scope) -> Scope:
        """Return the scope with the names that stand for a text in this expression."""
        for name, text in expression.bound:
            if name in scope.columns or name in scope.named:
                _refuse(expression, f"'{name}' of `each` is a column or a `let` already")
            scope = replace(scope, named={**scope.named, name: self.literal(quoted(text))})
        return scope

    def sql(self, expression: Expression, scope: Scope) -> str:
        """Return an expression as SQL over the scope's columns."""
        tree = self.tree(expression, scope)
        try:
            return self.text(tree)
        except MappingInvalid as error:
            _refuse(expression, error.message)

    def text(self, tree: Tree) -> str:
        """Print a checked tree as SQL, and make sure that it reads as the same tree again."""
        query = self._parse("SELECT 1")
        query["statements"][0]["node"]["select_list"] = [tree]
        sql = self._answer("SELECT json_deserialize_sql(?)", json.dumps(query))
        if _bare(self._parse(sql)) != _bare(query):
            raise MappingInvalid("an expression has no plain SQL form: write it in another way")
        return f"({sql.removeprefix(_PREFIX)})"

    def literal(self, sql: str) -> Tree:
        """Return the tree of an expression of our own."""
        tree: Tree = self._parse(_PREFIX + sql)["statements"][0]["node"]["select_list"][0]
        return tree

    def _parse(self, sql: str) -> Tree:
        parsed: Tree = json.loads(self._answer("SELECT json_serialize_sql(?)", sql))
        return parsed

    def _answer(self, question: str, value: str) -> str:
        return str((self._parser.execute(question, [value]).fetchone() or ("",))[0])

    def _only_node(self, expression: Expression) -> Tree:
        try:
            parsed = self._parse(_PREFIX + expression.text)
        except duckdb.Error:
            _refuse(expression, "this is not an SQL expression")
        if parsed["error"]:
            at = int(parsed.get("position") or 0) - len(_PREFIX)
            message = parsed["error_message"]
            hint = "A column named like an SQL keyword stands in double quotes."
            _refuse(expression, f"this is not an SQL expression: {message}", max(at, 0), hint)
        statements = parsed["statements"]
        if len(statements) != 1:
            _refuse(expression, "only one expression is allowed, not several statements")
        return _single_select(expression, statements[0]["node"])


def _bare(value: Any) -> Any:
    """Return a tree without the places its parts had in the text."""
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if not k.startswith("query_location")}
    return value


def _single_select(expression: Expression, node: Tree) -> Tree:
    plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
    extras = ("where_clause", "group_expressions", "group_sets", "having", "sample", "qualify")
    if not plain or node["modifiers"] or node["cte_map"]["map"] or any(map(node.get, extras)):
        _refuse(expression, "only one expression is allowed, not a query")
    if node["aggregate_handling"] != "STANDARD_HANDLING":
        _refuse(expression, "only one expression is allowed, not a query")
    if len(node["select_list"]) != 1:
        _refuse(expression, "only one expression is allowed, not a list")
    tree: Tree = node["select_list"][0]
    if tree.get("alias"):
        _refuse(expression, f"an expression takes no name: '{tree['alias']}'")
    return tree


def _refuse(expression: Expression, message: str, offset: int = 0, next: str = "") -> NoReturn:
    raise MappingInvalid(message, where=str(expression.where.after(offset)), next=next)


def _is_qualified(node: Tree) -> bool:
    path = node.get("qualified_name", {}).get("path", [])
    return len(path) > 1 or bool(node["schema"] or node["catalog"])


@dataclass(frozen=True)
class _Walk:
    expression: Expression
    scope: Scope

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "class" in value and "type" in value:
            return self._node(value)
        return {key: self.resolve(item) for key, item in value.items()}

    def _node(self, node: Tree) -> Tree:
        kind = node["class"]
        if kind not in _CLASSES:
            what = _NOT_ALLOWED.get(kind, kind.lower())
            self._refuse(node, f"{what} is not allowed in a mapping expression")
        if kind == "COLUMN_REF":
            return self._column(node)
        if kind == "CONSTANT":
            return node
        if kind == "FUNCTION":
            self._check_function(node)
        elif kind == "TYPE":
            self._check_type(node)
        elif kind == "CAST":
            self._check_cast(node)
        elif node["type"] == "GROUPING_FUNCTION":
            self._refuse(node, "GROUPING is not allowed in a mapping expression")
        return {key: self.resolve(item) for key, item in node.items()}

    def _check_function(self, node: Tree) -> None:
        name = node["function_name"].lower()
        if _is_qualified(node):
            self._refuse(node, f"write the function as {name}(…), without a dot before it")
        if name not in ALLOWED:
            near = did_you_mean(name, [known for known in ALLOWED if known.isidentifier()])
            self._refuse(
                node,
                f"the function '{node['function_name']}' is not allowed here.{near}",
                "Allowed are functions of the row's values alone: no files, clock, random or sums.",
            )
        if node["distinct"] or node["filter"] or node["order_bys"]["orders"]:
            self._refuse(node, "DISTINCT, FILTER and ORDER BY are not allowed in a function")

    def _check_type(self, node: Tree) -> None:
        name = node["type_name"]
        if _is_qualified(node) or name.upper() not in TYPES:
            near = did_you_mean(name.upper(), TYPES)
            self._refuse(node, f"the type '{name}' is not allowed here.{near}")

    def _check_cast(self, node: Tree) -> None:
        """Refuse a cast from text to time: it would drop an offset in silence."""
        name = ".".join(node["child"].get("column_names", ())).lower()
        kind = node["type_expr"].get("type_name", "").upper()
        if name in self.scope.texts and kind in LOSSY:
            self._refuse(
                node,
                f"a cast of text to {kind} would drop an offset without a word",
                f"Declare '{name}' under `columns`: then a value that does not fit is quarantined.",
            )

    def _column(self, node: Tree) -> Tree:
        names = [name.lower() for name in node["column_names"]]
        if len(names) == 1 and names[0] in self.scope.named:
            return self.scope.named[names[0]]
        table, name = names if len(names) == 2 else ("src", names[0])
        columns = self.scope.lookups.get(table, {})
        if len(names) == 1:
            columns = self.scope.columns
        if len(names) <= 2 and name in columns:
            return {**node, "column_names": [table, columns[name]]}
        shown = ".".join(node["column_names"])
        near = did_you_mean(".".join(names), self._known())
        return self._refuse(node, f"there is no column '{shown}'.{near}")

    def _known(self) -> list[str]:
        lookups = [f"{name}.{key}" for name, keys in self.scope.lookups.items() for key in keys]
        return [*self.scope.columns, *self.scope.named, *lookups]

    def _refuse(self, node: Tree, message: str, next: str = "") -> NoReturn:
        position = int(node.get("query_location") or 0)
        offset = position - len(_PREFIX) if position < 1 << 32 else 0
        _refuse(self.expression, message, max(offset, 0), next)
