"""LightGBM, run so that the same data give the same bytes, and kept in its own text format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from biolake.core.errors import SetupMissing
from biolake.statistics.columns import Floats

if TYPE_CHECKING:
    import lightgbm

MOST_ROUNDS, PATIENCE = 1000, 50
# The declared grid, from stiff to supple (leaves and rows a leaf; the rest stays as it is).
GRID: tuple[Mapping[str, float], ...] = (
    {"num_leaves": 4, "min_data_in_leaf": 20},
    {"num_leaves": 8, "min_data_in_leaf": 20},
    {"num_leaves": 16, "min_data_in_leaf": 40},
    {"num_leaves": 31, "min_data_in_leaf": 40},
)
_FIXED: Mapping[str, object] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Trees:
    """A fitted forest as text. The text holds split points and leaf values, and no row."""

    text: str

    def predict(self, values: Floats, threads: int = 1) -> Floats:
        return np.asarray(self._booster().predict(values, num_threads=threads))

    def attributions(self, values: Floats, threads: int = 1) -> Floats:
        """Return exact tree SHAP values on the log-odds scale (Lundberg et al. 2020), no base."""
        found = self._booster().predict(values, pred_contrib=True, num_threads=threads)
        return np.asarray(found)[:, :-1]

    def _booster(self) -> lightgbm.Booster:
        booster: lightgbm.Booster = _lightgbm().Booster(model_str=self.text)
        return booster


@dataclass(frozen=True)
class Grown:
    """A forest, how many rounds it took, and its log-loss on the rows it was watched on."""

    trees: Trees
    rounds: int
    loss: float


def grow(
    train: tuple[Floats, Floats],
    watched: tuple[Floats, Floats] | None,
    setting: Mapping[str, float],
    *,
    seed: int,
    threads: int,
    rounds: int = MOST_ROUNDS,
    weights: Floats | None = None,
) -> Grown:
    """Grow until the watched rows' log-loss stops falling; without such rows, `rounds` trees."""
    library = _lightgbm()
    params: dict[str, Any] = {**_FIXED, **setting, "seed": seed, "num_threads": threads}
    data = library.Dataset(train[0], train[1], weight=weights, params=params, free_raw_data=True)
    if watched is None:
        booster = library.train(params, data, num_boost_round=rounds)
        return Grown(Trees(scrubbed(booster.model_to_string())), rounds, float("nan"))
    watch = library.Dataset(watched[0], watched[1], reference=data, params=params)
    stop = library.early_stopping(PATIENCE, verbose=False)
    booster = library.train(
        params, data, num_boost_round=rounds, valid_sets=[watch], callbacks=[stop]
    )
    best = max(1, booster.best_iteration)
    loss = float(booster.best_score["valid_0"]["binary_logloss"])
    return Grown(Trees(scrubbed(booster.model_to_string(num_iteration=best))), best, loss)


def scrubbed(text: str) -> str:
    """Drop what no prediction needs: each feature's least and greatest value, run parameters."""
    text = re.sub(
        r"^feature_infos=(.*)$",
        lambda m: "feature_infos=" + " ".join(_without_range(i) for i in m[1].split(" ")),
        text,
        flags=re.M,
    )
    return re.sub(r"\nparameters:.*?end of parameters\n", "\n", text, flags=re.S)


def mean_absolute(attributions: Floats) -> Floats:
    """Return each column's mean |SHAP|."""
    return np.asarray(np.abs(attributions).mean(axis=0))


def _without_range(info: str) -> str:
    return "[-inf:inf]" if info.startswith("[") else info


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise SetupMissing(
            "the model lightgbm needs LightGBM, which is not installed",
            next="Install it: pip install 'biolake[learn]'. The model elastic_net needs nothing.",
        ) from None
    return lightgbm
