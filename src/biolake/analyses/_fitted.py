"""What an analysis that fits models tells of them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from biolake.analyses._registration import FittedModel
from biolake.core.result import Result, estimates


def summary(title: str, fitted: Sequence[FittedModel]) -> Result:
    """Tell how each model was chosen and what it looks at."""
    tables: dict[str, pa.Table] = {}
    rows = []
    for model in fitted:
        losses = [loss for _, loss in model.trials]
        tables[f"{model.name} trials"] = pa.table(
            {"setting": [repr(setting) for setting, _ in model.trials], "log_loss": losses}
        )
        names = [name for name, _ in model.weights]
        sizes = [size for _, size in model.weights]
        tables[f"{model.name} weights"] = pa.table(
            {"column": pa.array(names, pa.string()), "weight": pa.array(sizes, pa.float64())}
        )
        rows.append(("tuning_log_loss", model.name, min(losses), None, None, None))
    notes = [f"{m.name}: chosen by {m.judged_on}; recalibration: {m.recalibration}" for m in fitted]
    return Result(title, estimates(rows), tables, notes=notes)
