"""Counts while one thinks: events of a code, subjects with criteria, A then B within N days.

Each answer is one statement over the copy of the events that is ordered by code. Every criterion
marks its subjects with a bit; a subject's bits then decide every combination at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from biolake.cohorts.codes import nearest_code
from biolake.core.errors import WrongUse
from biolake.lake.door import View

DAY = 86_400_000_000
_MAX_LEAVES = 62

CODE = """
SELECT count(*), count(DISTINCT subject_id) FROM events_by_code
WHERE code IN (SELECT unnest($codes::VARCHAR[]))
"""
KNOWN = "SELECT code FROM codes WHERE code IN (SELECT unnest(?::VARCHAR[]))"
HAVING = "SELECT subject_id, {bit}::BIGINT AS bit FROM {rows}{often}"
# For every B only the last A before it can be near enough, so that one is looked up.
THEN = """SELECT b.subject_id, {bit}::BIGINT AS bit
FROM (SELECT subject_id, time FROM {second} AND time IS NOT NULL) b
ASOF JOIN (SELECT subject_id, time FROM {first} AND time IS NOT NULL) a
  ON a.subject_id = b.subject_id AND a.time < b.time
WHERE b.time - a.time <= to_microseconds({within})"""
MASKS = """
SELECT mask, count(*) FROM (
    SELECT subject_id, bit_or(bit) AS mask FROM (
{leaves}
    ) GROUP BY subject_id
) GROUP BY mask
"""


@dataclass(frozen=True)
class Has:
    """Subjects with at least so many events of any of the codes, values inside the limits."""

    codes: tuple[str, ...]
    times: int = 1
    least: float | None = None
    most: float | None = None
    above: float | None = None  # and none of the limit itself
    below: float | None = None
    told: tuple[str, ...] = ()  # what numbers stand for, where a word was given


@dataclass(frozen=True)
class Then:
    """Subjects with an event of `second` after one of `first`, at most `days` later."""

    first: Has
    second: Has
    days: float


@dataclass(frozen=True)
class All:
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class AnyOf:
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Without:
    criterion: Criterion


Leaf = Has | Then
Criterion = Has | Then | All | AnyOf | Without


@dataclass(frozen=True)
class CodeCount:
    events: int
    subjects: int


@dataclass(frozen=True)
class CriterionCount:
    """How many subjects meet one criterion, and how many meet it and all before it."""

    criterion: Criterion
    subjects: int
    remaining: int


def count_code(view: View, *codes: str) -> CodeCount:
    """Count the events of one code, or of several together, and the subjects that have them."""
    _check_known(view, codes)
    events, subjects = view.con.execute(CODE, {"codes": list(codes)}).fetchall()[0]
    return CodeCount(events, subjects)


def count_subjects(view: View, *criteria: Criterion) -> list[CriterionCount]:
    """Count the subjects that meet each criterion, alone and after those before it."""
    leaves = list(dict.fromkeys(leaf for one in criteria for leaf in _leaves(one)))
    if not leaves or len(leaves) > _MAX_LEAVES:
        raise WrongUse(f"between 1 and {_MAX_LEAVES} different criteria can be counted at once")
    _check_known(view, [code for leaf in leaves for code in _codes(leaf)])
    masks = _masks(view, leaves)
    bits = {leaf: 1 << number for number, leaf in enumerate(leaves)}
    counts, left = [], set(masks)
    for criterion in criteria:
        meeting = {mask for mask in masks if _meets(criterion, mask, bits)}
        left &= meeting
        alone, remaining = (sum(masks[mask] for mask in group) for group in (meeting, left))
        counts.append(CriterionCount(criterion, alone, remaining))
    return counts


def _masks(view: View, leaves: list[Leaf]) -> dict[int, int]:
    """Count subjects by the set of leaves they meet; subjects that meet none have mask 0."""
    parts = [_leaf_sql(leaf, 1 << number) for number, leaf in enumerate(leaves)]
    sql = MASKS.format(leaves="\nUNION ALL\n".join(f"({part})" for part in parts))
    masks = {int(mask): int(count) for mask, count in view.rows(sql)}
    everybody = view.rows("SELECT count(*) FROM subjects")[0][0]
    return masks | {0: everybody - sum(masks.values())}


def _leaf_sql(leaf: Leaf, bit: int) -> str:
    if isinstance(leaf, Then):
        if leaf.first.times != 1 or leaf.second.times != 1 or leaf.days <= 0:
            raise WrongUse("A then B takes single events of A and B, and a positive number of days")
        return THEN.format(
            bit=bit,
            first=_rows(leaf.first),
            second=_rows(leaf.second),
            within=round(leaf.days * DAY),
        )
    often = f" GROUP BY subject_id HAVING count(*) >= {leaf.times}" if leaf.times > 1 else ""
    return HAVING.format(bit=bit, rows=_rows(leaf), often=often)


def _rows(has: Has) -> str:
    codes = ", ".join("'" + code.replace("'", "''") + "'" for code in has.codes)
    ends = ((">=", has.least), ("<=", has.most), (">", has.above), ("<", has.below))
    limits = [
        f"numeric_value {sign} {float(end)!r}::FLOAT" for sign, end in ends if end is not None
    ]
    limits += ["NOT isnan(numeric_value)"] if limits else []
    return " AND ".join([f"events_by_code WHERE code IN ({codes})", *limits])


def told_of(criterion: Criterion) -> list[str]:
    """Return what the numbers of a criterion stand for."""
    parts = [
        part
        for leaf in _leaves(criterion)
        for part in ((leaf.first, leaf.second) if isinstance(leaf, Then) else (leaf,))
    ]
    return [text for part in parts for text in part.told]


def _leaves(criterion: Criterion) -> Iterator[Leaf]:
    match criterion:
        case Has() | Then():
            yield criterion
        case Without(inner):
            yield from _leaves(inner)
        case All(inner_ones) | AnyOf(inner_ones):
            for inner in inner_ones:
                yield from _leaves(inner)


def _codes(leaf: Leaf) -> tuple[str, ...]:
    return leaf.codes if isinstance(leaf, Has) else (*leaf.first.codes, *leaf.second.codes)


def _meets(criterion: Criterion, mask: int, bits: dict[Leaf, int]) -> bool:
    match criterion:
        case Has() | Then():
            return bool(mask & bits[criterion])
        case Without(inner):
            return not _meets(inner, mask, bits)
        case All(inner_ones):
            return all(_meets(inner, mask, bits) for inner in inner_ones)
        case AnyOf(inner_ones):
            return any(_meets(inner, mask, bits) for inner in inner_ones)


def _check_known(view: View, codes: Sequence[str]) -> None:
    if not codes:
        raise WrongUse("name at least one code")
    known = {row[0] for row in view.rows(KNOWN, [list(codes)])}
    for code in codes:
        if code not in known:
            raise WrongUse(
                f"code '{code}' is not in the lake.{nearest_code(view, code)}",
                next="List codes: biolake codes search.",
            )
