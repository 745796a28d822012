"""The boolean grammar of derived predicates: ACES writes `and(a, b)` or `or(a, b)`, flat.

Under `biolake:` the same may be nested and holds `not(a)` as well.
"""

from __future__ import annotations

import re

from biolake.cohorts.definition import And, Expr, Not, Or, Ref
from biolake.core.yaml_positions import Value

_NAME = re.compile(r"\w+", re.ASCII)
_CALL = re.compile(r"(\w+)\s*\((.*)\)", re.ASCII | re.DOTALL)
_MAX_DEPTH = 20


def parse_expression(value: Value, *, ours: bool) -> Expr:
    """Parse an expression; nesting and `not` belong under `biolake:` (`ours`)."""
    expression = _parse(value, value.text().strip(), ours, 0)
    if isinstance(expression, Ref):
        value.refuse("a derived predicate needs and(…), or(…) or not(…)")
    return expression


def _parse(value: Value, text: str, ours: bool, depth: int) -> Expr:
    if _NAME.fullmatch(text):
        return Ref(text)
    call = _CALL.fullmatch(text)
    if call is None or depth > _MAX_DEPTH:
        value.refuse(f"'{text}' is not an expression", next="Write and(a, b) or or(a, b).")
    word, inside = call[1], _split(call[2])
    if inside is None:
        value.refuse(f"the brackets of '{text}' do not match")
    if not ours and (depth or word == "not"):
        value.refuse(
            f"ACES knows neither not(…) nor expressions in expressions: '{text}'",
            next="Define this predicate under `biolake: predicates:`.",
        )
    items = tuple(_parse(value, part.strip(), ours, depth + 1) for part in inside)
    return _combine(value, word, items)


def _combine(value: Value, word: str, items: tuple[Expr, ...]) -> Expr:
    if word == "not":
        if len(items) != 1:
            value.refuse("not(…) takes one predicate")
        return Not(items[0])
    if word not in ("and", "or"):
        value.refuse(f"'{word}' is not and, or or not")
    if len(items) < 2:
        value.refuse(f"{word}(…) takes at least two predicates")
    return And(items) if word == "and" else Or(items)


def _split(text: str) -> list[str] | None:
    """Split at the commas outside brackets; None if a bracket is left open."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return None
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return None if depth else [*parts, text[start:]]
