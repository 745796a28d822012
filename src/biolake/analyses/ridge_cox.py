"""Prediction of time to event from many columns: ridge-Cox, a block at a time and together."""

from __future__ import annotations

from typing import Annotated, Literal

from biolake.analyses._fitted import summary
from biolake.analyses._registration import ModelContext, analysis
from biolake.core.errors import WrongUse
from biolake.core.params import Param
from biolake.core.result import Result

Fusion = Literal["late", "early"]


@analysis(title="Cox model with a ridge penalty")
def ridge_cox(
    ctx: ModelContext,
    horizons: Annotated[tuple[float, ...], Param("Horizons of the risks in days")],
    fusion: Annotated[tuple[Fusion, ...], Param("How blocks are put together")] = ("late", "early"),
) -> Result:
    """Fit one model a block of the study (`blocks:`) and all together; more columns than rows fit.

    The penalty is chosen by cross-validated partial likelihood within the training samples
    (Verweij & van Houwelingen, Stat Med 1993;12:2305), so tuning, if there is any, is trained on
    too. Late fusion weighs the blocks' left-out predictors; early fusion is one model of all.
    """
    if not horizons or min(horizons) <= 0:
        raise WrongUse("ridge_cox needs horizons above 0 days")
    return summary("Ridge-penalised Cox models", ctx.fit_ridge_cox(horizons, fusion))
