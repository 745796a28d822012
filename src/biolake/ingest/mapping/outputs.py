"""The SQL that brings an expression's value to the type its place needs, or refuses it."""

from __future__ import annotations

from typing import Literal

from biolake.core.errors import MappingInvalid
from biolake.core.reading import Clock
from biolake.ingest.mapping.definition import Expression

Kind = Literal["text", "key text", "native", "number", "time", "truth", "integer"]

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_NUMBERS = _INTEGERS | {"UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE", "BOOLEAN"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_NULL = '"NULL"'


def convert(sql: str, native: str, kind: Kind, clock: Clock, expression: Expression) -> str:
    """Return SQL of the type that `kind` needs; a value that would change is refused instead."""
    if native in (_NULL, "NULL"):
        native = "NULL"
    if kind == "text":
        return sql if native == "VARCHAR" else f"CAST({sql} AS VARCHAR)"
    if kind == "key text":
        return _identifier(sql)
    if kind == "native":
        whole = native in _INTEGERS
        return f"CAST({sql} AS BIGINT)" if whole else _identifier(sql)
    if kind == "truth":
        _check(native in ("BOOLEAN", "NULL"), "a condition", "BOOLEAN", native, expression)
        return f"coalesce({sql}, false)"
    if kind == "number":
        fits = native in _NUMBERS or native.startswith("DECIMAL") or native == "NULL"
        _check(fits, "a numeric value", "DOUBLE", native, expression)
        return sql if native == "DOUBLE" else f"CAST({sql} AS DOUBLE)"
    if kind == "integer":
        return _integer(sql, native, expression)
    return _time(sql, native, clock, expression)


def _identifier(sql: str) -> str:
    """Return an identifier as text without its padding: a column of fixed width means the same."""
    return f"nullif(trim(CAST({sql} AS VARCHAR)), '')"


def _integer(sql: str, native: str, expression: Expression) -> str:
    if native == "BIGINT":
        return sql
    if native in _INTEGERS or native == "NULL":
        return f"CAST({sql} AS BIGINT)"
    if native == "VARCHAR":
        whole = f"regexp_full_match({sql}, '[+-]?[0-9]+')"
        return f"(CASE WHEN {whole} THEN TRY_CAST({sql} AS BIGINT) END)"
    _check(native in ("UBIGINT", "HUGEINT"), "an identifier", "BIGINT", native, expression)
    return f"TRY_CAST({sql} AS BIGINT)"


def _time(sql: str, native: str, clock: Clock, expression: Expression) -> str:
    if native == "TIMESTAMP":
        return sql
    if native == "TIMESTAMP WITH TIME ZONE":
        if clock == "local":
            raise MappingInvalid(
                "this is an instant with a time zone, but the clock of this mapping is local",
                where=str(expression.where),
            )
        return f"({sql} AT TIME ZONE 'UTC')"
    _check(native in _TIMES or native == "NULL", "a time", "TIMESTAMP", native, expression)
    return f"CAST({sql} AS TIMESTAMP)"


def _check(fits: bool, what: str, needed: str, native: str, expression: Expression) -> None:
    if not fits:
        raise MappingInvalid(
            f"{what} must be {needed}, but this is {native}",
            where=str(expression.where),
            next=f"Declare its column as {needed} under `columns`, or use try_cast.",
        )
