"""Plain variables of samples beside the features: age, and the subgroups a study names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from biolake.lake.door import View
from biolake.studies.definition import Subgroup
from biolake.studies.population import Members, ages

SEX = ("GENDER//", "SEX//")

_LABELS = """
SELECT m.number, min(e.code) AS code
FROM members m JOIN events e ON e.subject_id = m.subject_id
WHERE (e.time IS NULL OR e.time <= m.index_time) AND ({match})
GROUP BY m.number ORDER BY m.number
"""
UNKNOWN = "unknown"


def age_of(view: View, members: Members) -> np.ndarray:
    return ages(view, members)


def groups_of(
    view: View, members: Members, age: np.ndarray, wanted: Sequence[Subgroup]
) -> dict[str, np.ndarray]:
    """Return each subgroup variable's labels, as known at the index time."""
    found: dict[str, np.ndarray] = {}
    for subgroup in wanted:
        if subgroup.name == "site":
            found["site"] = members.site
        elif subgroup.name == "age":
            found["age"] = bands(age, subgroup.cuts)
        else:
            prefixes = (subgroup.prefix,) if subgroup.prefix else SEX
            found[subgroup.name] = labels(view, members, prefixes)
    return found


def labels(view: View, members: Members, prefixes: Sequence[str]) -> np.ndarray:
    """Return what follows the prefix in each subject's code, the first by name if several."""
    match = " OR ".join("starts_with(e.code, ?)" for _ in prefixes)
    view.con.register("members", members.table())
    rows = view.rows(_LABELS.format(match=match), list(prefixes))
    view.con.unregister("members")
    out = np.full(len(members), UNKNOWN, dtype=object)
    for number, code in rows:
        prefix = next(p for p in prefixes if code.startswith(p))
        out[number] = code.removeprefix(prefix) or UNKNOWN
    return out


def bands(age: np.ndarray, cuts: Sequence[float]) -> np.ndarray:
    """Return `40-64`, `under 40`, `80 and over` … for ages cut at these years."""
    texts = [f"under {cuts[0]:g}"]
    texts += [f"{a:g}-{b - 1:g}" for a, b in pairwise(cuts)]
    texts.append(f"{cuts[-1]:g} and over")
    place = np.searchsorted(np.asarray(cuts), age, side="right")
    named = np.array(texts, dtype=object)[place]
    return np.asarray(np.where(np.isnan(age), UNKNOWN, named))
