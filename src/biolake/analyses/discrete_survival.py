"""Prediction of time to event: discrete-time hazards at declared horizons."""

from __future__ import annotations

from typing import Annotated, Literal

from biolake.analyses._fitted import summary
from biolake.analyses._registration import ModelContext, analysis
from biolake.core.errors import WrongUse
from biolake.core.params import Param
from biolake.core.result import Result

Model = Literal["elastic_net", "lightgbm"]


@analysis(title="Discrete-time survival model")
def discrete_survival(
    ctx: ModelContext,
    horizons: Annotated[tuple[float, ...], Param("Horizons in days; the longest is evaluated")],
    models: Annotated[tuple[Model, ...], Param("Models of the hazard")] = ("elastic_net",),
) -> Result:
    """Classify, interval by interval, whether the event happens to those still at risk.

    Singer & Willett, J Educ Stat 1993;18:155. With competing events the risk is the cumulative
    incidence, so it is never that of a world without them.
    """
    if not horizons or min(horizons) <= 0:
        raise WrongUse("discrete_survival needs horizons above 0 days")
    return summary("Discrete-time survival", [ctx.fit_survival(kind, horizons) for kind in models])
