"""The sections of result.json that the engine itself knows: cohort, split, models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from biolake.core.schema import MICROSECONDS
from biolake.learning.fitting import Fitted
from biolake.statistics.columns import Floats
from biolake.studies.definition import Study
from biolake.studies.population import Members, Step
from biolake.studies.splitting import Deal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_WEIGHTS = 50
_SHOWN_TRIALS = 100


def attrition_section(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [asdict(step) for step in steps]


def cohort_section(members: Members, least: int) -> dict[str, Any]:
    """Count samples, subjects and events, overall and by site; small counts are left out."""
    found: dict[str, Any] = {
        "samples": len(members),
        "subjects": len(np.unique(members.subject_id)),
        "events": _events(members),
        "index_first": _day(int(members.index_time.min())),
        "index_last": _day(int(members.index_time.max())),
        "by_site": [
            _site(members.take(np.flatnonzero(members.site == site)), str(site), least)
            for site in sorted(set(members.site.tolist()))
        ],
    }
    if members.duration is not None:
        found["follow_up_median_days"] = float(np.median(members.duration))
    return found


def split_section(study: Study, deals: Sequence[Deal], members: Members) -> dict[str, Any]:
    """Return how many subjects, samples and events are in each split (of the first deal)."""
    deal = deals[0]
    sizes = {}
    for name in ("train", "tuning", "held_out"):
        part = members.take(deal.rows(name))
        sizes[name] = {
            "subjects": len(np.unique(part.subject_id)),
            "samples": len(part),
            "events": _events(part),
        }
    said: dict[str, Any] = {"kind": study.split.kind, "seed": study.split.seed, "sizes": sizes}
    if len(deals) > 1:
        said["left_out"] = [deal.name for deal in deals]
    unused = int((deal.split == "").sum())
    return said | ({"unused_samples": unused} if unused else {})


def model_section(fitted: Fitted) -> dict[str, Any]:
    """Return what a model is, how it was chosen and what it looks at; no evaluation yet."""
    model = fitted.model
    losses = sorted(
        ({**dict(trial.setting), "log_loss": trial.loss} for trial in fitted.trials),
        key=lambda row: row["log_loss"],
    )
    repair = model.recalibration
    said: dict[str, Any] = {
        "name": model.name,
        "kind": model.kind,
        "features": len(model.columns),
        "hyperparameters": dict(model.hyperparameters),
        "tuning": losses[:_SHOWN_TRIALS],
        "tuned_on": fitted.judged_on,
        "recalibration": {
            "method": repair.method,
            "intercept": repair.intercept,
            "slope": repair.slope,
        },
        "evaluation": {},
    }
    if model.horizon is not None:
        said["horizon_days"] = model.horizon
    if coefficients := model.coefficients():
        said["coefficients"] = _weights(coefficients, "coefficient")
    if model.importance:
        said["importance"] = _weights(model.importance, "shap")
    return said


def prediction_table(members: Members, name: str, risk: Floats) -> pa.Table:
    """Return a model's risks with who, when and what came of it, in MEDS' column names."""
    known = ~np.isnan(members.outcome)
    return pa.table(
        {
            "subject_id": members.subject_id,
            "prediction_time": pa.array(members.index_time).cast(MICROSECONDS),
            "boolean_value": pa.array(members.outcome == 1.0, mask=~known),
            "predicted_boolean_probability": risk,
            "site_id": pa.array(members.site.tolist(), pa.string()),
            "model": pa.array([name] * len(members), pa.string()),
        }
    )


def _weights(pairs: Sequence[tuple[str, float]], what: str) -> list[dict[str, Any]]:
    return [{"feature": name, what: value} for name, value in pairs[:_SHOWN_WEIGHTS]]


def _site(members: Members, site: str, least: int) -> dict[str, Any]:
    events = _events(members)
    small = 0 < events < least
    return {"site": site, "samples": len(members), "events": None if small else events}


def _events(members: Members) -> int:
    if members.observed is not None:
        return int((members.observed == 1).sum())
    return int(np.nansum(members.outcome))


def _day(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).date().isoformat()
