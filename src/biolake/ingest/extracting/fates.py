"""The fate of every asset that an extractor looked at: one row of the ledger each."""

from __future__ import annotations

from collections import Counter

import numpy as np

from biolake.core.reading import Reject, Tally
from biolake.ingest.extracting.answers import Answer
from biolake.ingest.extracting.owners import Owned

NOTHING = "nothing was found"
LEFT_OUT = "nothing that was found has a subject and a time"
# Shared by every line with this fate, so never changed: there may be a million.
_FOUND = Tally(rows=1, event_rows=1)
_DERIVED = Tally(rows=1, part_rows=1)


def fates(count: int, answer: Answer, owned: Owned) -> list[Tally]:
    """Return what became of each item: events, rows of derived tables only, nothing, a fault."""
    events = np.bincount(owned.item[owned.kept], minlength=count)
    rows = sum(
        (
            np.bincount(table["item"].to_numpy(), minlength=count)
            for table in answer.tables.values()
        ),
        np.zeros(count, dtype=np.int64),
    )
    dropped = _dropped(count, owned)
    nothing = _Skipped()
    found: list[Tally] = []
    for item in range(count):
        if item in answer.faults:
            found.append(Tally(rows=1, rejects=[Reject(1, *answer.faults[item])]))
        elif events[item] or rows[item]:
            found.append(_FOUND if events[item] else _DERIVED)
        else:
            found.append(nothing[answer.skipped.get(item) or _why(dropped.get(item))])
        if item in dropped:
            shared, found[item] = found[item], Tally()
            found[item].add(shared)
            found[item].dropped = dropped[item]
    return found


class _Skipped(dict[str, Tally]):
    """One tally a reason."""

    def __missing__(self, reason: str) -> Tally:
        self[reason] = Tally(rows=1, skipped=Counter({reason: 1}))
        return self[reason]


def _why(dropped: Counter[str] | None) -> str:
    return NOTHING if dropped is None else LEFT_OUT


def _dropped(count: int, owned: Owned) -> dict[int, Counter[str]]:
    """Return, by item, the findings that became no event, by reason."""
    found: dict[int, Counter[str]] = {}
    for reason, rows in owned.left_out().items():
        if rows.any():
            counted = np.bincount(owned.item[rows], minlength=count)
            for item in np.flatnonzero(counted).tolist():
                found.setdefault(item, Counter())[f"finding: {reason}"] = int(counted[item])
    return found
