"""Where each model was evaluated, and which evaluation a reader should take away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from biolake.studies.report.formats import RATIO
from biolake.studies.report.reading import (
    Estimate,
    Result,
    at,
    estimate,
    mapping,
    rows,
    whole,
    words,
)

_NAMES = {"train": "Training (apparent)", "tuning": "Tuning", "held_out": "Held-out"}
_ORDER = ("train", "tuning", "held_out")
_LEFT_OUT = ("leave_one_site_out:", "left_out:", "site:")
_MODELS = {
    "elastic_net": "Elastic-net logistic regression",
    "lightgbm": "LightGBM (gradient-boosted trees)",
    "survival_elastic_net": "Elastic-net discrete-time survival",
    "survival_lightgbm": "LightGBM discrete-time survival",
    "discrete_survival": "Discrete-time survival model",
    "ridge_cox": "Ridge-penalised Cox model",
    "ridge_cox_late": "Ridge-penalised Cox, late fusion",
    "ridge_cox_early": "Ridge-penalised Cox, early fusion",
}
_BLOCK = "ridge_cox_"


@dataclass(frozen=True)
class Measure:
    """One figure of performance: its key, its name, and what it tells."""

    key: str
    name: str
    tells: str
    places: int  # decimals shown


MEASURES = (
    Measure("auroc", "AUROC", "ranks cases above non-cases; 0.5 is chance, 1 is perfect", 3),
    Measure("auprc", "AUPRC", "compare with the share of samples with the outcome", 3),
    Measure("brier", "Brier score", "mean squared error of the risks; lower is better", 3),
    Measure(
        "scaled_brier", "Scaled Brier", "0 is no better than the average risk, 1 is perfect", 3
    ),
    Measure("o_e", "Observed/expected", "1 is ideal; above 1, risks are too low", RATIO),
    Measure("calibration_intercept", "Calibration intercept", "0 is ideal", RATIO),
    Measure(
        "calibration_slope",
        "Calibration slope",
        "1 is ideal; below 1, too extreme; above, too moderate",
        RATIO,
    ),
)


@dataclass(frozen=True)
class Evaluation:
    """One model on one set of samples."""

    model: str
    where: str
    values: Mapping[str, Any]

    @property
    def external(self) -> bool:
        return self.where.startswith(("external", *_LEFT_OUT))

    @property
    def site(self) -> str:
        return self.where.partition(":")[2] or "another site"

    @property
    def place(self) -> str:
        """Name the samples, as a heading does."""
        if self.external:
            kind = "Left out" if self.where.startswith(_LEFT_OUT) else "External"
            return f"{kind}: {self.site}"
        words = self.where.replace("_", " ").replace(":", " ")
        return _NAMES.get(self.where, words.capitalize())

    @property
    def n(self) -> int | None:
        return whole(self.values.get("n"))

    @property
    def events(self) -> int | None:
        return whole(self.values.get("events"))

    @property
    def one_class(self) -> str:
        """Say why nothing can be estimated when every sample has the same outcome."""
        if self.n is None or self.events is None:
            return ""
        if self.n == 0:
            return "no samples"
        if self.events == 0:
            return "no sample has the outcome"
        return "every sample has the outcome" if self.events >= self.n else ""

    @property
    def ranking(self) -> str:
        """Name the measure of ranking: over follow-up it is Harrell's concordance."""
        return "Concordance (C)" if self.values.get("horizon_days") is not None else "AUROC"

    def measure(self, key: str) -> Estimate:
        return estimate(self.values.get(key))


def model_name(model: Mapping[str, Any]) -> str:
    """Name a model for a reader: its kind in words, or the name the study gave it."""
    name, kind = words(model.get("name")), words(model.get("kind"))
    if name.startswith(_BLOCK) and name not in _MODELS:
        return f"Ridge-penalised Cox, {name.removeprefix(_BLOCK).replace('_', ' ')} alone"
    return _MODELS.get(name) or name or _MODELS.get(kind) or kind or "Unnamed model"


def models(result: Result) -> list[Mapping[str, Any]]:
    return rows(result.get("models"))


def evaluations(result: Result) -> list[Evaluation]:
    """List every evaluation: training first, then held-out, then external sites by name."""
    found = []
    for model in models(result):
        held = mapping(model.get("evaluation"))
        known = [key for key in _ORDER if key in held]
        keys = [*known, *sorted(words(key) for key in held if key not in _ORDER)]
        found += [Evaluation(model_name(model), key, mapping(held.get(key))) for key in keys]
    return found


def places(result: Result) -> list[str]:
    """List the sets that any model was evaluated on, in their order."""
    found = {each.where for each in evaluations(result)}
    known = [key for key in _ORDER if key in found]
    return [*known, *sorted(found - set(_ORDER))]


def external(result: Result) -> list[Evaluation]:
    return [each for each in evaluations(result) if each.external]


def main_model(result: Result) -> str:
    """Name the model the study stands by: the one marked primary, else the first listed.

    Never the one that did best on held-out samples: that choice would make its figures too good.
    """
    listed = models(result)
    marked = [model for model in listed if model.get("primary") is True]
    return model_name((marked or listed)[0]) if listed else ""


def main_evaluation(result: Result) -> Evaluation | None:
    """Return the evaluation to headline: held-out, else external, else whatever there is."""
    found = [each for each in evaluations(result) if each.model == main_model(result)]
    by_rank = sorted(found, key=_rank)
    return by_rank[0] if by_rank else None


def _rank(each: Evaluation) -> tuple[int, str]:
    rank = {"held_out": 0, "tuning": 2, "train": 3}
    return rank.get(each.where, 1), each.where


def left_one_site_out(result: Result) -> bool:
    """Tell whether each site was left out in turn."""
    kind = words(at(result, "split.kind"))
    return kind == "leave_one_site_out" or any(
        each.where.startswith(_LEFT_OUT) for each in evaluations(result)
    )
