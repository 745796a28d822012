"""What the mentions of a text say for each code: counts of training cases, as features.

A mention's precision for a code is the share of training cases with the mention that had the code,
(cases with both + 0.3) / (cases with the mention + 1): a mention seen once and always right counts
0.65, not 1. Four kinds of mention are told apart: standing alone, inside a longer mention,
scattered over a clause, and listed (a term of a terminology, with or without training cases).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biolake.text.coding_mentions import Seen

ALONE, INSIDE, SCATTERED, LISTED = range(4)
_HAS = ("has", "precision", "together", "precision alone", "cases", "annotated", "share", "words",
        "times", "unseen", "gap")  # fmt: skip
FEATURES = (
    *(f"{kind} {name}" for kind in ("alone", "inside", "scattered", "listed") for name in _HAS),
    "best",
    "all together",
    "code's cases",
)


@dataclass(frozen=True)
class Links:
    """Mentions of one kind and the codes each may mean, counted over the training cases.

    The links of mention m are `start[m]` to `start[m + 1]`. `cases` and `cases_alone` count the
    cases that have the mention, and that have it alone; `coded` and `coded_alone` those of them
    that have the link's code; `annotated` those where somebody marked the mention for the code.
    """

    words: np.ndarray  # words of each mention
    start: np.ndarray
    code: np.ndarray
    annotated: np.ndarray
    cases: np.ndarray
    cases_alone: np.ndarray
    coded: np.ndarray
    coded_alone: np.ndarray


@dataclass(frozen=True)
class Known:
    """What is known of cases that are themselves in training: taken out of the counts.

    `coded` holds item · codes + code of every code a case has; `annotated`, for each kind of
    links (whole, scattered, listed), item · links + link of every one somebody marked. Sorted.
    """

    coded: np.ndarray
    annotated: Sequence[np.ndarray]


@dataclass(frozen=True)
class Pairs:
    """One row a text, mention and code."""

    item: np.ndarray
    code: np.ndarray
    kind: np.ndarray
    values: Mapping[str, np.ndarray]
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Candidates:
    """One row a text and a code it may have; `first` and `last` are tokens of its best mention."""

    item: np.ndarray
    code: np.ndarray
    features: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def __len__(self) -> int:
        return len(self.item)


def spread(links: Links, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return row of `seen` and number of the link, of each code that each row may mean."""
    first = links.start[seen.mention]
    count = links.start[seen.mention + 1] - first
    row = np.repeat(np.arange(len(seen)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, within + first[row]


def pairs(links: Links, seen: Seen, kind: int | None, known: Known | None, codes: int) -> Pairs:
    """Spread what was seen over the codes it may mean; `kind` None: alone or inside, as seen."""
    row, link = spread(links, seen)
    item, mention, code = seen.item[row], seen.mention[row], links.code[link]
    alone = seen.alone[row]
    own = coded = marked = np.zeros(len(row), np.int64)
    if known is not None:
        table = 1 if kind == SCATTERED else 2 if kind == LISTED else 0
        own = np.ones(len(row), np.int64)
        coded = _among(item * codes + code, known.coded)
        marked = _among(item * len(links.code) + link, known.annotated[table])
    annotated = links.annotated[link] - marked
    kept = annotated > 0 if kind != LISTED else np.ones(len(row), bool)
    values = {
        "cases": links.cases[mention] - own,
        "coded": links.coded[link] - coded,
        "cases alone": links.cases_alone[mention] - own * alone,
        "coded alone": links.coded_alone[link] - coded * alone,
        "annotated": annotated,
        "share": annotated / np.maximum(1, np.bincount(row, annotated, len(seen))[row]),
        "words": links.words[mention],
        "times": seen.times[row],
        "gap": seen.gap[row],
    }
    kinds = np.where(alone, ALONE, INSIDE) if kind is None else np.full(len(row), kind)
    return Pairs(
        item[kept],
        code[kept],
        kinds[kept],
        {name: column[kept] for name, column in values.items()},
        seen.first[row][kept],
        seen.last[row][kept],
    )


def _among(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return 1 where a key is among those known (sorted), else 0."""
    if not len(known):
        return np.zeros(len(keys), np.int64)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[at] == keys, np.int64)


def candidates(found: Sequence[Pairs], cases: np.ndarray, known: Known | None) -> Candidates:
    """Bring the pairs together to one row a text and code; `cases` counts each code's cases."""
    item, code, kind, first, last = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("item", "code", "kind", "first", "last")
    )
    values = {name: np.concatenate([one.values[name] for one in found]) for name in found[0].values}
    precision = _smoothed(values["coded"], values["cases"])
    keys, row = np.unique(item * len(cases) + code, return_inverse=True)
    items, codes = keys // len(cases), keys % len(cases)
    left = cases[codes]
    if known is not None:
        left = left - _among(keys, known.coded)
    best = _last_of(row, np.lexsort((precision, row)), len(keys))
    misses = np.log1p(-np.minimum(precision, 0.98))
    columns = [
        column
        for each in range(4)
        for column in _kind_features(np.flatnonzero(kind == each), row, len(keys), precision,
                                     misses, values)
    ]  # fmt: skip
    columns += [
        _logit(precision[best]),
        _logit(-np.expm1(np.bincount(row, misses, len(keys)))),
        np.log1p(left),
    ]
    return Candidates(items, codes, np.column_stack(columns), first[best], last[best])


def _kind_features(
    at: np.ndarray,
    row: np.ndarray,
    rows: int,
    precision: np.ndarray,
    misses: np.ndarray,
    values: Mapping[str, np.ndarray],
) -> list[np.ndarray]:
    """Return the columns of one kind of mention: those of its most precise one, and of all."""
    has = np.bincount(row[at], minlength=rows) > 0
    order = at[np.lexsort((precision[at], row[at]))]
    best = _last_of(row, order, rows)
    together = -np.expm1(np.bincount(row[at], misses[at], rows))
    alone = _smoothed(values["coded alone"], values["cases alone"])
    times = np.bincount(row[at], values["times"][at], rows)
    columns = [
        np.ones(rows),
        _logit(precision[best]),
        _logit(together),
        _logit(alone[best]),
        np.log1p(values["cases"][best]),
        np.log1p(values["annotated"][best]),
        values["share"][best],
        np.log1p(values["words"][best]),
        np.log1p(times),
        values["cases"][best] == 0,
        values["gap"][best],
    ]
    return [np.where(has, column, 0.0) for column in columns]


def _last_of(row: np.ndarray, order: np.ndarray, rows: int) -> np.ndarray:
    """Return, for each row, the last of its places in this order (any place where it has none)."""
    last = np.zeros(rows, np.int64)
    last[row[order]] = order
    return last


def _smoothed(coded: np.ndarray, cases: np.ndarray) -> np.ndarray:
    return np.asarray((np.maximum(coded, 0) + 0.3) / (np.maximum(cases, 0) + 1.0))


def _logit(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 0.02, 0.98)
    return np.asarray(np.log(clipped / (1.0 - clipped)))
