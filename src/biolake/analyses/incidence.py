"""Incidence: events per person-year, with exact intervals."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa

from biolake.analyses._registration import analysis
from biolake.analyses._variables import follow_up, grouping
from biolake.core.context import Context
from biolake.core.params import Param
from biolake.core.result import Result, estimates
from biolake.statistics.incidence import IncidenceRate, incidence_by_group

YEAR_DAYS = 365.25


@analysis(title="Incidence rate")
def incidence(
    ctx: Context,
    by: Annotated[str, Param("Group by a subgroup variable; empty for none")] = "",
    per: Annotated[float, Param("Person-years the rate is per", ge=1)] = 1000.0,
) -> Result:
    """Count first events per person-years at risk, with an exact interval.

    Garwood, Biometrika 1936;28:437. Follow-up ends at a competing event or the end of the record.
    """
    samples = ctx.samples("train", "tuning", "held_out")
    duration, observed = follow_up(samples)
    years, seen, group = duration / YEAR_DAYS, observed == 1, grouping(samples, by)
    found: dict[str, IncidenceRate] = {
        "all" if label is None else str(label): rate
        for label, rate in {
            **incidence_by_group(years, seen, per=per),
            **(incidence_by_group(years, seen, group, per=per) if group is not None else {}),
        }.items()
    }
    table = pa.table(
        {
            "group": list(found),
            "events": [rate.events for rate in found.values()],
            "person_years": [rate.person_time for rate in found.values()],
            "rate": [rate.rate.value for rate in found.values()],
            "low": [rate.rate.low for rate in found.values()],
            "high": [rate.rate.high for rate in found.values()],
        }
    )
    rows = [
        ("rate", name, r.rate.value, r.rate.low, r.rate.high, f"per {per:g} person-years")
        for name, r in found.items()
    ]
    return Result("Incidence", estimates(rows), {"incidence": table})
