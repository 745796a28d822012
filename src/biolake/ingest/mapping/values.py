"""A table's expressions as typed columns over the rows of one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from biolake.core.errors import MappingInvalid
from biolake.core.reading import Clock
from biolake.ingest.mapping.definition import Expression
from biolake.ingest.mapping.expressions import Expressions, Scope
from biolake.ingest.mapping.outputs import Kind, convert


@dataclass(frozen=True)
class Output:
    """An expression, the query column it becomes, and what that column must hold."""

    name: str
    expression: Expression
    kind: Kind


@dataclass
class Values:
    """The columns of a query over `rows`; every expression is checked before it is added."""

    rows: str
    scope: Scope
    expressions: Expressions
    connection: duckdb.DuckDBPyConnection
    clock: Clock
    sql: dict[str, str] = field(default_factory=dict)
    given: list[tuple[Expression, str]] = field(default_factory=list)

    def add_all(self, outputs: Sequence[Output]) -> None:
        """Add outputs as columns; an integer's column `<name>_given` tells junk from nothing."""
        texts = [self.expressions.sql(output.expression, self.scope) for output in outputs]
        types = self._types(texts, outputs)
        for output, text, native in zip(outputs, texts, types, strict=True):
            expression = output.expression
            self.given.append((expression, text))
            self.sql[output.name] = convert(text, native, output.kind, self.clock, expression)
            if output.kind == "integer":
                self.sql[f"{output.name}_given"] = f"{text} IS NOT NULL"

    def check(self, output: Output) -> None:
        """Check one output and keep nothing of it."""
        text = self.expressions.sql(output.expression, self.scope)
        native = self._types([text], [output])[0]
        convert(text, native, output.kind, self.clock, output.expression)

    def _types(self, texts: list[str], outputs: Sequence[Output]) -> list[str]:
        if not texts:
            return []
        columns = ", ".join(f"{text} AS value{number}" for number, text in enumerate(texts))
        query = f"DESCRIBE SELECT {columns} FROM {self.rows}"  # noqa: S608 - expressions are checked
        try:
            return [str(row[1]) for row in self.connection.execute(query).fetchall()]
        except duckdb.Error as error:
            if len(texts) == 1:
                where = str(outputs[0].expression.where)
                raise MappingInvalid(_first_lines(error), where=where) from None
            # Bound one by one, so that the error names the expression it is in.
            pairs = zip(texts, outputs, strict=True)
            return [self._types([text], [output])[0] for text, output in pairs]


def failing(
    given: Sequence[tuple[Expression, str]], rows: str, connection: duckdb.DuckDBPyConnection
) -> Expression | None:
    """Return the first expression that fails on some row."""
    for expression, text in given:
        try:
            connection.execute(f"SELECT count({text}) FROM {rows}").fetchone()  # noqa: S608 - expressions are checked
        except duckdb.Error:
            return expression
    return None


def _first_lines(error: duckdb.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    shown = [line for line in lines if not line.startswith(("LINE", "^"))]
    return " ".join(shown[:2]) or "the expression does not fit its columns"
