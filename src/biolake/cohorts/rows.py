"""SQL of single events: which codes, which values, and boolean expressions over counts."""

from __future__ import annotations

from biolake.cohorts.definition import And, Derived, Expr, Limit, Not, Or, Plain, Ref, Task
from biolake.cohorts.planning import expand


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def picked_sql(table: str, codes: dict[str, list[str]], names: dict[str, str]) -> str:
    """Return the SQL of a table of the codes that matter, with a flag for each predicate."""
    flags = ", ".join(f"is_{names[name]} BOOLEAN" for name in codes)
    create = (
        f"CREATE TEMP TABLE {table} (code VARCHAR, {flags})"
        if codes
        else (f"CREATE TEMP TABLE {table} (code VARCHAR)")
    )
    sets = {name: set(members) for name, members in codes.items()}
    rows = [
        f"({text(code)}, "
        + ", ".join(str(code in members).lower() for members in sets.values())
        + ")"
        for code in sorted(set().union(*sets.values()))
    ]
    return f"{create};\nINSERT INTO {table} VALUES {', '.join(rows)}" if rows else create


def plain_test(plain: Plain, names: dict[str, str]) -> str:
    """Return the condition one event must meet; `k` holds the flags of its code."""
    tests = [f"k.is_{names[plain.name]}"]
    # Values are stored as 32-bit floats, so 1.3 has to mean the 32-bit 1.3.
    for limit, sign in ((plain.minimum, ">"), (plain.maximum, "<")):
        if limit is not None:
            tests.append(f"e.numeric_value {_sign(sign, limit)} {limit.value!r}::FLOAT")
    tests += [f"e.{column} = {text(value)}" for column, value in plain.columns]
    return " AND ".join(tests)


def _sign(sign: str, limit: Limit) -> str:
    return sign + "=" if limit.inclusive else sign


def reading_test(parts: list[Plain], names: dict[str, str]) -> str:
    return " OR ".join(f"({plain_test(plain, names)})" for plain in parts)


def boolean(task: Task, expression: Expr, names: dict[str, str]) -> str:
    """Return an expression over the counts of one instant; static parts hold for every subject."""
    return _sql(task, expand(task, expression), names, static_holds=True)


def static_test(task: Task, predicate: Plain | Derived, names: dict[str, str]) -> str:
    """Return the condition on a subject's timeless events that a static predicate sets."""
    expression = predicate.expression if isinstance(predicate, Derived) else Ref(predicate.name)
    return f"({_sql(task, expand(task, expression), names, static_holds=False)})"


def _sql(task: Task, expression: Expr, names: dict[str, str], *, static_holds: bool) -> str:
    match expression:
        case Ref(name):
            if static_holds and task.predicates[name].static:
                return "true"
            return f"n_{names[name]} > 0"
        case Not(item):
            return f"NOT ({_sql(task, item, names, static_holds=static_holds)})"
        case And(items) | Or(items):
            word = " AND " if isinstance(expression, And) else " OR "
            parts = (_sql(task, item, names, static_holds=static_holds) for item in items)
            return word.join(f"({part})" for part in parts)
