"""How a function becomes an analysis, and what one that makes models may ask of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from biolake.core.catalogue import Extension
from biolake.core.context import Context
from biolake.core.result import Result


class FittedModel(Protocol):
    """A frozen model as an analysis sees it."""

    name: str
    hyperparameters: dict[str, float | str]
    trials: Sequence[tuple[dict[str, float], float]]  # candidate, log-loss on the judged rows
    judged_on: str
    recalibration: str
    weights: Sequence[tuple[str, float]]  # slopes a standard deviation, or mean |SHAP|


class ModelContext(Context, Protocol):
    """A context that fits: on train, tuned on tuning, with the held-out outcomes locked."""

    def fit(self, kind: str, *, recalibrate: bool = True) -> FittedModel:
        """Fit a model of the yes/no outcome and keep it for evaluation."""

    def fit_survival(self, kind: str, horizons: Sequence[float]) -> FittedModel:
        """Fit a discrete-time model of time to event (days) and keep it for evaluation."""

    def fit_ridge_cox(
        self, horizons: Sequence[float], fusions: Sequence[Literal["late", "early"]]
    ) -> Sequence[FittedModel]:
        """Fit ridge-Cox models of the study's blocks, together and alone; keep them."""


def analysis(
    title: str, *, needs: str = "", extra: str = ""
) -> Callable[[Callable[..., Result]], Extension]:
    """Make a function `(context, **options) -> Result` an analysis."""

    def register(function: Callable[..., Any]) -> Extension:
        return Extension(
            "analysis",
            function.__name__,
            title,
            function,
            function.__module__,
            needs=needs,
            extra=extra,
        )

    return register
