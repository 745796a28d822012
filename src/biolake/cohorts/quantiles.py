"""Limits that are a quantile of the lake's subjects ("above the median"), turned into numbers.

A quantile is over subjects, of each the latest value (the mean where one time has several), at
the commit that is read. What number was used stands in the notes of the cohort, and in its SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from biolake.cohorts.definition import Limit, Nested, Plain, Predicate, Task
from biolake.cohorts.planning import predicate_names
from biolake.core.errors import DataRefused
from biolake.lake.door import View

LEAST = 10  # subjects with a value: of fewer, a quantile is nearly somebody's own value
_WORD = re.compile(r"median|q(\d+(?:\.\d+)?)")

_LATEST = """
SELECT arg_max(value, moment) AS latest FROM (
    SELECT subject_id, coalesce(epoch_us(time), -9223372036854775807) AS moment,
           avg(numeric_value::DOUBLE) AS value
    FROM events_by_code
    WHERE code IN (SELECT unnest(?::VARCHAR[])) AND numeric_value IS NOT NULL
      AND NOT isnan(numeric_value){columns}
    GROUP BY subject_id, moment
) GROUP BY subject_id ORDER BY latest
"""
_UNITS = """
SELECT count(DISTINCT unit) FROM events_by_code
WHERE code IN (SELECT unnest(?::VARCHAR[])) AND numeric_value IS NOT NULL{columns}
"""


@dataclass(frozen=True)
class Quantile:
    """A quantile as it was found."""

    share: float
    value: float
    subjects: int

    def told(self, code: str) -> str:
        """Say what it is, for a note."""
        return (
            f"the {word_of(self.share)} of {code} over {self.subjects:,} subjects is"
            f" {self.value!r} (of each subject the latest value)"
        )


def share_of(word: str) -> float | None:
    """Read `median`, `q25` or `q97.5` as a share; None where it is none of these."""
    found = _WORD.fullmatch(word.strip().lower())
    if not found:
        return None
    share = 0.5 if found[1] is None else float(found[1]) / 100.0
    return share if 0.0 <= share <= 1.0 else None


def word_of(share: float) -> str:
    return "median" if share == 0.5 else f"{100 * share:g}% quantile"


def quantile(
    view: View, codes: Sequence[str], share: float, columns: Sequence[tuple[str, str]] = ()
) -> Quantile:
    """Return a quantile over the subjects of the lake who have a value.

    Raises DataRefused with several codes or units, whose values do not compare, or too few
    subjects.
    """
    if len(codes) != 1:
        raise DataRefused(
            f"a {word_of(share)} needs one code, and these are {len(codes)}",
            next="Name the code in full: biolake codes search",
        )
    tests = "".join(f" AND {name} = ?" for name, _ in columns)
    given = [list(codes), *(value for _, value in columns)]
    if view.rows(_UNITS.format(columns=tests), given)[0][0] > 1:
        raise DataRefused(
            f"the values of '{codes[0]}' are in several units",
            next="Choose one with `unit:` in the predicate.",
        )
    rows = view.rows(_LATEST.format(columns=tests), given)
    if len(rows) < LEAST:
        raise DataRefused(
            f"fewer than {LEAST} subjects have a value of '{codes[0]}': its {word_of(share)}"
            " would tell one of them",
            next="Give a number.",
        )
    found = np.quantile(np.array([value for (value,) in rows]), share)
    # Values are 32-bit floats: the shortest number that means the same one is told and used.
    return Quantile(share, float(str(np.float32(found))), len(rows))


def with_numbers(
    view: View, task: Task, codes: Mapping[str, Mapping[str, Sequence[str]]], prefix: str = ""
) -> tuple[Task, list[str]]:
    """Return the task with every quantile made a number, and notes that tell each.

    `codes` are those of its predicates, and of the tasks in it, by the prefix of their SQL names.
    """
    notes: list[str] = []
    names = predicate_names(task)
    predicates: dict[str, Predicate] = {}
    for name, predicate in task.predicates.items():
        predicates[name] = predicate
        if isinstance(predicate, Plain):
            predicates[name] = _plain(view, predicate, codes[prefix][name], notes)
        elif isinstance(predicate, Nested):
            inner, more = with_numbers(view, predicate.task, codes, f"{prefix}{names[name]}__")
            predicates[name] = replace(predicate, task=inner)
            notes += more
    return replace(task, predicates=predicates), notes


def _plain(view: View, plain: Plain, codes: Sequence[str], notes: list[str]) -> Plain:
    def limit(one: Limit | None) -> Limit | None:
        if one is None or one.share is None or not codes:
            return one
        try:
            found = quantile(view, codes, one.share, plain.columns)
        except DataRefused as refused:
            raise DataRefused(
                f"predicate '{plain.name}': {refused.message}",
                where=str(plain.where),
                next=refused.next,
            ) from None
        notes.append(f"predicate '{plain.name}': {found.told(codes[0])}")
        return replace(one, value=found.value)

    minimum, maximum = limit(plain.minimum), limit(plain.maximum)
    return replace(plain, minimum=minimum, maximum=maximum)
