"""Cox regression: hazard ratios, their test of proportionality, concordance."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa

from biolake.analyses._registration import analysis
from biolake.analyses._variables import column_of, follow_up
from biolake.core.context import Context, Samples
from biolake.core.params import Param
from biolake.core.result import Result, estimates
from biolake.statistics.concordance import harrell
from biolake.statistics.cox import CoxFit, fit_cox
from biolake.statistics.distributions import two_sided_p
from biolake.statistics.proportional_hazards import proportional_hazards_test
from biolake.statistics.risk_sets import SurvivalData


@analysis(title="Cox regression")
def cox(
    ctx: Context,
    terms: Annotated[tuple[str, ...], Param("Variables in the model")] = ("age", "sex"),
) -> Result:
    """Fit Cox's model with Efron's ties to the complete cases, competing events as censoring.

    Hazard ratios are cause-specific. Several samples of one subject get robust errors
    (Lin & Wei 1989). Proportionality is tested by Schoenfeld residuals (Grambsch & Therneau 1994).
    """
    samples = ctx.samples("train", "tuning", "held_out")
    duration, observed = follow_up(samples)
    names, design, notes = _design(samples, terms)
    complete = ~np.isnan(design).any(axis=1) & (duration > 0.0)
    if dropped := int((~complete).sum()):
        notes.append(f"{dropped} samples left out: a term is missing, or they have no follow-up")
    subjects = samples.subject_id[complete]
    repeated = len(np.unique(subjects)) < len(subjects)
    data = SurvivalData(
        design[complete],
        duration[complete],
        observed[complete] == 1,
        names=names,
        clusters=subjects if repeated else None,
    )
    return _told(fit_cox(data), data, notes)


def _told(fit: CoxFit, data: SurvivalData, notes: list[str]) -> Result:
    ratio, low, high = fit.hazard_ratios()
    score, errors = fit.log_partial_hazard(data.covariates), fit.standard_errors
    c = harrell(data.duration, data.observed, score).index
    p = [two_sided_p(float(b / e)) for b, e in zip(fit.coefficients, errors, strict=True)]
    table = pa.table(
        {"term": list(fit.names), "hr": ratio, "low": low, "high": high, "se": errors, "p": p}
    )
    test = proportional_hazards_test(fit, data)
    tests = pa.table({"term": [*fit.names, "all terms"], "p": [*test.p.tolist(), test.global_p]})
    totals = pa.table({"n": [fit.subjects], "events": [fit.events], "concordance": [c]})
    rows = [
        ("hazard_ratio", n, float(a), float(b), float(d), None)
        for n, a, b, d in zip(fit.names, ratio, low, high, strict=True)
    ]
    tables = {"coefficients": table, "ph_test": tests, "totals": totals}
    return Result("Cox regression", estimates(rows), tables, notes=notes)


def _design(
    samples: Samples, terms: tuple[str, ...]
) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """Return columns of numbers: a category becomes one column a level but its commonest."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    notes: list[str] = []
    for term in terms:
        values = column_of(samples, term)
        if values.dtype.kind in "fiub":
            names.append(term)
            columns.append(values.astype(np.float64))
            continue
        levels, counts = np.unique(values.astype(str), return_counts=True)
        base = levels[np.argmax(counts)]
        notes.append(f"{term}: compared with {base}")
        for level in levels[levels != base]:
            names.append(f"{term}: {level}")
            columns.append((values == level).astype(np.float64))
    return tuple(names), np.column_stack(columns), notes
