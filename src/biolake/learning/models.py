"""A fitted model as one value: what it reads, how it answers, how it was chosen, how it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from biolake.core.errors import DataRefused, SetupMissing
from biolake.learning.forest import Forest
from biolake.learning.hazards import (
    DiscreteSurvival,
    Hazard,
    LinearHazard,
    TreeHazard,
    linear_hazard_from,
    linear_hazard_json,
)
from biolake.learning.linear import Linear, slopes_of
from biolake.learning.preprocessing import Preprocessing
from biolake.learning.recalibration import Recalibration
from biolake.learning.ridge_cox import RidgeCox
from biolake.learning.trees import Trees
from biolake.statistics.columns import Floats

FORMAT = "biolake-model/1"
Kind = Literal["elastic_net", "lightgbm", "ridge_cox"]
# Those that are fitted by their name alone.
KINDS: tuple[Kind, ...] = ("elastic_net", "lightgbm")

Learner = Linear | Forest | DiscreteSurvival | RidgeCox


@dataclass(frozen=True)
class Model:
    """A frozen model. `horizon` is in days for models of time to event, else None."""

    name: str
    kind: Kind
    columns: tuple[str, ...]
    learner: Learner
    recalibration: Recalibration = field(default_factory=Recalibration)
    horizon: float | None = None
    hyperparameters: Mapping[str, float | str] = field(default_factory=dict)
    importance: tuple[tuple[str, float], ...] = ()

    def raw_risk(self, values: Floats, threads: int = 1) -> Floats:
        """Return risks before recalibration."""
        if isinstance(self.learner, DiscreteSurvival):
            return self.learner.risk(values, float(self.horizon or 0.0), threads)
        if isinstance(self.learner, RidgeCox):
            return self.learner.risk(values, float(self.horizon or 0.0))
        return self.learner.predict(values, threads)

    def predict(self, values: Floats, threads: int = 1) -> Floats:
        """Return the risk of each row; the columns are the model's, NaN where missing."""
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise DataRefused(
                f"model '{self.name}' reads {len(self.columns)} columns, and got {values.shape[-1]}"
            )
        return self.recalibration.apply(self.raw_risk(values, threads))

    def coefficients(self) -> list[tuple[str, float]]:
        """Return the slopes a standard deviation of a linear model, none of a forest."""
        if isinstance(self.learner, Linear):
            return self.learner.slopes()
        if isinstance(self.learner, RidgeCox):
            return slopes_of(self.learner.preprocessing.outputs, self.learner.slopes)
        if isinstance(self.learner, DiscreteSurvival):
            hazard = self.learner.event
            if isinstance(hazard, LinearHazard):
                return slopes_of(hazard.preprocessing.outputs, hazard.slopes)
        return []


def save_model(model: Model, folder: Path) -> None:
    """Write a model in open formats: JSON, and LightGBM's own text. Nothing in it is a row."""
    folder.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {
        "format": FORMAT,
        "name": model.name,
        "kind": model.kind,
        "columns": list(model.columns),
        "horizon_days": model.horizon,
        "hyperparameters": dict(model.hyperparameters),
        "recalibration": {
            "method": model.recalibration.method,
            "intercept": model.recalibration.intercept,
            "slope": model.recalibration.slope,
        },
        "importance": [list(pair) for pair in model.importance],
    }
    said["learner"] = _save_learner(model.learner, folder)
    write_json(folder / "model.json", said)


def load_model(folder: Path) -> Model:
    """Read a saved model back."""
    said = read_json(folder / "model.json", "model")
    if said.get("format") != FORMAT:
        raise DataRefused(
            f"the model's format is not {FORMAT}",
            where=str(folder / "model.json"),
            next="Read it with the Biolake release that wrote it.",
        )
    return Model(
        name=said["name"],
        kind=said["kind"],
        columns=tuple(said["columns"]),
        learner=_load_learner(said["learner"], folder),
        recalibration=Recalibration(**said["recalibration"]),
        horizon=said["horizon_days"],
        hyperparameters=said["hyperparameters"],
        importance=tuple((name, value) for name, value in said["importance"]),
    )


def write_json(path: Path, said: Mapping[str, Any]) -> None:
    text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, what: str) -> dict[str, Any]:
    if not path.is_file():
        raise SetupMissing(f"there is no {what} here", where=str(path))
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise DataRefused(f"the {what} is not readable JSON", where=str(path)) from None
    if not isinstance(said, dict):
        raise DataRefused(f"the {what} is not a JSON object", where=str(path))
    return said


def rank(names: Sequence[str], sizes: Floats) -> tuple[tuple[str, float], ...]:
    """Return names with their sizes above zero, the largest first."""
    pairs = [(n, float(v)) for n, v in zip(names, np.asarray(sizes).tolist(), strict=True) if v > 0]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _save_learner(learner: Learner, folder: Path) -> dict[str, Any]:
    if isinstance(learner, Linear):
        write_json(folder / "preprocessing.json", learner.preprocessing.to_json())
        return {"type": "linear", **learner.to_json()}
    if isinstance(learner, Forest):
        (folder / "model.txt").write_text(learner.trees.text, encoding="utf-8")
        return {"type": "forest", "file": "model.txt"}
    if isinstance(learner, RidgeCox):
        return {"type": "ridge_cox", **learner.to_json()}
    said: dict[str, Any] = {"type": "discrete", "edges_days": learner.edges.tolist()}
    said["event"] = _save_hazard(learner.event, folder, "event")
    if learner.competing is not None:
        said["competing"] = _save_hazard(learner.competing, folder, "competing")
    return said


def _load_learner(said: Mapping[str, Any], folder: Path) -> Learner:
    if said["type"] == "linear":
        steps = read_json(folder / "preprocessing.json", "preprocessing")
        return Linear.from_json(said, Preprocessing.from_json(steps))
    if said["type"] == "forest":
        return Forest(Trees((folder / said["file"]).read_text(encoding="utf-8")))
    if said["type"] == "ridge_cox":
        return RidgeCox.from_json(said)
    competing = _load_hazard(said["competing"], folder) if "competing" in said else None
    edges = np.asarray(said["edges_days"], dtype=np.float64)
    return DiscreteSurvival(edges, _load_hazard(said["event"], folder), competing)


def _save_hazard(hazard: Hazard, folder: Path, name: str) -> dict[str, Any]:
    if isinstance(hazard, LinearHazard):
        return {"type": "linear", **linear_hazard_json(hazard)}
    file = f"{name}.txt"
    (folder / file).write_text(hazard.trees.text, encoding="utf-8")
    return {"type": "forest", "file": file, "intervals": hazard.intervals}


def _load_hazard(said: Mapping[str, Any], folder: Path) -> Hazard:
    if said["type"] == "linear":
        return linear_hazard_from(said)
    return TreeHazard(Trees((folder / said["file"]).read_text("utf-8")), said["intervals"])
