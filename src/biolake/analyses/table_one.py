"""Table 1: who the samples are, by group."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa

from biolake.analyses._registration import analysis
from biolake.analyses._variables import columns_of, grouping
from biolake.core.context import Context
from biolake.core.params import Param
from biolake.core.result import Result, estimates
from biolake.statistics.table_one import GroupSummary, VariableSummary
from biolake.statistics.table_one import table_one as summarise

FIELDS = (
    "variable", "level", "group", "n", "missing", "count", "share", "mean", "sd", "median",
    "q1", "q3", "smd",
)  # fmt: skip


@analysis(title="Table 1 (characteristics by group)")
def table_one(
    ctx: Context,
    by: Annotated[str, Param("Group by: outcome, split, or a subgroup variable")] = "outcome",
    variables: Annotated[tuple[str, ...], Param("Variables shown; all plain ones if empty")] = (),
) -> Result:
    """Describe each variable overall and by group, with standardised differences.

    Numbers: mean, deviation, median, quartiles; categories: counts and shares of known values.
    Differences are standardised, not tested (Austin, Stat Med 2009;28:3083).
    """
    samples = ctx.samples("train", "tuning", "held_out")
    shown = columns_of(samples, variables)
    found = summarise(shown, grouping(samples, by))
    rows = [row for variable in found for row in _rows(variable)]
    table = pa.table({name: [row.get(name) for row in rows] for name in FIELDS})
    differences = [(v.name, None, v.difference, None, None, None) for v in found]
    known = [row for row in differences if row[2] is not None]
    return Result(f"Characteristics by {by}", estimates(known), {"table_one": table})


def _rows(variable: VariableSummary) -> list[dict[str, object]]:
    groups = (variable.overall, *variable.groups)
    if variable.kind == "continuous":
        return [_number(variable, group) for group in groups]
    return [
        {
            "variable": variable.name,
            "level": str(share.level),
            "group": _label(group),
            "n": group.subjects,
            "missing": group.missing,
            "count": share.count,
            "share": _known(share.share),
            "smd": _known(variable.difference),
        }
        for group in groups
        for share in group.shares
    ]


def _number(variable: VariableSummary, group: GroupSummary) -> dict[str, object]:
    spread = group.spread
    found: dict[str, object] = {
        "variable": variable.name,
        "level": None,
        "group": _label(group),
        "n": group.subjects,
        "missing": group.missing,
        "smd": _known(variable.difference),
    }
    if spread is not None:
        found |= {
            "mean": _known(spread.mean),
            "sd": _known(spread.deviation),
            "median": _known(spread.median),
            "q1": _known(spread.lower_quartile),
            "q3": _known(spread.upper_quartile),
        }
    return found


def _label(group: GroupSummary) -> str:
    return "all" if group.group is None else str(group.group)


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
