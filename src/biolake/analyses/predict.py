"""Prediction of a yes/no outcome: elastic-net logistic regression, LightGBM."""

from __future__ import annotations

from typing import Annotated, Literal

from biolake.analyses._fitted import summary
from biolake.analyses._registration import ModelContext, analysis
from biolake.core.params import Param
from biolake.core.result import Result

Model = Literal["elastic_net", "lightgbm"]


@analysis(title="Prediction model")
def predict(
    ctx: ModelContext,
    models: Annotated[tuple[Model, ...], Param("Models to fit")] = ("elastic_net",),
    recalibrate: Annotated[bool, Param("Recalibrate on the tuning split")] = True,
) -> Result:
    """Fit on train, choose hyperparameters and recalibrate on tuning; nothing sees held_out.

    Elastic net: Zou & Hastie, J R Stat Soc B 2005;67:301. LightGBM: Ke et al., NeurIPS 2017. With
    fewer than 20 tuning events, hyperparameters are chosen by cross-validation inside train.
    """
    return summary("Prediction models", [ctx.fit(kind, recalibrate=recalibrate) for kind in models])
